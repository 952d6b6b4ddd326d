"""The ids that ``register`` makes, on a collection of two languages worked by hand."""
import ir_datasets
import pytest
from ir_datasets.datasets.base import Dataset

from datasets_ext.docs import MemoryDocs
from datasets_ext.records import Doc, Qrel, Query
from datasets_ext.shape import REGISTERED, register

TEXTS = {'de': ['Paris liegt in Frankreich.', 'Rom liegt in Italien.'], 'en': ['Paris is in France.']}
ASKED = {'de': {'paris': 'Wo liegt Paris?', 'rom': 'Wo liegt Rom?'}, 'en': {'paris': 'Where is Paris?'}}
ANSWERS = {'de': {'paris': 'de/0.0', 'rom': 'de/1.0'}, 'en': {'paris': 'en/0.0'}}


def docs(lang: str) -> list[Doc]:
    return [Doc(f'{lang}/{n}.0', text, text, '', lang) for n, text in enumerate(TEXTS[lang])]


def queries(ql: str) -> list[Query]:
    return [Query(q, text, ql) for q, text in ASKED[ql].items()]


def qrels(ql: str, dl: str) -> list[Qrel]:
    return [Qrel(q, ANSWERS[dl][q], 1, dl, ql) for q in ASKED[ql] if q in ANSWERS[dl]]


@pytest.fixture
def clean():
    """Takes the ids that a test registers out of both registries again."""
    ours, theirs = dict(REGISTERED), dict(ir_datasets.registry._registered)
    yield
    for registry, before in ((REGISTERED, ours), (ir_datasets.registry._registered, theirs)):
        registry.clear()
        registry.update(before)


def make(name: str = 'towns', langs: str = 'de en', **more) -> list[str]:
    handlers = {lang: MemoryDocs(lambda lang=lang: docs(lang), lang) for lang in langs.split()}
    return register(name, docs=handlers, queries=queries, qrels=qrels, **more)


def test_ids(clean):
    expected = ['towns', 'towns/de', 'towns/de/de', 'towns/de/en', 'towns/en', 'towns/en/de', 'towns/en/en']
    assert make() == expected
    assert [known for known in ir_datasets.registry if known.split('/')[0] == 'towns'] == expected


@pytest.mark.parametrize('key, doc_ids, query_ids, judged', [
    ('towns/de', ['de/0.0', 'de/1.0', 'en/0.0'], ['paris', 'rom'],
     [('paris', 'de/0.0', 'de'), ('rom', 'de/1.0', 'de'), ('paris', 'en/0.0', 'en')]),
    ('towns/de/de', ['de/0.0', 'de/1.0'], ['paris', 'rom'], [('paris', 'de/0.0', 'de'), ('rom', 'de/1.0', 'de')]),
    ('towns/de/en', ['en/0.0'], ['paris'], [('paris', 'en/0.0', 'en')]),  # nobody says in English where Rome is
    ('towns/en', ['de/0.0', 'de/1.0', 'en/0.0'], ['paris'], [('paris', 'de/0.0', 'de'), ('paris', 'en/0.0', 'en')]),
    ('towns/en/de', ['de/0.0', 'de/1.0'], ['paris'], [('paris', 'de/0.0', 'de')]),
])
def test_contents(clean, key, doc_ids, query_ids, judged):
    make()
    dataset = ir_datasets.load(key)
    assert [doc.doc_id for doc in dataset.docs_iter()] == doc_ids
    assert [query.query_id for query in dataset.queries_iter()] == query_ids
    assert [(q.query_id, q.doc_id, q.iteration) for q in dataset.qrels_iter()] == judged
    ql = key.split('/')[1]
    assert {q.query_lang for q in dataset.queries_iter()} == {q.query_lang for q in dataset.qrels_iter()} == {ql}
    assert dataset.queries_lang() == ql
    assert (dataset.docs_count(), dataset.queries_count(), dataset.qrels_count()) == (
        len(doc_ids), len(query_ids), len(judged))
    assert dataset.qrels_dict()['paris'] == {doc_id: 1 for query_id, doc_id, _ in judged if query_id == 'paris'}


def test_the_base_has_documents_only(clean):
    make()
    base = ir_datasets.load('towns')
    assert base.has_docs() and not base.has_queries() and not base.has_qrels()
    assert base.docs_lang() is None and ir_datasets.load('towns/de/en').docs_lang() == 'en'


def test_docs_parent(clean):
    make()
    assert ir_datasets.docs_parent_id('towns/de') == 'towns'
    assert ir_datasets.docs_parent_id('towns/de/en') == 'towns/de/en'  # 'towns' has more documents
    make('town', 'de')
    assert ir_datasets.docs_parent_id('town/de/de') == 'town'


def test_judgements_that_stand_twice_count_once(clean):
    twice = {'qrels': lambda ql, dl: 2 * qrels(ql, dl)}
    register('towns', docs={lang: MemoryDocs(lambda lang=lang: docs(lang), lang) for lang in TEXTS}, queries=queries,
             **twice)
    assert [q.doc_id for q in ir_datasets.load('towns/de').qrels_iter()] == ['de/0.0', 'de/1.0', 'en/0.0']
    register('towns', docs={'de': MemoryDocs(lambda: docs('de'), 'de')}, queries=queries,
             qrels=lambda ql, dl: [*qrels(ql, dl), qrels(ql, dl)[0]._replace(relevance=0)])
    with pytest.raises(ValueError, match=r"towns/de/de judges 'paris' and 'de/0.0' twice, as 1 and as 0; keep one"):
        list(ir_datasets.load('towns/de').qrels_iter())


def test_questions_that_nobody_judged_are_asked_everywhere(clean):
    register('towns', docs={lang: MemoryDocs(lambda lang=lang: docs(lang), lang) for lang in TEXTS}, qrels=qrels,
             queries=lambda ql: [*queries(ql), Query('oslo', 'Oslo?', ql)])
    for key, expected in (('de', 'paris rom oslo'), ('de/de', 'paris rom oslo'), ('de/en', 'paris oslo')):
        assert ' '.join(q.query_id for q in ir_datasets.load(f'towns/{key}').queries_iter()) == expected


def test_nothing_is_read_on_registering(clean):
    def fail(*_):
        raise AssertionError('read')

    register('lazy', docs={'de': MemoryDocs(fail, 'de'), 'en': MemoryDocs(fail, 'en')}, queries=fail, qrels=fail)
    assert 'lazy/de/en' in REGISTERED


def test_registering_again_replaces(clean):
    make()
    first = ir_datasets.load('towns/de')
    make()
    assert ir_datasets.load('towns/de') is not first
    assert ir_datasets.load('towns/de') is REGISTERED['towns/de']


def test_an_upstream_entry_of_the_same_id_is_left_alone(clean):
    upstream = Dataset(MemoryDocs(list, 'de'))
    ir_datasets.registry.register('towns/de', upstream)
    theirs = ir_datasets.load('towns/de')
    make()
    make()
    assert ir_datasets.load('towns/de') is theirs
    assert [doc.doc_id for doc in REGISTERED['towns/de'].docs_iter()] == ['de/0.0', 'de/1.0', 'en/0.0']
    assert ir_datasets.load('towns/en') is REGISTERED['towns/en']
