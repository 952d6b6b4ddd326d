"""Searches by actors that hold the rows of an index, against the search of one process, bit for bit."""
import hashlib
import os
import pickle
import signal
import time
from contextlib import nullcontext
from types import SimpleNamespace

import numpy as np
import pandas as pd
import psutil
import pyterrier as pt
import pytest
from ir_measures import AP
from pyterrier_dr import BiEncoder

from datasets_ext import shape
from datasets_ext.shape import Doc, MemoryDocs, Qrel, Query
from pyterrier_hybrid.distributed import RayIndex
from pyterrier_hybrid.distributed.held_rows import HeldRows
from pyterrier_hybrid.experiment import MultilingualExperiment
from pyterrier_hybrid.indexing import MultilingualIndex

LANGS = ('th', 'de', 'en')


class Hashing(BiEncoder):
    """Maps a text to four small integers: many scores are equal."""

    model_name = 'hashing'

    def encode_docs(self, texts, batch_size=None):
        digests = [hashlib.md5(text.encode()).digest()[:4] for text in texts]
        return np.array([[byte % 5 - 2 for byte in digest] for digest in digests], np.float32).reshape(len(texts), 4)

    encode_queries = encode_docs


def build(path, count: int = 40, seed: int = 0, **options) -> MultilingualIndex:
    """An index of passages whose docnos are in no order; those in Thai come first."""
    names = np.random.default_rng(seed).permutation(count)
    docs = [
        {'docno': f'{name}/{lang}', 'text': f'{lang} {i}', 'lang': lang}
        for lang in LANGS
        for i, name in enumerate(names)
    ]
    index = MultilingualIndex(path, verbose=False)
    (Hashing().doc_encoder() >> index.indexer(**options)).index(docs)
    return index


@pytest.fixture(scope='module')
def index(tmp_path_factory):
    return build(tmp_path_factory.mktemp('index') / 'x')


@pytest.fixture(scope='module')
def held(ray, index):
    with RayIndex(index.path, workers=2) as held:
        yield held
    assert held._stack is None


@pytest.fixture(scope='module')
def topics() -> pd.DataFrame:
    """Questions with their vectors; each is a passage's text, too."""
    texts = [f'question {i}' for i in range(9)]
    return pd.DataFrame({
        'qid': [str(i) for i in range(9)], 'query': texts, 'query_vec': list(Hashing().encode_queries(texts)),
        'own': ['7/de', '9/th', 'nowhere'] * 3,
    })  # fmt: skip


@pytest.mark.parametrize('options', [
    {}, {'num_results': 1}, {'num_results': 7}, {'num_results': 119}, {'langs': 'de'}, {'langs': ['th']},
    {'langs': ['en', 'th'], 'num_results': 13}, {'exclude': 'own', 'num_results': 5}, {'separate': False},
    {'drop_query_vec': True},
], ids=str)  # fmt: skip
def test_the_run_of_one_process(held, index, topics, options):
    expected = index.retriever(**options)(topics)
    found = held.retriever(**options)(topics)
    pd.testing.assert_frame_equal(found, expected, check_exact=True)
    assert len(found) and (options.get('separate', True) or found.duplicated(['qid', 'score']).any())


def test_no_question_and_a_question_without_a_vector(held, index, topics):
    pd.testing.assert_frame_equal(held.retriever()(topics[:0]), index.retriever()(topics[:0]))
    missing = topics.assign(query_vec=[None, *topics['query_vec'][1:]])
    with pytest.warns(UserWarning, match='1 queries have no vector'):
        assert set(held.retriever()(missing)['qid']) == set(topics['qid'][1:])


def test_questions_in_several_batches(held, index, topics, monkeypatch):
    monkeypatch.setattr('pyterrier_hybrid.distributed.searching._RESULTS', 45)  # two questions of 10 results
    pd.testing.assert_frame_equal(held.retriever(10)(topics), index.retriever(10)(topics), check_exact=True)


def test_the_errors_of_one_process(held, topics):
    with pytest.raises(ValueError, match='fr'):
        held.retriever(langs='fr')
    with pytest.raises(ValueError, match='has 3 dimensions'):
        held.retriever()(topics.assign(query_vec=[vec[:3] for vec in topics['query_vec']]))
    with pytest.raises(ValueError, match='num_results is 0'):
        held.retriever(0)
    with pytest.raises(ValueError, match='workers is 0; there is at least one'):
        RayIndex('x', workers=0)


def test_it_is_a_transformer(held, index):
    retriever = held.retriever(100, langs='de')
    assert retriever == held.retriever(100, langs='de') and hash(retriever) == hash(held.retriever(100, langs='de'))
    assert retriever != held.retriever(100) and retriever != index.retriever(100, langs='de')
    assert (retriever % 7).compile().num_results == 7 and 'RayIndex(' in repr(retriever)


def test_a_copy_starts_actors_of_its_own(held, topics):
    copy = pickle.loads(pickle.dumps(held))
    assert copy._stack is None and held._stack is not None


def process_of(ray, actor) -> int:
    return ray.get(actor.__ray_call__.remote(lambda held: os.getpid()))


def test_closing_starts_no_cluster_where_it_has_ended(index, monkeypatch):
    """``ray.kill`` is one of the functions of Ray that start a cluster if there is none."""
    held_rows = SimpleNamespace(options=lambda **options: SimpleNamespace(remote=lambda *arguments: 'actor'))
    connected, killed = [True], []
    ray = SimpleNamespace(remote=lambda kind: held_rows, is_initialized=lambda: connected[0], kill=killed.append,
                          exceptions=SimpleNamespace(ActorHandleNotFoundError=KeyError))  # fmt: skip
    monkeypatch.setattr('pyterrier_hybrid.distributed.searching.cluster', lambda resources: nullcontext(ray))
    held = RayIndex(index, workers=2)
    for there in (True, False):
        connected[0] = there
        assert held._start() == ['actor'] * 2
        held.close()
        assert killed == ['actor'] * 2


def test_an_actor_that_was_killed_answers_again(ray, held, index, topics):
    expected = index.retriever(20)(topics)
    before = process_of(ray, held._start()[1])
    os.kill(before, signal.SIGKILL)
    psutil.wait_procs([psutil.Process(before)] if psutil.pid_exists(before) else [], timeout=10)
    pd.testing.assert_frame_equal(held.retriever(20)(topics), expected, check_exact=True)
    assert process_of(ray, held._start()[1]) != before


def test_an_actor_that_dies_while_it_is_asked_is_asked_again(held, index, topics, tmp_path):
    expected = index.retriever(20)(topics)

    def die_once(held):
        if not (tmp_path / 'died').exists():
            time.sleep(0.5)  # the search waits in this actor's queue
            (tmp_path / 'died').touch()
            os.kill(os.getpid(), signal.SIGKILL)

    held._start()[0].__ray_call__.remote(die_once)
    pd.testing.assert_frame_equal(held.retriever(20)(topics), expected, check_exact=True)
    assert (tmp_path / 'died').exists()


def test_an_actor_that_cannot_be_reached_is_asked_again(ray, held, index, topics, monkeypatch):
    get, failures, slept = ray.get, iter(range(8)), []

    def flaky(reference):
        if next(failures, None) is not None:
            raise ray.exceptions.ActorUnavailableError('connection refused', None)
        return get(reference)

    monkeypatch.setattr(ray, 'get', flaky)
    monkeypatch.setattr('pyterrier_hybrid.distributed.searching.time', SimpleNamespace(sleep=slept.append))
    expected = index.retriever(20)(topics)
    pd.testing.assert_frame_equal(held.retriever(20)(topics), expected, check_exact=True)
    assert len(slept) == 8 and slept[0] < slept[-1]
    failures = iter(range(100))
    with pytest.raises(ChildProcessError, match=r'died or was not there 12 times .*connection refused'):
        held.retriever(20)(topics)


def test_a_machine_that_does_not_see_the_index(index, tmp_path):
    queries = np.zeros((1, 4), np.float32)
    with pytest.raises(FileNotFoundError, match='a machine of the Ray cluster, does not see the index'):
        HeldRows(str(tmp_path / 'nowhere'), None).search(queries, 1, None, (0, 1), 'x')
    with pytest.raises(ValueError, match='a machine of the Ray cluster, sees another index at'):
        HeldRows(str(index.path), None).search(queries, 1, None, (0, 1), 'x')


def test_a_run_is_not_of_two_indexes(topics, tmp_path, monkeypatch):
    """The index is replaced after the retriever has opened it: the new docids are not given the old docnos."""
    index = build(tmp_path / 'x')
    held, rows, open_index = RayIndex(index), HeldRows(str(index.path), None), index.open
    monkeypatch.setattr(held, '_start', lambda: [rows])
    monkeypatch.setattr(held, '_ask', lambda queries, k, langs, spans, fingerprint: [
        rows.search(queries, k, langs, span, fingerprint) for span in spans
    ])  # fmt: skip
    pd.testing.assert_frame_equal(held.retriever(5)(topics), index.retriever(5)(topics))
    retriever = held.retriever(5)

    def open_and_replace():
        opened = open_index()
        monkeypatch.setattr(index, 'open', open_index)
        build(index.path, seed=1, mode='overwrite')
        return opened

    monkeypatch.setattr(index, 'open', open_and_replace)
    with pytest.raises(ValueError, match='if it was replaced just now, search again'):
        retriever(topics)
    pd.testing.assert_frame_equal(retriever(topics), index.retriever(5)(topics))


def test_in_an_experiment(held, index, topics):
    qrels = pd.DataFrame({'qid': topics['qid'], 'docno': [f'{i}/de' for i in range(9)], 'label': 1})
    both = [index.retriever(50), held.retriever(50)]
    first, second = pt.Experiment(both, topics, qrels, [AP])['AP']
    assert first == second and 0 < first < 1


def test_in_a_multilingual_experiment(held, index):
    shape.register(
        'ray-test',
        docs={
            lang: MemoryDocs(lambda lang=lang: [
                Doc(docno, '', '', '', lang) for docno, of in zip(index.docnos(), index.langs()) if of == lang
            ], lang) for lang in LANGS
        },
        queries=lambda ql: [Query(f'q{i}', f'{ql} question {i}', ql) for i in range(6)],
        qrels=lambda ql, dl: [Qrel(f'q{i}', f'{i}/{dl}', 1, dl, ql) for i in range(6)],
    )  # fmt: skip
    encoder = Hashing()
    systems = {
        'one': lambda langs: encoder.query_encoder() >> index.retriever(1000, langs=langs),
        'ray': lambda langs: encoder.query_encoder() >> held.retriever(1000, langs=langs),
    }
    result = MultilingualExperiment(systems, 'ray-test', [AP], verbose=False)
    values = result.per_query.set_index('system')['value']
    assert values['one'].tolist() == values['ray'].tolist() and len(values['one']) > 9


@pytest.mark.parametrize(('count', 'precision'), [
    (8, 'float32'), (8, 'float16'), (8, 'int8'), (1, 'float32'),  # one actor holds no German passage
])  # fmt: skip
def test_a_new_index_is_searched_once_it_replaces_the_old(held, index, topics, count, precision):
    """The last of these tests: the index of the others is gone."""
    build(index.path, count, 1, mode='overwrite', precision=precision)
    for langs in (None, 'de'):
        expected = index.retriever(5, langs=langs)(topics)
        pd.testing.assert_frame_equal(held.retriever(5, langs=langs)(topics), expected, check_exact=True)
        assert len(expected) == len(topics) * min(5, count * (3 if langs is None else 1))


def test_queries_are_vectors_of_the_index(held, index):
    queries = index.open().vecs[:3]
    with pytest.raises(ValueError, match=r'queries are \(4,\) and k is 5; give queries of \(q, 4\)'):
        held.search(queries[0], 5)
    with pytest.raises(ValueError, match=r'queries are \(3, 2\)'):
        held.search(queries[:, :2], 5)
    with pytest.raises(ValueError, match=r'k is 0; .* of 1 or more'):
        held.search(queries, 0)
    assert [part.shape for part in held.search(queries[:0], 2)] == [(0, 2)] * 2
    one, several, any_iterable = (held.search(queries, 5, langs=langs) for langs in ('de', ['de'], iter(['de'])))
    assert all(np.array_equal(*parts) for parts in (*zip(one, several), *zip(one, any_iterable)))
    with pytest.raises(ValueError, match=r"the index at .* has no 'xx'; its languages are de, en, th"):
        held.search(queries, 5, langs=['de', 'xx'])
