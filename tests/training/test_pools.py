"""Which rows serve which kind of batch."""
import numpy as np
import pytest

from pyterrier_hybrid.training.pairs_source import Stratum
from pyterrier_hybrid.training.pools import Kind, build_pools, language_pairs, passages_per_pair

MONO, CROSS, MULTI, MIXED = Kind


@pytest.mark.parametrize(('kind', 'source_kind', 'queries', 'passages', 'expected'), [
    (MONO, 'qa', 'de en', 'de en', 'de-de en-en'),
    (MIXED, 'qa', 'de en', 'de en', 'de-de en-en'),
    (CROSS, 'qa', 'de en', 'de en', 'de-en en-de'),
    (MULTI, 'qa', 'de en', 'de en', 'de-de de-en en-de en-en'),
    (MONO, 'qa', 'de en', 'en fr', 'en-en'),
    (CROSS, 'qa', 'de en', 'en fr', 'de-en de-fr en-fr'),
    (MULTI, 'qa', 'de en', 'en fr', 'de-en de-fr en-en en-fr'),
    (MONO, 'qa', 'de', 'de', 'de-de'),
    (CROSS, 'qa', 'de', 'de', ''),
    (MULTI, 'qa', 'de', 'de', 'de-de'),
    (MONO, 'qa', 'de', 'en', ''),
    (MIXED, 'qa', 'de', 'en', ''),
    (CROSS, 'qa', 'de', 'en', 'de-en'),
    (MONO, 'bitext', 'de en', 'de en', ''),
    (MIXED, 'bitext', 'de en', 'de en', ''),
    (MULTI, 'bitext', 'de en', 'de en', ''),
    (CROSS, 'bitext', 'de en', 'de en', 'de-en en-de'),
    (CROSS, 'bitext', 'de', 'de', ''),
])  # fmt: skip
def test_language_pairs(kind, source_kind, queries, passages, expected):
    stratum = Stratum(tuple(queries.split()), tuple(passages.split()), 0, 1, 1)
    assert ' '.join(f'{x}-{y}' for x, y in language_pairs(kind, source_kind, stratum)) == expected


@pytest.fixture
def pairs(bare):
    return bare(
        big=('qa', [('de en', 'de en', 6), ('de', 'de', 4), ('th', 'th', 3)]),
        bitext=('bitext', [('de ru', 'de ru', 9)]),
        small=('qa', [('de', 'de', 5)]),
        smaller=('qa', [('de', 'de', 2), ('en', 'en', 1)]),
    )


def test_one_pool_per_source_and_one_of_the_small_ones(pairs):
    pools = build_pools(MONO, pairs.sources, 6)
    assert [p.name for p in pools] == ['big', 'small+smaller']
    big, together = pools
    assert big.pairs == [('de', 'de'), ('en', 'en')]  # three rows in Thai cannot fill a batch
    assert [s.query_langs for s in big.strata] == [('de', 'en'), ('de',)]
    assert big.serves.tolist() == [[True, True], [True, False]]
    assert (big.sizes.tolist(), big.starts.tolist(), big.rows) == ([6, 4], [0, 6], 10)
    assert together.pairs == [('de', 'de')] and together.rows == 7
    assert [source.name for source in together.sources] == ['small', 'smaller']
    assert [p.name for p in build_pools(CROSS, pairs.sources, 6)] == ['big', 'bitext']


def test_passages_count_and_not_rows(bare):
    pairs = bare(faq=('qa', [('de', 'de', 12)], lambda row: row // 3))
    assert passages_per_pair(MONO, pairs.sources, 4) == {('de', 'de'): 4}
    assert build_pools(MONO, pairs.sources, 4)[0].rows == 12
    with pytest.raises(ValueError, match='no source can fill a monolingual batch of 5'):
        build_pools(MONO, pairs.sources, 5)


def test_passages_shared_by_strata_and_sources_count_once(bare):
    strata = [('de en', 'de en', 6), ('de', 'de', 6)]
    pairs = bare(a=('qa', strata, lambda row: row % 6), b=('qa', [('de', 'de', 3)], lambda row: row + 4))
    assert passages_per_pair(MONO, pairs.sources, 10) == {('de', 'de'): 7, ('en', 'en'): 6}
    assert passages_per_pair(MONO, pairs.sources, 3) == {('de', 'de'): 15, ('en', 'en'): 6}  # enough, uncounted
    with pytest.raises(ValueError, match='no source can fill a monolingual batch of 8'):
        build_pools(MONO, pairs.sources, 8)


def test_pairs_uniform_and_strata_by_rows(pairs):
    (pool,) = build_pools(MULTI, pairs.sources[:1], 4)
    assert pool.pairs == [('de', 'de'), ('de', 'en'), ('en', 'de'), ('en', 'en')]
    marginal, cumulative = pool.stratum_marginal, pool.pair_given_stratum
    joint = marginal[:, None] * np.diff(cumulative, prepend=0, axis=1)
    np.testing.assert_allclose(joint, [[0.6 / 4, 1 / 4, 1 / 4, 1 / 4], [0.4 / 4, 0, 0, 0]], atol=1e-12)
    assert cumulative[:, -1].tolist() == [1, 1]


@pytest.mark.parametrize(('kind', 'needs'), [
    (MONO, 'both sides in one and the same language'),
    (CROSS, 'a query in one language and a passage in another'),
    (MULTI, 'a query in one language and a passage in one'),
    (MIXED, 'both sides in one and the same language'),
])  # fmt: skip
def test_no_pool_is_an_error_with_what_there_is(pairs, kind, needs):
    with pytest.raises(ValueError, match=f'no source can fill a {kind.value} batch of 60: .*{needs}') as error:
        build_pools(kind, pairs.sources, 60)
    assert 'big (qa, 13 rows, de en th), bitext (bitext, 9 rows, de ru), small' in str(error.value)
    assert f'a mix without {kind.value}' in str(error.value)
