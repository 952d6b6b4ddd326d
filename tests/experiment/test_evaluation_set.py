"""What a collection is to an experiment: languages, pools, judgements, and names that are refused."""
import gc
import weakref

import ir_datasets
import numpy as np
import pandas as pd
import pyterrier as pt
import pytest

import datasets_ext
from datasets_ext import miracl_multi, shape
from datasets_ext.provider import HybridDataset
from datasets_ext.shape import Doc, MemoryDocs, Qrel, Query
from pyterrier_hybrid.experiment import EvaluationSet, evaluation_set
from pyterrier_hybrid.experiment.setting import Setting

UNANSWERED = pytest.mark.filterwarnings('ignore:small. .* have no relevant passage')


def test_languages_and_pools(collection):
    assert collection.languages == collection.query_languages == ['de', 'en', 'th']
    assert collection.pool_sizes.to_dict() == {'de': 7, 'en': 9, 'th': 5}
    assert collection.is_whole
    assert [doc['docno'] for doc in collection.docs()][:8] == [f'de/{i}' for i in range(7)] + ['en/0']
    assert collection.doc_langs['th/4'] == 'th'


def test_a_choice_of_languages_is_one_of_questions_and_passages(small):
    chosen = EvaluationSet(small, languages=['th', 'de'])
    assert chosen.languages == ['de', 'th'] and not chosen.is_whole
    assert {doc['lang'] for doc in chosen.docs()} == {'de', 'th'}
    assert set(chosen.qrels('de')['iteration']) == {'de', 'th'}
    assert chosen.judged(Setting('multilingual', 'th', None)).pool == 12


@UNANSWERED
def test_judged_is_the_relevant_passages_of_a_setting(collection):
    whole = collection.judged(Setting('multilingual', 'de', None))
    assert whole.qids.tolist() == ['q1', 'q2', 'q3', 'q5']  # nothing is relevant to q4
    assert whole.pool == 21 and collection.codes['de'] == whole.query_lang
    found = sorted(zip(whole.qids[whole.queries], whole.docnos, whole.relevance))
    assert found[:4] == [('q1', 'de/0', 2), ('q1', 'de/1', 1), ('q1', 'en/0', 1), ('q1', 'th/0', 1)]
    assert len(found) == 12 and (np.diff(whole.queries) >= 0).all()

    thai = collection.judged(Setting('crosslingual', 'en', 'th'))  # questions come as en asks them
    assert (thai.qids.tolist(), thai.docnos.tolist(), thai.pool) == (['q5', 'q1'], ['th/4', 'th/0'], 5)
    relevant = collection.relevant('en')
    assert relevant['docno'].to_numpy()[thai.rows].tolist() == ['th/4', 'th/0']


def test_questions_without_relevant_passages_are_left_out_with_a_warning(collection):
    with pytest.warns(UserWarning, match='small: 1 of 5 questions in de have no relevant passage and are left out'):
        collection.relevant('de')


def test_fingerprint_is_that_of_the_content(small):
    def fingerprint(**change) -> str:
        docs = {lang: [Doc(f'{lang}/0', change.get('text', 'x'), '', '', lang)] for lang in ('de', 'en')}
        shape.register(
            'changing',
            docs={lang: MemoryDocs(lambda lang=lang: docs[lang], lang) for lang in docs},
            queries=lambda ql: [Query('q', change.get('query', 'why'), ql)],
            qrels=lambda ql, dl: [Qrel('q', f'{dl}/0', change.get('label', 1), dl, ql)],
        )
        return EvaluationSet('changing').fingerprint

    prints = [fingerprint(), fingerprint(text='y'), fingerprint(query='how'), fingerprint(label=2)]
    assert len(set(prints)) == 4 and fingerprint() == prints[0]
    assert EvaluationSet(small).fingerprint != EvaluationSet(small, languages=['de', 'en']).fingerprint


def test_questions_may_be_in_languages_without_passages():
    shape.register(
        'clir',
        docs={'en': MemoryDocs(lambda: [Doc('en/0', 'x', '', '', 'en')], 'en')},
        query_langs=['sw', 'yo'],
        queries=lambda ql: [Query('q', 'why', ql)],
        qrels=lambda ql, dl: [Qrel('q', 'en/0', 1, dl, ql)],
    )
    found = EvaluationSet('clir')
    assert (found.languages, found.query_languages) == (['en'], ['sw', 'yo'])
    judged = found.judged(Setting('crosslingual', 'yo', 'en'))
    assert judged.query_lang not in judged.langs
    with pytest.raises(ValueError, match='clir has no passages in sw'):
        EvaluationSet('clir', languages='sw')
    with pytest.raises(ValueError, match='clir has no questions in en'):
        EvaluationSet('clir', languages='en')


def test_a_data_set_with_questions_in_several_languages(pooled):
    found = EvaluationSet(pooled)
    assert found.name == 'pooled' and found.query_languages == ['sw', 'yo']
    assert found.topics('yo')['qid'].tolist() == ['yo:q']
    assert found.judged(Setting('multilingual', 'sw', None)).docnos.tolist() == ['sw:1']
    assert found.judged(Setting('crosslingual', 'sw', 'yo')).n_queries == 0


def test_a_data_set_that_does_not_name_its_questions_languages(pooled):
    pooled.get_topics = lambda: pd.DataFrame({'qid': ['q'], 'query': ['why']})
    with pytest.raises(ValueError, match='questions of pooled have no query_lang'):
        EvaluationSet(pooled)


@pytest.mark.parametrize('lang', [None, np.nan, ''])
def test_a_question_without_a_language_is_refused_by_name(pooled, lang):
    rows = [('sw:q', 'why', 'sw'), ('yo:q', 'why', lang)]
    pooled.get_topics = lambda: pd.DataFrame(rows, columns=['qid', 'query', 'query_lang'])
    with pytest.raises(ValueError, match=r"question 'yo:q' of pooled has the query_lang .*; give it the code of its"):
        EvaluationSet(pooled)


def test_questions_without_a_text(pooled):
    pooled.get_topics = lambda: pd.DataFrame({'qid': ['q'], 'query_lang': ['sw']})
    with pytest.raises(ValueError, match='the questions of pooled have no query, which an experiment needs'):
        EvaluationSet(pooled)


@pytest.mark.parametrize('change, message', [
    (lambda doc: {**doc, 'lang': None}, "passage 'yo:1' of pooled has the lang None; give it the code of its language"),
    (lambda doc: {**doc, 'lang': np.nan}, "passage 'yo:1' of pooled has the lang nan"),
    (lambda doc: {key: doc[key] for key in ('docno', 'text')}, "passage 'yo:1' of pooled has no lang; passages need"),
    (lambda doc: {key: doc[key] for key in ('text', 'lang')}, 'passage 5 of pooled has no docno; passages need docno'),
])  # fmt: skip
def test_a_passage_without_what_it_needs_is_refused_by_name(pooled, change, message):
    docs = [change(doc) if doc['docno'] == 'yo:1' else doc for doc in pooled.get_corpus_iter()]
    pooled.get_corpus_iter = lambda verbose: iter(docs)
    with pytest.raises(ValueError, match=message):
        EvaluationSet(pooled)


def test_a_data_set_without_public_judgements_has_passages(pooled):
    def get_qrels():
        raise NotImplementedError('no public judgements')

    pooled.get_qrels = get_qrels
    found = EvaluationSet(pooled)
    assert len(list(found.docs())) == 6
    with pytest.raises(NotImplementedError, match='no public judgements'):
        found.qrels('sw')


def test_a_question_that_is_asked_twice(pooled):
    rows = [('sw:q', 'why', 'sw'), ('sw:q', 'how', 'sw'), ('yo:q', 'why', 'yo')]
    pooled.get_topics = lambda: pd.DataFrame(rows, columns=['qid', 'query', 'query_lang'])
    with pytest.raises(ValueError, match="asks 'sw:q' twice in sw; ids are unique"):
        EvaluationSet(pooled).topics('sw')


@pytest.mark.parametrize('empty', [' \n', '', None, np.nan, pd.NA])
def test_an_empty_question_is_left_out_with_a_warning(pooled, empty):
    rows = [('sw:q', empty, 'sw'), ('sw:2', 'how', 'sw'), ('yo:q', 'why', 'yo')]
    pooled.get_topics = lambda: pd.DataFrame(rows, columns=['qid', 'query', 'query_lang'])
    judged = [('sw:q', 'sw:0', 1, 'sw', 'sw'), ('sw:2', 'sw:1', 1, 'sw', 'sw')]
    pooled.get_qrels = lambda: pd.DataFrame(judged, columns=['qid', 'docno', 'label', 'iteration', 'query_lang'])
    found = EvaluationSet(pooled)
    with pytest.warns(UserWarning, match="1 of 2 questions in sw are empty and left out, the first is 'sw:q'"):
        assert found.topics('sw')['qid'].tolist() == ['sw:2']
    assert found.judged(Setting('multilingual', 'sw', None)).qids.tolist() == ['sw:2']


@pytest.mark.parametrize('form', [
    lambda name: f'hybrid:{name}', lambda name: f'irds:{name}', lambda name: pt.get_dataset(f'hybrid:{name}'),
    lambda name: pt.get_dataset(f'irds:{name}'), ir_datasets.load,
], ids=['hybrid id', 'irds id', 'hybrid data set', 'irds data set', 'ir_datasets data set'])  # fmt: skip
def test_every_form_of_a_collection_is_the_same(small, form):
    found, named = EvaluationSet(form(small), languages=['de', 'th']), EvaluationSet(small, languages=['de', 'th'])
    assert (found.name, found.fingerprint, repr(found)) == (named.name, named.fingerprint, repr(named))


def test_a_set_is_freed_when_nothing_refers_to_it(small):
    found = EvaluationSet(small, languages=['de', 'en'])
    found.judged(Setting('multilingual', 'de', None))
    assert found.topics('de') is found.topics('de')
    freed = weakref.ref(found)
    del found
    gc.collect()
    assert freed() is None


@pytest.mark.parametrize('name, error, message', [
    ('small/de', ValueError, "small/de is one setting of a collection, questions in de alone; name the collection"),
    ('miracl-multi/de/dev', ValueError, 'one setting of a collection'),
    ('miracl-multi', ValueError, 'miracl-multi asks no questions; name one of miracl-multi/'),
    ('nothing', KeyError, "there is no data set 'nothing'"),
])  # fmt: skip
def test_names_that_are_no_collection(small, name, error, message):
    with pytest.raises(error, match=message):
        EvaluationSet(name)


def test_unknown_language(small):
    with pytest.raises(ValueError, match="the collection small has no 'fr'; its languages are de, en, th"):
        EvaluationSet(small, languages=['de', 'fr'])


def test_xquad_r(data_root):
    found = EvaluationSet('xquad-r')
    assert found.pool_sizes.to_dict() == {
        'ar': 1222, 'de': 1276, 'el': 1234, 'en': 1180, 'es': 1215, 'hi': 1244, 'ru': 1219, 'th': 852, 'tr': 1167,
        'vi': 1209, 'zh': 1196,
    }  # fmt: skip
    judged = found.judged(Setting('multilingual', 'th', None))
    assert (judged.n_queries, len(judged.docnos), judged.pool) == (1190, 13_090, 13_014)


def test_mlqa_r_leaves_out_questions_without_an_answer_in_the_passages_language(data_root):
    found = EvaluationSet('mlqa-r', languages=['de', 'en'])
    assert found.judged(Setting('monolingual', 'de', 'de')).n_queries == 512
    across = found.judged(Setting('crosslingual', 'de', 'en'))
    assert 0 < across.n_queries <= 512 and set(across.docnos) <= set(found.doc_langs.index[found.doc_langs == 'en'])


def test_miracl_is_known_by_its_splits(data_root, monkeypatch):
    """Its questions and judgements are real; its passages, which are not here, are counted by their languages alone."""
    langs = miracl_multi.LANGUAGES

    def read_passages(base, name, judged):
        held = pd.Series({docno: docno.partition(':')[0] for docno in judged}, dtype=object)
        return dict.fromkeys(langs, 1000), dict.fromkeys(langs, 'x'), held

    monkeypatch.setattr(evaluation_set, 'read_passages', read_passages)
    found = EvaluationSet('miracl-multi/dev', languages=['sw', 'yo'])
    assert found.query_languages == ['sw', 'yo'] and not found.is_whole
    judged = found.judged(Setting('multilingual', 'sw', None))
    assert judged.n_queries == 482 and judged.qids[0].startswith('sw:') and judged.pool == 2000
    assert found.judged(Setting('crosslingual', 'sw', 'yo')).n_queries == 0  # relevant passages are in sw alone
    whole = HybridDataset(datasets_ext.pooled_miracl(['sw', 'yo'], 'dev'), 'two')
    assert EvaluationSet(whole).query_languages == ['sw', 'yo']
