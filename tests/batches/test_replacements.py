"""No passage twice in a batch: what replaces a row, and what is said where nothing can."""
from collections import Counter, defaultdict

import numpy as np
import pytest
from scipy.stats import chisquare

from pyterrier_hybrid.batches.hybrid import HybridBatches
from pyterrier_hybrid.batches.kinds import Kind

HALF = {'monolingual': 0.5, 'crosslingual': 0.5}


def source_of(pairs, name):
    return next(source for source in pairs.sources if source.name == name)


def stratum_of(source, row):
    return next(s for s in source.strata if s.start <= row < s.stop)


def passages(pairs, batch):
    return [int(source_of(pairs, name).passage_ids[row]) for name, row in zip(batch.sources, batch.rows)]


SHARED = {
    'two questions a passage': lambda row: row // 2,
    'one passage for many': lambda row: min(row, 30) if row < 60 else row,
    'neighbours and far ones': lambda row: row % 40,
}


@pytest.mark.parametrize('of_row', SHARED.values(), ids=list(SHARED))
@pytest.mark.parametrize('kind', [kind.value for kind in Kind])
def test_no_passage_twice_in_whatever_languages(bare, kind, of_row):
    pairs = bare(faq=('qa', [('ar de en', 'ar de en', 90), ('de en', 'de en', 70)], of_row))
    plan = HybridBatches(pairs, batch_size=32, mix={kind: 1.0})
    for step in range(12 * len(plan)):
        batch = plan.batch(step)
        assert len(set(passages(pairs, batch))) == len(batch)
        for row, *pair in zip(batch.rows, batch.query_langs, batch.passage_langs):
            assert tuple(pair) in batch.kind.language_pairs('qa', stratum_of(pairs.sources[0], row))


def test_other_strata_are_used_in_proportion_to_their_rows(bare):
    """All rows in Arabic are one passage: most of what replaces them comes from two strata, of 60 and of 180 rows."""
    strata = [('ar de', 'ar de', 240), ('de', 'de', 60), ('de en', 'de en', 180)]
    pairs = bare(faq=('qa', strata, lambda row: max(row, 239)))
    drawn = Counter()
    for seed in range(12):
        plan = HybridBatches(pairs, batch_size=40, mix={'monolingual': 1.0}, seed=seed)
        for step in range(len(plan)):
            batch = plan.batch(step)
            if batch.query_langs[0] == 'de':
                drawn.update(stratum_of(pairs.sources[0], row).start for row in batch.rows)
    assert abs(drawn[300] / (drawn[240] + drawn[300]) - 0.75) < 0.03


def test_every_round_of_a_stratum_has_other_replacements(bare):
    """Eight rounds of a stratum in an epoch, at one position each: a replacement that comes again would be no draw."""
    pairs = bare(small=('qa', [('de', 'de', 24)], lambda row: row // 2), large=('qa', [('de', 'de', 400)]))
    plan = HybridBatches(pairs, batch_size=12, mix={'monolingual': 1.0}, source_temperature=0.0)
    batches = [plan.batch(step) for step in range(40 * len(plan))]
    drawn = Counter(row for batch in batches if 'small' in batch.sources for row in batch.rows)
    assert len(drawn) == 24 and chisquare(list(drawn.values())).pvalue > 1e-3


def test_small_sources_together_get_their_part_of_all_epochs(bare):
    """An epoch is 13 batches of 8; the least source has 1 row in 104, 3 rows in 8 epochs' German batches."""
    small = {f's{n}': ('qa', [('de', 'de', n), ('en', 'en', 8 - n)]) for n in range(1, 8)}
    pairs = bare(big=('qa', [('en', 'en', 48)]), **small)
    expected, drawn = Counter(), Counter()
    for epoch in range(300):
        plan = HybridBatches(pairs, batch_size=8, mix={'monolingual': 1.0}, source_temperature=0.0, seed=epoch % 3)
        for step in range(epoch * len(plan), (epoch + 1) * len(plan)):
            batch = plan.batch(step)
            if 'big' not in batch.sources:
                lang = batch.query_langs[0]
                drawn.update((name, lang) for name in batch.sources)
                expected.update({(f's{n}', lang): (n if lang == 'de' else 8 - n) / 28 * 8 for n in range(1, 8)})
    for share, count in drawn.items():
        assert abs(count - expected[share]) < 0.1 * expected[share]


def test_no_passage_twice_across_pooled_sources(bare):
    strata = [('de en', 'de en', 10)]
    pairs = bare(a=('qa', strata, lambda row: row), b=('qa', strata, lambda row: row + 5), c=('qa', strata))
    plan = HybridBatches(pairs, batch_size=16, mix=HALF)
    for step in range(60):
        batch = plan.batch(step)
        assert len(set(passages(pairs, batch))) == 16 and set(batch.sources) <= {'a', 'b', 'c'}


def test_a_replacement_does_not_take_the_turn_of_a_row(bare):
    """With pairs of questions on a passage, rows that were not replaced still come once an epoch.

    A replacement comes from anywhere in the stratum: not from the rows whose turn is next.
    """
    pairs = bare(faq=('qa', [('de', 'de', 1600)], lambda row: row // 2))
    plan = HybridBatches(pairs, batch_size=80, mix={'monolingual': 1.0})
    steps = defaultdict(list)
    for step in range(20):
        for row in plan.batch(step).rows:
            steps[row].append(step)
    replaced = 1600 - len(steps)
    assert 20 < replaced < 120
    assert sum(len(at) - 1 for at in steps.values()) == replaced
    apart = [at[1] - at[0] for at in steps.values() if len(at) > 1]
    assert np.mean(apart) > 4  # 7 expected of two random steps out of 20


def test_replacements_from_another_stratum_when_its_own_has_no_more(bare):
    """All rows in Arabic are one passage; batches in German take the rest from the other stratum."""
    pairs = bare(faq=('qa', [('de', 'de', 100), ('ar de', 'ar de', 100)], lambda row: min(row, 100)))
    plan = HybridBatches(pairs, batch_size=32, mix={'monolingual': 1.0})
    for step in range(20):
        batch = plan.batch(step)
        assert set(batch.query_langs) == {'de'} and len(set(passages(pairs, batch))) == 32


@pytest.mark.parametrize('kind', ['monolingual', 'mixed', 'crosslingual', 'multilingual'])
@pytest.mark.parametrize(('batch_size', 'strata'), [(12, 20), (11, 20), (14, 5), (41, 20)])
def test_too_few_passages_in_strata_that_share_them_are_reported_before_any_batch(bare, kind, batch_size, strata):
    coverage = [f'{chr(97 + i) * 2} de en' for i in range(strata)]
    pairs = bare(faq=('qa', [(langs, langs, 10) for langs in coverage], lambda row: row % 10))
    with pytest.raises(ValueError, match=f'no source can fill a {kind} batch of {batch_size}: .* at most 10[.] '):
        HybridBatches(pairs, batch_size=batch_size, mix={kind: 1.0})
    batches = HybridBatches(pairs, batch_size=10, mix={kind: 1.0})
    assert all(len(set(passages(pairs, batches.batch(step)))) == 10 for step in range(2 * len(batches)))


def test_languages_whose_strata_share_too_few_passages_are_left_out(bare):
    """German has 8 passages of its own beside the 10 that it shares with English and French."""
    shared = [(langs, langs, 10) for langs in ('de en', 'de en fr', 'de fr', 'en fr', 'de en es', 'de en it')]
    pairs = bare(faq=('qa', [*shared, ('de', 'de', 8)], lambda row: row % 10 if row < 60 else row))
    batches = HybridBatches(pairs, batch_size=12, mix={'monolingual': 1.0})
    assert {batches.batch(step).query_langs for step in range(30)} == {('de',) * 12}
    (row,) = batches.describe().itertuples()
    assert row.left_out == 'fewer than 12 passages: en 10, es 10, fr 10, it 10'
    assert (row.rows, row.never_drawn, row.language_pairs) == (58, 10, 1)


def test_pairs_that_changed_since_the_import_are_an_error_that_names_the_step(bare):
    pairs = bare(faq=('qa', [('de', 'de', 24)], lambda row: row % 12))
    pairs.sources[0].strata = [s._replace(passages=14) for s in pairs.sources[0].strata]
    batches = HybridBatches(pairs, batch_size=14, mix={'mixed': 1.0})
    with pytest.raises(ValueError, match=r"step 0: .*'faq'.* a mixed batch in de -> de, .*import the pairs anew"):
        batches.batch(0)
