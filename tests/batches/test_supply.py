"""Which rows serve which kind of batch."""
import numpy as np
import pytest

from pyterrier_hybrid.batches.kinds import Kind
from pyterrier_hybrid.batches.supply import build_supplies, passages_per_pair

MONO, CROSS, MULTI, MIXED = Kind


@pytest.fixture
def pairs(bare):
    return bare(
        big=('qa', [('de en', 'de en', 6), ('de', 'de', 4), ('th', 'th', 3)]),
        bitext=('bitext', [('de ru', 'de ru', 9)]),
        small=('qa', [('de', 'de', 5)]),
        smaller=('qa', [('de', 'de', 2), ('en', 'en', 1)]),
    )


def test_one_supply_per_source_and_one_of_the_small_ones(pairs):
    supplies = build_supplies(MONO, pairs.sources, 6)
    assert [p.name for p in supplies] == ['big', 'small+smaller']
    big, together = supplies
    assert big.pairs == [('de', 'de'), ('en', 'en')]  # three rows in Thai cannot fill a batch
    assert [s.query_langs for s in big.strata] == [('de', 'en'), ('de',)]
    assert big.serves.tolist() == [[True, True], [True, False]]
    assert (big.sizes.tolist(), big.starts.tolist(), big.rows) == ([6, 4], [0, 6], 10)
    assert together.pairs == [('de', 'de')] and together.rows == 7
    assert [source.name for source in together.sources] == ['small', 'smaller']
    assert [p.name for p in build_supplies(CROSS, pairs.sources, 6)] == ['big', 'bitext']


def test_passages_count_and_not_rows(bare):
    pairs = bare(faq=('qa', [('de', 'de', 12)], lambda row: row // 3))
    assert passages_per_pair(MONO, pairs.sources, 4) == {('de', 'de'): 4}
    assert build_supplies(MONO, pairs.sources, 4)[0].rows == 12
    with pytest.raises(ValueError, match='no source can fill a monolingual batch of 5'):
        build_supplies(MONO, pairs.sources, 5)


def test_passages_shared_by_strata_and_sources_count_once(bare):
    strata = [('de en', 'de en', 6), ('de', 'de', 6)]
    pairs = bare(a=('qa', strata, lambda row: row % 6), b=('qa', [('de', 'de', 3)], lambda row: row + 4))
    assert passages_per_pair(MONO, pairs.sources, 10) == {('de', 'de'): 7, ('en', 'en'): 6}
    assert passages_per_pair(MONO, pairs.sources, 3) == {('de', 'de'): 3, ('en', 'en'): 3}  # enough: no need for more
    with pytest.raises(ValueError, match=r'a monolingual batch of 8: .*, and there are at most 7\. '):
        build_supplies(MONO, pairs.sources, 8)


COVERAGE = [' '.join(sorted({'de', chr(97 + i) * 2})) for i in range(20)]


@pytest.mark.parametrize('batch_size', [9, 10, 11, 12, 200])
@pytest.mark.parametrize('apart', [False, True], ids=['one source', 'twenty sources'])
def test_many_strata_that_share_few_passages(bare, batch_size, apart):
    """Twenty strata of ten rows each, and all of them on the same ten passages."""
    strata = [(langs, langs, 10) for langs in COVERAGE]
    parts = [[stratum] for stratum in strata] if apart else [strata]
    pairs = bare(**{f's{i}': ('qa', part, lambda row: row % 10) for i, part in enumerate(parts)})
    assert passages_per_pair(MONO, pairs.sources, batch_size)['de', 'de'] == min(batch_size, 10)
    if batch_size <= 10:
        assert ('de', 'de') in build_supplies(MONO, pairs.sources, batch_size)[0].pairs
    else:
        with pytest.raises(ValueError, match=f'a mixed batch of {batch_size}: .*, and there are at most 10[.] '):
            build_supplies(MIXED, pairs.sources, batch_size)


class Read:
    """Passage ids that count how many of them are read."""

    def __init__(self, ids):
        self.ids, self.rows = ids, 0

    def __getitem__(self, rows):
        self.rows += len(self.ids[rows])
        return self.ids[rows]


@pytest.mark.parametrize(('of_row', 'batch_size', 'found', 'most_read'), [
    (lambda row: row % 50, 40, 40, 0),  # either stratum has enough
    (lambda row: row % 50, 60, 50, 80_000),  # both are read until all of their passages have been seen
    (lambda row: row % 50 + 50 * (row >= 100_000), 60, 60, 80_000),
    (lambda row: 99 if row in (99_999, 100_000) else row % 50, 60, 51, 200_000),  # the last row has one more
    (lambda row: row // 2_000, 60, 60, 200_000),
    (lambda row: row // 2_000, 120, 100, 200_000),
])  # fmt: skip
def test_strata_are_read_only_where_it_takes_several_and_as_far_as_needed(bare, of_row, batch_size, found, most_read):
    pairs = bare(faq=('qa', [('de', 'de', 100_000), ('de en', 'de en', 100_000)], of_row))
    (source,) = pairs.sources
    source.passage_ids = Read(source.passage_ids)
    assert passages_per_pair(MONO, [source], batch_size)['de', 'de'] == found
    assert source.passage_ids.rows <= most_read


def test_pairs_uniform_and_strata_by_rows(pairs):
    (supply,) = build_supplies(MULTI, pairs.sources[:1], 4)
    assert supply.pairs == [('de', 'de'), ('de', 'en'), ('en', 'de'), ('en', 'en')]
    marginal, cumulative = supply.stratum_marginal, supply.pair_given_stratum
    joint = marginal[:, None] * np.diff(cumulative, prepend=0, axis=1)
    np.testing.assert_allclose(joint, [[0.6 / 4, 1 / 4, 1 / 4, 1 / 4], [0.4 / 4, 0, 0, 0]], atol=1e-12)
    assert cumulative[:, -1].tolist() == [1, 1]


@pytest.mark.parametrize(('kind', 'needs'), [
    (MONO, 'both sides in one and the same language'),
    (CROSS, 'a query in one language and a passage in another'),
    (MULTI, 'a query in one language and a passage in one'),
    (MIXED, 'both sides in one and the same language'),
])  # fmt: skip
def test_no_supply_is_an_error_with_what_there_is(pairs, kind, needs):
    with pytest.raises(ValueError, match=f'no source can fill a {kind.value} batch of 60: .*{needs}') as error:
        build_supplies(kind, pairs.sources, 60)
    assert 'big (qa, 13 rows, de en th), bitext (bitext, 9 rows, de ru), small' in str(error.value)
    assert f'a mix without {kind.value}' in str(error.value)
