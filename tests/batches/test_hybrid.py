"""Hybrid batches: a pure function of (seed, step), exactly the mix that was asked for."""
import pickle
import subprocess
import sys
from collections import Counter, defaultdict
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from scipy.stats import chisquare

from pyterrier_hybrid.batches.hybrid import Batch, HybridBatches
from pyterrier_hybrid.batches.kinds import Kind

HALF = {'monolingual': 0.5, 'crosslingual': 0.5}
ALL = {'monolingual': 0.4, 'crosslingual': 0.3, 'multilingual': 0.2, 'mixed': 0.1}


@pytest.fixture(scope='module')
def uneven(bare):
    """Two sources of unequal coverage, two that are too small alone, bitext; a row is its own passage."""
    return bare(
        faq=('qa', [('ar de en', 'ar de en', 300), ('de en', 'en', 180), ('en', 'en', 120)]),
        qa=('qa', [('de en', 'de en', 96)]),
        talks=('bitext', [('de en ru', 'de en ru', 150), ('de ru', 'de ru', 74)]),
        tiny=('qa', [('de', 'de', 10), ('en', 'en', 12)]),
        least=('qa', [('de', 'de', 9), ('de en', 'de en', 5)]),
    )


def source_of(pairs, name):
    return next(source for source in pairs.sources if source.name == name)


def stratum_of(source, row):
    return next(s for s in source.strata if s.start <= row < s.stop)


def passages(pairs, batch):
    return [int(source_of(pairs, name).passage_ids[row]) for name, row in zip(batch.sources, batch.rows)]


@pytest.mark.parametrize('mix', [HALF, ALL])
def test_every_pair_is_one_that_its_row_can_serve(uneven, mix):
    batches = HybridBatches(uneven, batch_size=16, mix=mix)
    seen = set()
    for step in range(2 * len(batches)):
        batch = batches.batch(step)
        assert isinstance(batch, Batch) and len(batch) == 16
        assert len(batch.sources) == len(batch.query_langs) == len(batch.passage_langs) == 16
        for name, row, *pair in zip(batch.sources, batch.rows, batch.query_langs, batch.passage_langs):
            source = source_of(uneven, name)
            assert tuple(pair) in batch.kind.language_pairs(source.kind, stratum_of(source, row))
            assert type(row) is int and type(name) is str and type(pair[0]) is str
        assert len(set(passages(uneven, batch))) == 16
        if batch.kind is Kind.MONOLINGUAL:
            assert len({*batch.query_langs, *batch.passage_langs}) == 1
        elif batch.kind is Kind.MIXED:
            assert batch.query_langs == batch.passage_langs
        elif batch.kind is Kind.CROSSLINGUAL:
            assert all(x != y for x, y in zip(batch.query_langs, batch.passage_langs))
        seen.add(batch.kind)
    assert seen == {Kind(name) for name in mix}


def test_one_source_a_batch_unless_it_is_too_small_alone(uneven):
    batches = HybridBatches(uneven, batch_size=16, mix=ALL)
    drawn = {frozenset(batches.batch(step).sources) for step in range(6 * len(batches))}
    assert {frozenset([name]) for name in ('faq', 'qa', 'talks')} <= drawn
    together = {names for names in drawn if len(names) > 1}
    assert together and all(names == {'tiny', 'least'} for names in together)


def test_pure_in_any_order_thread_and_process(uneven):
    batches, steps = HybridBatches(uneven, batch_size=16, mix=ALL, seed=3), [*range(150), 10**7]
    forward = [batches.batch(step) for step in steps]
    again = HybridBatches(uneven, batch_size=16, mix=ALL, seed=3)
    assert [again.batch(step) for step in reversed(steps)] == forward[::-1]
    with ThreadPoolExecutor(4) as threads:
        assert list(threads.map(HybridBatches(uneven, batch_size=16, mix=ALL, seed=3).batch, steps)) == forward
    assert batches.batch(np.int64(7)) == forward[7]
    assert HybridBatches(uneven, batch_size=np.int32(16), mix=ALL, seed=np.int64(3)).batch(7) == forward[7]
    other = HybridBatches(uneven, batch_size=16, mix=ALL, seed=4)
    assert sum(other.batch(step) == batch for step, batch in zip(steps, forward)) < 5


def test_the_same_in_another_process(corpus):
    batches = HybridBatches(corpus, batch_size=8, mix=HALF, seed=1)
    code = (
        'import sys; from pyterrier_hybrid import ParallelPairs, HybridBatches\n'
        f'b = HybridBatches(ParallelPairs({str(corpus.folder)!r}), batch_size=8, mix={HALF!r}, seed=1)\n'
        'print([b.batch(step) for step in reversed(range(20))])'
    )
    run = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == repr([batches.batch(step) for step in reversed(range(20))])
    copy = pickle.loads(pickle.dumps(batches))
    assert [copy.batch(step) for step in range(20)] == [batches.batch(step) for step in range(20)]
    assert copy.describe().equals(batches.describe())


def test_kinds_are_in_the_ratio_of_the_mix_over_seeds(uneven):
    counts = Counter()
    for seed in range(12):
        plan = HybridBatches(uneven, batch_size=16, mix=ALL, seed=seed)
        counts.update(plan.batch(step).kind.value for step in range(2 * len(plan)))
    total = sum(counts.values())
    assert chisquare([counts[kind] for kind in ALL], [total * share for share in ALL.values()]).pvalue > 1e-3


@pytest.mark.parametrize('temperature', [0.0, 0.5, 1.0])
def test_sources_by_rows_to_the_temperature(uneven, temperature):
    counts, weights = Counter(), {'faq': 480, 'qa': 96, 'talks': 224}  # eligible for crosslingual
    for seed in range(8):
        how = {'mix': {'crosslingual': 1.0}, 'source_temperature': temperature, 'seed': seed}
        plan = HybridBatches(uneven, batch_size=16, **how)
        counts.update(plan.batch(step).sources[0] for step in range(100))
    shares = np.array([weights[name] for name in sorted(weights)]) ** temperature
    observed = [counts[name] for name in sorted(weights)]
    assert chisquare(observed, sum(observed) * shares / shares.sum()).pvalue > 1e-3


def test_languages_are_uniform_though_their_rows_are_not(bare):
    pairs = bare(faq=('qa', [('ar de en', 'ar de en', 100), ('de en', 'de en', 400), ('en', 'en', 900)]))
    drawn = defaultdict(Counter)
    for seed in range(20):
        plan = HybridBatches(pairs, batch_size=10, mix=dict.fromkeys(ALL, 0.25), seed=seed)
        for step in range(60):
            batch = plan.batch(step)
            if batch.kind is Kind.MONOLINGUAL:
                drawn[batch.kind][batch.query_langs[0], batch.passage_langs[0]] += 1
            else:
                drawn[batch.kind].update(zip(batch.query_langs, batch.passage_langs))
    assert {kind: len(counts) for kind, counts in drawn.items()} == dict(zip(Kind, (3, 6, 9, 3)))
    for counts in drawn.values():
        assert chisquare(list(counts.values())).pvalue > 1e-3


def test_rows_are_proportional_within_a_language_pair(bare):
    """en-en is served by three strata of 100, 400 and 900 rows, ar-de by the first alone."""
    pairs = bare(faq=('qa', [('ar de en', 'ar de en', 100), ('de en', 'de en', 400), ('en', 'en', 900)]))
    by_pair = defaultdict(Counter)
    for seed in range(10):
        plan = HybridBatches(pairs, batch_size=10, mix={'multilingual': 1.0}, seed=seed)
        for step in range(len(plan)):
            batch = plan.batch(step)
            for row, *pair in zip(batch.rows, batch.query_langs, batch.passage_langs):
                by_pair[tuple(pair)][stratum_of(pairs.sources[0], row).start] += 1
    assert set(by_pair['ar', 'de']) == {0}
    for pair, sizes in {('en', 'en'): [100, 400, 900], ('de', 'en'): [100, 400]}.items():
        observed = [by_pair[pair][start] for start in (0, 100, 500)[: len(sizes)]]
        assert chisquare(observed, sum(observed) * np.array(sizes) / sum(sizes)).pvalue > 1e-3


def test_strata_are_used_up_before_a_row_repeats(uneven):
    """Per source, kind and stratum, and across the languages of monolingual batches, in every epoch."""
    plan = HybridBatches(uneven, batch_size=16, mix=ALL, seed=2)
    for epoch in (0, 1, 5):
        used = defaultdict(list)
        for step in range(epoch * len(plan), (epoch + 1) * len(plan)):
            batch = plan.batch(step)
            for name, row in zip(batch.sources, batch.rows):
                used[name, batch.kind, stratum_of(source_of(uneven, name), row)].append(row)
        assert len(used) > 10
        for (_, _, stratum), rows in used.items():
            size = stratum.stop - stratum.start
            for begin in range(0, len(rows) - size + 1, size):
                # a batch that straddles two rounds may draw a row twice, which is then replaced: at most a batch
                assert len(set(rows[begin : begin + size])) >= size - 2
            if len(rows) < size:
                assert len(set(rows)) >= len(rows) - 2
    first = [plan.batch(step).rows for step in range(len(plan))]
    assert first != [plan.batch(step).rows for step in range(len(plan), 2 * len(plan))]


def test_one_stratum_one_kind_is_a_permutation_an_epoch(bare):
    """Nothing is replaced where the batch size divides the rows: every row once an epoch, exactly."""
    pairs = bare(faq=('qa', [('de en fr', 'de en fr', 320)]))
    for mix in ('monolingual', 'crosslingual', 'multilingual', 'mixed'):
        plan, orders = HybridBatches(pairs, batch_size=16, mix={mix: 1.0}, seed=5), set()
        for epoch in range(3):
            rows = [row for step in range(20) for row in plan.batch(20 * epoch + step).rows]
            assert sorted(rows) == list(range(320))
            orders.add(tuple(rows))
        assert len(orders) == 3  # in another order in every epoch


@pytest.mark.parametrize(('mix', 'eligible'), [
    ({'monolingual': 1.0}, 600 + 96 + 22 + 14),
    ({'crosslingual': 1.0}, 480 + 96 + 224),
    (HALF, 600 + 96 + 224 + 22 + 14),  # a row counts once, though two kinds can draw it
    (ALL, 600 + 96 + 224 + 22 + 14),
    ([(0, {'crosslingual': 1.0}), (9, {'mixed': 1.0})], 600 + 96 + 224 + 22 + 14),
    (lambda step: {'crosslingual': 1.0, 'mixed': 0.0}, 600 + 96 + 224 + 22 + 14),
])  # fmt: skip
def test_length_is_exact(uneven, mix, eligible):
    plan = HybridBatches(uneven, batch_size=16, mix=mix)
    assert len(plan) == eligible // 16
    assert plan.batch(len(plan) - 1) != plan.batch(len(plan))


@pytest.mark.parametrize('rows', [16, 17, 31, 32, 33, 100])
def test_length_is_the_floor(bare, rows):
    pairs = bare(a=('qa', [('de', 'de', rows)]))
    assert len(HybridBatches(pairs, batch_size=16, mix={'monolingual': 1.0})) == rows // 16


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


def test_schedule(uneven):
    plan = HybridBatches(uneven, batch_size=16, mix=[(0, {'monolingual': 1.0}), (70, {'crosslingual': 1.0})], seed=1)
    assert [plan.batch(step).kind for step in range(140)] == [Kind.MONOLINGUAL] * 70 + [Kind.CROSSLINGUAL] * 70
    assert len(plan) == len(HybridBatches(uneven, batch_size=16, mix=HALF))
    assert plan.batch(10**6).kind is Kind.CROSSLINGUAL  # over the steps, not over an epoch
    same = HybridBatches(uneven, batch_size=16, mix=[(0, HALF), (500, HALF)], seed=1)
    constant = HybridBatches(uneven, batch_size=16, mix=HALF, seed=1)
    assert [same.batch(step) for step in range(40)] == [constant.batch(step) for step in range(40)]


def test_schedule_as_a_function(uneven):
    def ramp(step):
        return {'monolingual': max(0.0, 1 - step / 1000), 'crosslingual': min(1.0, step / 1000)}

    cross = np.zeros(4)
    for seed in range(3):
        plan = HybridBatches(uneven, batch_size=16, mix=ramp, seed=seed)
        for step in range(1000):
            cross[step // 250] += plan.batch(step).kind is Kind.CROSSLINGUAL
    expected = 3 * np.arange(1000).reshape(4, 250).sum(axis=1) / 1000
    assert chisquare([*cross, *(750 - cross)], [*expected, *(750 - expected)]).pvalue > 1e-3
    assert HybridBatches(uneven, batch_size=16, mix=ramp).batch(2000).kind is Kind.CROSSLINGUAL


def test_a_ramp_over_the_steps_of_a_run_that_is_shorter_than_an_epoch(uneven):
    """No step beyond the run is asked for: from step 5 on, this function gives no mix."""
    plan = HybridBatches(
        uneven, batch_size=16, mix=lambda step: {'monolingual': 1 - step / 4, 'crosslingual': step / 4}
    )
    assert len(plan) > 5
    assert [plan.batch(step).kind for step in (0, 4)] == [Kind.MONOLINGUAL, Kind.CROSSLINGUAL]
    assert set(plan.preview(4)['step']) == {0, 1, 2, 3}
    assert plan.mix.record(4)['mean'] == {'monolingual': 0.625, 'crosslingual': 0.375}
    shares = plan.describe(4).groupby('kind')['probability'].sum()
    np.testing.assert_allclose(shares[['monolingual', 'crosslingual']], [0.625, 0.375])
    for beyond in (lambda: plan.batch(5), plan.describe):
        with pytest.raises(ValueError, match=r'the mix of step 5 gives monolingual the probability -0\.25'):
            beyond()


def test_preview(uneven):
    plan = HybridBatches(uneven, batch_size=16, mix=ALL)
    table = plan.preview(30)
    assert list(table.columns) == ['step', 'kind', 'source', 'query_lang', 'passage_lang', 'pairs']
    naive = Counter()
    for step in range(30):
        batch = plan.batch(step)
        for name, *pair in zip(batch.sources, batch.query_langs, batch.passage_langs):
            naive[(step, batch.kind.value, name, *pair)] += 1
    assert {tuple(row[:-1]): row[-1] for row in table.itertuples(index=False)} == naive
    assert plan.preview(np.int64(30)).equals(table) and plan.preview(np.arange(30)).equals(table)
    assert plan.preview([5, 7]).equals(table[table.step.isin([5, 7])].reset_index(drop=True))
    assert plan.preview(0).empty and list(plan.preview(0).columns) == list(table.columns)


def test_describe(uneven):
    table = HybridBatches(uneven, batch_size=16, mix=HALF).describe().set_index(['kind', 'source'])
    expected = {
        ('monolingual', 'faq'): (600, 0, 3, ''),
        ('monolingual', 'qa'): (96, 0, 2, ''),
        ('monolingual', 'talks'): (0, 224, 0, 'bitext serves no monolingual batch'),
        ('monolingual', 'tiny'): (22, 0, 2, ''),
        ('monolingual', 'least'): (14, 0, 2, ''),
        ('crosslingual', 'faq'): (480, 120, 6, '120 rows fit no language pair of this kind'),
        ('crosslingual', 'qa'): (96, 0, 2, ''),
        ('crosslingual', 'talks'): (224, 0, 6, ''),
        ('crosslingual', 'tiny'): (0, 22, 0, f'there are no {Kind.CROSSLINGUAL.rule.needs}'),
        ('crosslingual', 'least'): (0, 14, 0, 'fewer than 16 passages: de-en 5, en-de 5'),
    }
    columns = ['rows', 'never_drawn', 'language_pairs', 'left_out']
    assert {key: tuple(row) for key, row in zip(table.index, table[columns].itertuples(index=False))} == expected
    np.testing.assert_allclose(table['probability'].groupby('kind').sum(), 0.5)
    np.testing.assert_allclose(table.loc[('crosslingual', 'talks'), 'probability'], 0.5 * 224 / 800)


def test_describe_of_a_run(uneven):
    plan = HybridBatches(uneven, batch_size=16, mix=[(0, {'monolingual': 1.0}), (10, {'crosslingual': 1.0})])
    for steps, cross in {10: 0.0, 20: 0.5, 100: 0.9, None: 1 - 10 / len(plan)}.items():
        shares = plan.describe(steps).groupby('kind')['probability'].sum()
        np.testing.assert_allclose(shares[['crosslingual', 'monolingual']], [cross, 1 - cross])
    with pytest.raises(ValueError, match='steps is 0; a run has at least 1 step'):
        plan.describe(0)


ONE_LANGUAGE = {
    'a': [('ar de', 'ar de', 10), ('ar', 'ar', 5)],  # too few in Arabic
    'b': [('de en', 'de en', 12), ('fr', 'fr', 10)],
    'c': [('en fr', 'en fr', 10)],
}
TWO_LANGUAGES = {
    'a': [('de', 'en', 14)],
    'b': [('de', 'en', 12), ('en fr', 'en fr', 9)],
    'c': [('en fr', 'en fr', 10)],
}


@pytest.mark.parametrize(('kind', 'strata', 'expected'), [
    ('monolingual', ONE_LANGUAGE, {'a': 10 / 22 / 3, 'b': (2 * 12 / 22 + 10 / 20) / 3, 'c': (10 / 22 + 10 / 20) / 3}),
    ('mixed', ONE_LANGUAGE, {'a': 10 / 22 / 3, 'b': (2 * 12 / 22 + 10 / 20) / 3, 'c': (10 / 22 + 10 / 20) / 3}),
    ('crosslingual', TWO_LANGUAGES, {'a': 14 / 26 / 3, 'b': (12 / 26 + 2 * 9 / 19) / 3, 'c': 2 * 10 / 19 / 3}),
])  # fmt: skip
def test_probabilities_of_small_sources_pooled(bare, kind, strata, expected):
    """Languages are uniform, so a small source's share is not its share of the rows."""
    pairs = bare(**{name: ('qa', each) for name, each in strata.items()})
    drawn, seeds, steps = Counter(), 60, 25
    for seed in range(seeds):
        plan = HybridBatches(pairs, batch_size=16, mix={kind: 1.0}, seed=seed)
        for step in range(steps):
            drawn.update(plan.batch(step).sources)
    stated = plan.describe().set_index('source')['probability'].to_dict()
    for name, share in stated.items():
        assert abs(drawn[name] / (16 * seeds * steps) - share) < 0.015
    assert stated == pytest.approx(expected)


def test_describe_is_true_of_what_is_drawn(uneven):
    plan = HybridBatches(uneven, batch_size=16, mix=ALL, source_temperature=0.5)
    drawn, pairs = Counter(), defaultdict(set)
    for step in range(40 * len(plan)):
        batch = plan.batch(step)
        drawn.update((batch.kind.value, name) for name in batch.sources)
        for name, *pair in zip(batch.sources, batch.query_langs, batch.passage_langs):
            pairs[batch.kind.value, name].add(tuple(pair))
    table = plan.describe().set_index(['kind', 'source'])
    total = sum(drawn.values())
    for key, row in table.iterrows():
        assert (drawn[key] > 0) == (row['rows'] > 0)
        assert abs(drawn[key] / total - row['probability']) < 0.02
    assert all(len(pairs[key]) <= table.loc[key, 'language_pairs'] for key in pairs)


def test_languages_too_small_are_named_five_at_most(bare):
    langs = ['aa', 'bb', 'cc', 'dd', 'ee', 'ff', 'gg']
    pairs = bare(faq=('qa', [('de', 'de', 40), *((lang, lang, 9 - i) for i, lang in enumerate(langs))]))
    (row,) = HybridBatches(pairs, batch_size=20, mix={'monolingual': 1.0}).describe().itertuples()
    assert row.left_out == 'fewer than 20 passages: gg 3, ff 4, ee 5, dd 6, cc 7 and 2 more'
    assert row.too_few == {(lang, lang): 9 - i for i, lang in enumerate(langs)} and row.absent == []


def test_languages_without_pairs_are_named_five_at_most(bare):
    langs = ['aa', 'bb', 'cc', 'dd', 'ee', 'ff', 'gg']
    pairs = bare(faq=('qa', [('de en', 'de en', 40), *((lang, lang, 20) for lang in langs)]))
    table = HybridBatches(pairs, batch_size=20, mix={'crosslingual': 1.0}).describe()
    assert table['left_out'][0] == '140 rows fit no language pair of this kind; ' \
        'no pair of this kind: aa, bb, cc, dd, ee and 2 more'  # fmt: skip
    assert table['absent'][0] == langs and table['too_few'][0] == {}


@pytest.mark.parametrize(('kind', 'reason'), [
    ('monolingual', 'no pair of this kind: en, th'),
    ('mixed', 'no pair of this kind: en, th'),
    ('crosslingual', 'fewer than 8 passages: vi-de 3; no pair of this kind: zh'),
    ('multilingual', 'fewer than 8 passages: vi-de 3, zh 5'),
])  # fmt: skip
def test_languages_without_pairs_are_named(bare, kind, reason):
    strata = [('de th', 'de en', 12), ('de', 'de', 9), ('vi', 'de', 3), ('zh', 'zh', 5)]
    if kind in ('monolingual', 'mixed'):
        strata = strata[:2]
    table = HybridBatches(bare(faq=('qa', strata)), batch_size=8, mix={kind: 1.0}).describe()
    assert table['left_out'].tolist() == [reason]


@pytest.mark.parametrize(('arguments', 'message'), [
    ({'batch_size': 1}, 'batch_size is 1; in-batch negatives need at least 2 pairs'),
    ({'batch_size': 0}, 'batch_size is 0'),
    ({'source_temperature': -1}, 'source_temperature is -1; it is 0'),
    ({'source_temperature': '1'}, "source_temperature is '1'"),
    ({'source_temperature': 1j}, 'source_temperature is 1j'),
    ({'source_temperature': float('nan')}, 'source_temperature is nan'),
    ({'source_temperature': float('inf')}, 'source_temperature is inf'),
    ({'mix': {'mono': 1.0}}, "mix names the kind 'mono'"),
    ({'mix': {'monolingual': 0.9}}, 'mix sums to 0.9'),
    ({'batch_size': 900}, r'no source can fill a monolingual batch of 900: .* faq \(qa, 600 rows, ar de en\)'),
    ({'batch_size': 900, 'mix': {'mixed': 0.5, 'multilingual': 0.5}}, 'no source can fill a multilingual batch of 900'),
])  # fmt: skip
def test_refused(uneven, arguments, message):
    with pytest.raises(ValueError, match=message):
        HybridBatches(uneven, **{'batch_size': 16, 'mix': HALF, **arguments})


def test_a_kind_of_probability_zero_needs_no_source(bare):
    pairs = bare(talks=('bitext', [('de en', 'de en', 32)]))
    assert len(HybridBatches(pairs, batch_size=16, mix={'crosslingual': 1.0, 'monolingual': 0.0})) == 2
    with pytest.raises(ValueError, match='no source can fill a monolingual batch of 16'):
        HybridBatches(pairs, batch_size=16, mix=HALF)


@pytest.mark.parametrize('step', [-1, -(10**9)])
def test_negative_steps(uneven, step):
    with pytest.raises(ValueError, match=f'step is {step}; steps count from 0'):
        HybridBatches(uneven, batch_size=16, mix=HALF).batch(step)


def test_a_fraction_is_no_step(uneven):
    with pytest.raises(TypeError, match=r'step is 1\.5; it must be a whole number'):
        HybridBatches(uneven, batch_size=16, mix=HALF).batch(1.5)


@pytest.mark.parametrize(('name', 'value'), [('batch_size', 2.5), ('batch_size', 'x' * 10**6), ('seed', None)])
def test_what_is_no_whole_number_is_named(uneven, name, value):
    with pytest.raises(TypeError, match=f'{name} is .*; it must be a whole number') as error:
        HybridBatches(uneven, **{'batch_size': 16, 'mix': HALF, name: value})
    assert len(str(error.value)) < 200


def test_temperature_is_the_former_name_of_source_temperature(uneven):
    how = {'batch_size': 16, 'mix': ALL}
    with pytest.warns(FutureWarning, match='source_temperature'):
        former = HybridBatches(uneven, temperature=0.5, **how)
    now = HybridBatches(uneven, source_temperature=0.5, **how)
    assert [former.batch(step) for step in range(20)] == [now.batch(step) for step in range(20)]
