import pickle
from collections import Counter

import ir_datasets
import numpy as np
import pandas as pd
import pytest

from pyterrier_hybrid.batches import HybridBatches
from pyterrier_hybrid.pairs import ParallelPairs
from pyterrier_hybrid.pairs.views import PairsSubset


def rows():
    """80 passages with one to three questions each, and 60 texts: in de and en, every fourth in th too."""
    for i in range(80):
        langs = ('de', 'en', 'th') if i % 4 == 0 else ('de', 'en')
        for j in range(1 + i % 3):
            yield {
                'id': f'{i}.{j}', 'source': 'qa', 'passage_id': f'p{i}',
                'query': {lang: f'{lang} question {j} about {i}' for lang in langs},
                'positive': {lang: f'{lang} passage {i}' for lang in langs},
            }  # fmt: skip
    for i in range(60):
        yield {'id': f't{i}', 'source': 'bitext', 'text': {'de': f'de text {i}', 'en': f'en text {i}'}}


@pytest.fixture(scope='module')
def pairs(tmp_path_factory):
    return ParallelPairs.from_rows(rows(), tmp_path_factory.mktemp('pairs') / 'pairs', verbose=False)


def ids(pairs) -> dict[str, list[str]]:
    return {source.name: source.ids(range(len(source))) for source in pairs.sources}


def test_rows_of_a_passage_stay_together(pairs):
    kept = Counter(name.split('.')[0] for name in ids(PairsSubset(pairs, 0.4, seed=1))['qa'])
    whole = Counter(name.split('.')[0] for name in ids(pairs)['qa'])
    assert 10 < len(kept) < 60
    assert all(whole[passage] == n for passage, n in kept.items())


def test_texts_are_those_of_the_rows(pairs):
    subset = PairsSubset(pairs, 0.5)
    for source in subset.sources:
        side = 'query' if source.kind == 'qa' else 'passage'
        found = source.texts(side, tuple(range(len(source))), ['de'] * len(source))
        names = source.ids(list(range(len(source))))
        expected = [
            f'de question {name.split(".")[1]} about {name.split(".")[0]}' if source.kind == 'qa'
            else f'de text {name[1:]}' for name in names
        ]  # fmt: skip
        assert found == expected


def test_iter_texts_gives_each_kept_text_once(pairs):
    subset = PairsSubset(pairs, 0.3)
    expected = Counter()
    for source in subset.sources:
        for stratum in source.strata:
            span = range(stratum.start, stratum.stop)
            sides = {'query': stratum.query_langs, 'passage': stratum.passage_langs if source.kind == 'qa' else ()}
            for side, langs in sides.items():
                for lang in langs:
                    expected.update((lang, text) for text in source.texts(side, span, [lang] * len(span)))
    assert Counter(subset.iter_texts()) == expected


def test_a_smaller_fraction_is_a_part_of_a_larger_one(pairs):
    small, large = (ids(PairsSubset(pairs, fraction, seed=3)) for fraction in (0.2, 0.6))
    for name, kept in small.items():
        assert set(kept) < set(large[name]) < set(ids(pairs)[name])
    assert ids(PairsSubset(pairs, 1, seed=3)) == ids(pairs)


def test_fraction_is_about_that(pairs):
    shares = [len(PairsSubset(pairs, 0.5, seed=seed)) / len(pairs) for seed in range(40)]
    assert np.mean(shares) == pytest.approx(0.5, abs=0.03)
    assert len(set(shares)) > 5


def test_strata_count_their_passages(pairs):
    for source in PairsSubset(pairs, 0.5).sources:
        edges = [0, *(s.stop for s in source.strata)]
        assert [s.start for s in source.strata] == edges[:-1] and edges[-1] == len(source) == len(source.passage_ids)
        for s in source.strata:
            assert s.passages == len(set(source.passage_ids[s.start : s.stop].tolist()))


def test_batches_are_drawn_from_it(pairs):
    subset = PairsSubset(pairs, 0.4)
    mix = {'monolingual': 0.5, 'crosslingual': 0.5}
    batches = HybridBatches(subset, batch_size=4, mix=mix)
    kept, drawn = ids(subset), set()
    for step in range(2 * len(batches)):
        batch = batches.batch(step)
        drawn |= {(name, subset[name].ids([row])[0]) for name, row in zip(batch.sources, batch.rows)}
    assert drawn <= {(name, one) for name, some in kept.items() for one in some}
    assert len(batches) < len(HybridBatches(pairs, batch_size=4, mix=mix))


def test_a_copy_in_another_process_is_the_same(pairs):
    subset = PairsSubset(pairs, 0.4, seed=2)
    copy = pickle.loads(pickle.dumps(subset))
    assert ids(copy) == ids(subset) and copy.fingerprint == subset.fingerprint
    fingerprints = {PairsSubset(pairs, f, seed=s).fingerprint for f in (0.4, 0.5) for s in (0, 1)} | {pairs.fingerprint}
    assert len(fingerprints) == 5


def test_negatives_follow_their_rows(tmp_path):
    given = [
        {'id': str(i), 'source': 's', 'query': {'en': f'q{i}'}, 'positive': {'en': f'p{i}'},
         'negatives': {'en': [f'n{i}']}}
        for i in range(30)
    ]  # fmt: skip
    source = PairsSubset(ParallelPairs.from_rows(given, tmp_path / 'pairs', verbose=False), 0.5)['s']
    span = range(len(source))
    assert source.negatives(span, ['en'] * len(source)) == [[f'n{name}'] for name in source.ids(span)]


def test_rows_are_numbered_within_the_part(pairs):
    """A part of a part gives the ids of its own rows, by the numbers that batches have."""
    part = PairsSubset(PairsSubset(pairs, 0.6, seed=1), 0.5, seed=2)
    batch = HybridBatches(part, batch_size=4, mix={'monolingual': 1.0}).batch(0)
    names = [part[source].ids([row])[0] for source, row in zip(batch.sources, batch.rows)]
    asked = [part[s].texts('query', [r], [x])[0] for s, r, x in zip(batch.sources, batch.rows, batch.query_langs)]
    assert asked == [f'{x} question {name.split(".")[1]} about {name.split(".")[0]}'
                     for x, name in zip(batch.query_langs, names)]  # fmt: skip
    assert part['qa'].ids([]) == part['qa'].texts('query', [], []) == []


@pytest.mark.parametrize('row', [-1, 1000])
def test_rows_outside_of_the_part(pairs, row):
    source = PairsSubset(pairs, 0.5)['qa']
    with pytest.raises(IndexError, match=f"source 'qa' has no row {row} here; this part of it has {len(source)}"):
        source.ids([0, row])


def test_a_missing_text_is_named_by_the_rows_id(pairs):
    source = PairsSubset(pairs, 0.5)['qa']
    with pytest.raises(KeyError, match=f"has no query in 'th'; its id is '{source.ids([0])[0]}'"):
        source.texts('query', [0], ['th'])


@pytest.mark.parametrize('part', [lambda pairs: PairsSubset(pairs, 1), lambda pairs: PairsSubset(pairs, 0.3, seed=1)])
def test_statistics_are_those_of_an_import_of_the_part(part, tmp_path):
    """Languages that are not left are not listed: th is in one row of 40."""
    given = [
        {'id': f'{i}', 'source': 's', 'query': {'de': f'Frage {i}', **({'th': 'q'} if i == 7 else {})},
         'positive': {'de': f'Antwort {i // 2}', 'en': 'x' * (i + 1)}, 'negatives': {'en': [f'{i}' * 3] * (i % 3)}}
        for i in range(40)
    ]  # fmt: skip
    given += [{'id': f't{i}', 'source': 'bi', 'text': {'de': f'{i}', 'en': f'en {i}'}} for i in range(20)]
    pairs = part(ParallelPairs.from_rows(given, tmp_path / 'pairs', verbose=False))
    left = {(source, name) for source, names in ids(pairs).items() for name in names}
    alone = [row for row in given if (row['source'], row['id']) in left]
    expected = ParallelPairs.from_rows(alone, tmp_path / 'alone', verbose=False).describe()
    found = pairs.describe()
    for table in ('sources', 'pairs', 'coverage', 'lengths'):
        pd.testing.assert_frame_equal(getattr(found, table), getattr(expected, table))
    assert found.repeated_rows_skipped is None and str(found).startswith(f'{len(pairs)} rows\n')


def test_overlap_is_of_the_part(pairs, tmp_path):
    (tmp_path / 'docs.tsv').write_text(''.join(f'd{i}\tde passage {i}\n' for i in range(80)))
    dataset = ir_datasets.create_dataset(docs_tsv=str(tmp_path / 'docs.tsv'))
    part = PairsSubset(pairs, 0.4)
    found = part.overlap(dataset, verbose=False)
    assert sorted(found['id']) == sorted(part['qa'].ids(range(len(part['qa']))))
    assert len(pairs.overlap(dataset, verbose=False)) == len(pairs['qa']) > len(found) > 0


@pytest.mark.parametrize('fraction', [0, -1, 1.5, float('nan')])
def test_fraction_out_of_bounds(pairs, fraction):
    with pytest.raises(ValueError, match='it must be above 0, and at most 1'):
        PairsSubset(pairs, fraction)


def test_nothing_left(pairs):
    with pytest.raises(ValueError, match=r'a fraction of 1e-09 seed 0 leaves none of the 219 rows'):
        PairsSubset(pairs, 1e-9)


def test_unknown_source(pairs):
    with pytest.raises(KeyError, match="no source 'x'"):
        PairsSubset(pairs, 0.5)['x']
