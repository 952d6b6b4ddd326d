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


def test_a_high_temperature_draws_the_largest_source(uneven):
    shares = HybridBatches(uneven, batch_size=16, mix={'monolingual': 1.0}, source_temperature=500).plan.shares
    assert sorted(shares)[-1] == pytest.approx(1) and sum(shares) == pytest.approx(1)


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
