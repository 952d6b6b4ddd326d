"""How measures are read and printed."""
import pytest

from pyterrier_hybrid.experiment.presentation import (
    better,
    direction,
    format_value,
    in_full,
    one_line,
    shortened,
    signed,
)


@pytest.mark.parametrize('measure, direction, printed', [
    ('AP', 1, '0.123'), ('AP(rel=2)@10', 1, '0.123'), ('LPR', 0, '0.123'), ('LPR(rel=2)', 0, '0.123'),
    ('RankDistance', -1, '0'), ('RankDistance(norm=True,pool=9)', -1, '0.123'), ('nDCG@10', 1, '0.123'),
])  # fmt: skip
def test_direction_and_digits(measure, direction, printed):
    assert (better(measure), format_value(measure, 0.1234)) == (direction, printed)


def test_blanks_and_thousands():
    assert format_value('AP', float('nan')) == format_value('AP', None) == ''
    assert format_value('RankDistance@1000', 12_345.6) == '12,346'


@pytest.mark.parametrize(('measure', 'value', 'shown'), [
    ('AP', 0.1234, '+0.123'), ('AP', -0.1234, '−0.123'), ('AP', 0.0, '0.000'), ('RankDistance', -1234.5, '−1,234'),
    ('AP', -0.0001, '0.000'), ('AP', 0.0004, '0.000'), ('RankDistance', -0.4, '0'), ('AP', -0.0006, '−0.001'),
    ('RankDistance', 100.0, '+100'), ('AP', float('nan'), ''),
])  # fmt: skip
def test_signed(measure, value, shown):
    assert signed(measure, value) == shown


def test_a_measure_in_full():
    assert in_full('RankDistance') == 'RankDistance: Rank distance between languages, in ranks, lower is better'
    assert in_full('my "measure"') == 'my "measure", higher is better'
    assert direction('LPR') == ''


@pytest.mark.parametrize(('name', 'shown'), [
    ('a\n\\input{x}', 'a \\input{x}'), (' two\t words ', 'two words'), ('\x00\x1b[31m', '\ufffd\ufffd[31m'),
    ('\ud800', '\ufffd'), ('\u202egnp', '\ufffdgnp'), ('', ''), ('混合', '混合'),
])  # fmt: skip
def test_names_are_one_line(name, shown):
    assert one_line(name) == shown


@pytest.mark.parametrize('length', [7, 8])
def test_long_names_keep_their_ends(length):
    assert shortened('abcdefghij', 10) == 'abcdefghij'
    short = shortened('abcdefghij', length)
    assert len(short) == length and short[0] == 'a' and short[-1] == 'j' and '…' in short
