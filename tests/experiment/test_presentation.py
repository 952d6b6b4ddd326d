"""How measures are read and printed."""
import pytest

from pyterrier_hybrid.experiment.presentation import base_name, better, format_value, signed


@pytest.mark.parametrize('measure, direction, printed', [
    ('AP', 1, '0.123'), ('AP(rel=2)@10', 1, '0.123'), ('LPR', 0, '0.123'), ('LPR(rel=2)', 0, '0.123'),
    ('RankDistance', -1, '0'), ('RankDistance(norm=True,pool=9)', -1, '0.123'), ('nDCG@10', 1, '0.123'),
])  # fmt: skip
def test_direction_and_digits(measure, direction, printed):
    assert (better(measure), format_value(measure, 0.1234)) == (direction, printed)


def test_blanks_and_thousands():
    assert format_value('AP', float('nan')) == format_value('AP', None) == ''
    assert format_value('RankDistance@1000', 12_345.6) == '12,346'
    assert base_name('RankDistance(rel=2)@10') == 'RankDistance'


@pytest.mark.parametrize(('measure', 'value', 'shown'), [
    ('AP', 0.1234, '+0.123'), ('AP', -0.1234, '−0.123'), ('AP', 0.0, '0.000'), ('RankDistance', -1234.5, '−1,234'),
])  # fmt: skip
def test_signed(measure, value, shown):
    assert signed(measure, value) == shown
