"""Batches pinned by literal values: a run's composition is a part of its result, so it must never change again.

If a test here goes red, every training run that was ever reported would be another one if it were repeated. Do not
change the values: change the code back.
"""
import numpy as np
import pytest

from pyterrier_hybrid.batches.hybrid import HybridBatches
from pyterrier_hybrid.batches.negatives import batch_negatives
from pyterrier_hybrid.pairs import PairsSubset, ParallelPairs
from pyterrier_hybrid.pairs.cloze import inverse_cloze
from pyterrier_hybrid.pairs.views import hold_out

ALL = {'monolingual': 0.4, 'crosslingual': 0.3, 'multilingual': 0.2, 'mixed': 0.1}


def _rows():
    """Two questions on a passage, three coverages; bitext; two sources that fill a batch only together."""
    for i in range(60):
        langs = ('ar', 'de', 'en') if i < 24 else ('de', 'en') if i < 44 else ('en',)
        yield {
            'id': f'f{i}', 'source': 'faq',
            'query': {lang: f'{lang} question {i}' for lang in langs},
            'positive': {lang: f'{lang} passage {i // 2}' for lang in langs},
            'negatives': {lang: [f'{lang} wrong {i}.{n}' for n in range(i % 4)] for lang in langs},
        }  # fmt: skip
    for i in range(20):
        yield {'id': f't{i}', 'source': 'talks', 'text': {lang: f'{lang} sentence {i} of it' for lang in ('de', 'ru')}}
    for i in range(10):
        source, langs = ('ask', ('de', 'fr')) if i < 5 else ('bid', ('fr',))
        texts = {side: {lang: f'{lang} {side} {source} {i}' for lang in langs} for side in ('query', 'positive')}
        yield {'id': f's{i}', 'source': source, **texts}


@pytest.fixture(scope='module')
def pairs(tmp_path_factory):
    return ParallelPairs.from_rows(_rows(), tmp_path_factory.mktemp('golden') / 'pairs', verbose=False)


def told(pairs, batch) -> str:
    """A batch in one line: its kind, then each pair's id and languages."""
    ids = [pairs[name].ids([row])[0] for name, row in zip(batch.sources, batch.rows)]
    return ' '.join([batch.kind.value, *map('{}:{}-{}'.format, ids, batch.query_langs, batch.passage_langs)])


BATCHES = {
    'monolingual': {
        0: 's8:fr-fr s0:fr-fr s3:fr-fr s5:fr-fr s1:fr-fr s9:fr-fr',
        1: 'f21:de-de f30:de-de f7:de-de f33:de-de f9:de-de f42:de-de',
        2: 'f45:en-en f17:en-en f1:en-en f34:en-en f47:en-en f29:en-en',
        12_345: 's6:fr-fr s1:fr-fr s3:fr-fr s9:fr-fr s4:fr-fr s5:fr-fr',
    },
    'crosslingual': {
        0: 't6:de-ru t8:ru-de t15:de-ru t16:ru-de t17:de-ru t19:ru-de',
        1: 'f23:de-en f13:de-ar f16:ar-de f20:en-de f7:de-ar f1:ar-en',
        2: 't10:de-ru t2:de-ru t14:ru-de t13:ru-de t5:de-ru t11:de-ru',
        12_345: 'f40:de-en f3:ar-de f18:en-ar f5:de-ar f10:de-en f12:de-ar',
    },
    'multilingual': {
        0: 's0:fr-fr s6:fr-fr s2:fr-fr s7:fr-fr s1:fr-fr s5:fr-fr',
        1: 'f7:de-en f5:de-ar f14:ar-ar f28:en-en f17:de-ar f26:de-en',
        2: 'f4:ar-de f21:ar-ar f16:en-en f24:en-en f23:de-ar f2:ar-ar',
        12_345: 's6:fr-fr s0:fr-fr s9:fr-fr s3:fr-fr s7:fr-fr s2:fr-fr',
    },
    'mixed': {
        0: 's7:fr-fr s3:fr-fr s1:fr-fr s9:fr-fr s0:fr-fr s5:fr-fr',
        1: 'f10:de-de f26:de-de f1:ar-ar f59:en-en f12:ar-ar f38:de-de',
        2: 'f0:ar-ar f20:ar-ar f22:en-en f24:en-en f16:ar-ar f9:ar-ar',
        12_345: 's1:fr-fr s7:fr-fr s9:fr-fr s2:fr-fr s0:fr-fr s5:fr-fr',
    },
}  # fmt: skip


@pytest.mark.parametrize('kind', BATCHES)
def test_batches_of_a_kind(pairs, kind):
    batches = HybridBatches(pairs, batch_size=6, mix={kind: 1.0}, source_temperature=0.5, seed=7)
    for step, batch in BATCHES[kind].items():
        assert told(pairs, batches.batch(step)) == f'{kind} {batch}'


def test_kinds_of_a_mix(pairs):
    batches = HybridBatches(pairs, batch_size=6, mix=ALL)
    assert len(batches) == 15
    kinds = ''.join(batches.batch(step).kind.value[:2] for step in range(40))
    assert kinds == 'mocrmomomumomumomumumomucrcrmomumomomocrcrmucrmocrmomimumomomocrcrmucrmucrmomomo'


def test_many_rows(bare):
    """Strata of more rows than are permuted by sorting."""
    pairs = bare(faq=('qa', [('de en', 'de en', 3000), ('en', 'en', 2000)], lambda row: row // 2))
    batches = HybridBatches(pairs, batch_size=8, mix={'multilingual': 1.0})
    assert batches.batch(0).rows == (1380, 1660, 190, 1539, 2469, 882, 4482, 473)
    assert batches.batch(9_999).rows == (1258, 2031, 841, 1219, 4966, 303, 1468, 517)


def test_negatives(pairs):
    batches = HybridBatches(pairs, batch_size=6, mix=ALL)
    assert batch_negatives(batches, batches.batch(3), 2).tolist() == [
        ['de wrong 13.0', 'de wrong 39.1', 'de passage 18', 'de wrong 34.0', 'de wrong 14.0', 'de wrong 42.0'],
        ['de passage 4', 'de wrong 39.0', 'de passage 12', 'de wrong 34.1', 'de wrong 14.1', 'de wrong 42.1'],
    ]  # fmt: skip


def ids(view) -> str:
    return ' '.join(id_ for source in view.sources for id_ in source.ids(range(len(source))))


@pytest.mark.parametrize('integer', [int, np.int32, np.uint64])
def test_a_fraction(pairs, integer):
    part = PairsSubset(pairs, 0.3, seed=integer(1))
    assert ids(part) == (
        's0 s1 f4 f5 f10 f11 f16 f17 f26 f27 f52 f53 f58 f59 t0 t2 t4 t5 t8 t15 t17 t18 t19'
    )
    assert part.fingerprint == PairsSubset(pairs, np.float64(0.3), seed=1).fingerprint


def test_what_is_held_out(pairs):
    assert ids(hold_out(pairs, 0.2)[1]) == 's8 s9 f2 f3 f10 f11 f18 f19 f24 f25 f26 f27 f32 f33 f34 f35 f50 f51'


@pytest.mark.parametrize('integer', [int, np.int64])
def test_inverse_cloze(integer):
    texts = {'en': 'one two three four five six seven', 'de': 'eins zwei drei vier fünf sechs'}
    (row,) = inverse_cloze([{'id': 'a', 'source': 's', 'text': texts}], seed=integer(0))
    assert row['query'] == {'en': 'three four', 'de': 'eins zwei drei fünf'}
