"""Judgements of a data set: the languages of passages and questions, labels, and what is refused by name."""
import numpy as np
import pandas as pd
import pytest

from pyterrier_hybrid.experiment import EvaluationSet
from pyterrier_hybrid.experiment.setting import Setting


def judging(pooled, *rows):
    pooled.get_qrels = lambda: pd.DataFrame(rows, columns=['qid', 'docno', 'label', 'iteration', 'query_lang'])
    return EvaluationSet(pooled)


@pytest.mark.parametrize('without', ['qid', 'docno', 'label'])
def test_judgements_without_a_column(pooled, without):
    qrels = pooled.get_qrels().drop(columns=without)
    pooled.get_qrels = lambda: qrels
    with pytest.raises(ValueError, match=f'the judgements of pooled have no {without}; they need qid, docno and label'):
        EvaluationSet(pooled).qrels('sw')


@pytest.mark.parametrize('change', [
    lambda qrels: qrels.drop(columns='query_lang'), lambda qrels: qrels.assign(query_lang=None),
    lambda qrels: qrels.assign(query_lang=['sw', np.nan, '', 'yo']),
])  # fmt: skip
def test_judgements_without_a_query_lang_are_of_the_questions_that_are_asked(pooled, change):
    said, qrels = EvaluationSet(pooled), change(pooled.get_qrels())
    pooled.get_qrels = lambda: qrels
    for lang in ('sw', 'yo'):
        pd.testing.assert_frame_equal(EvaluationSet(pooled).qrels(lang)[said.qrels(lang).columns], said.qrels(lang))
    more = pd.concat([qrels, pd.DataFrame({'qid': ['other'], 'docno': ['sw:1'], 'label': [1]})], ignore_index=True)
    pooled.get_qrels = lambda: more
    with pytest.raises(ValueError, match="pooled judges 'other', a question it does not ask in sw"):
        EvaluationSet(pooled).qrels('sw')


def test_a_judgement_of_a_question_that_is_not_asked(pooled):
    pooled.get_topics = lambda: pd.DataFrame([('other', 'why', 'sw')], columns=['qid', 'query', 'query_lang'])
    with pytest.raises(ValueError, match="pooled judges 'sw:q', a question it does not ask in sw"):
        EvaluationSet(pooled).judged(Setting('multilingual', 'sw', None))


def test_a_judgement_that_stands_twice_is_one(pooled):
    once = ('sw:q', 'sw:0', 1, 'sw', 'sw')
    found = judging(pooled, once, ('sw:q', 'yo:1', 2, 'yo', 'sw'), once)
    assert found.qrels('sw')['docno'].tolist() == ['sw:0', 'yo:1']
    assert found.judged(Setting('multilingual', 'sw', None)).docnos.tolist() == ['sw:0', 'yo:1']


@pytest.mark.parametrize('label', [2.0, '2', np.float32(2)])
def test_labels_are_whole_numbers_whatever_they_are_written_as(pooled, label):
    found = judging(pooled, ('sw:q', 'sw:0', label, 'sw', 'sw')).qrels('sw')['label']
    assert found.tolist() == [2] and found.dtype == np.int64


@pytest.mark.parametrize('label', [0.5, 'high', np.nan, np.inf])
def test_a_label_that_is_no_whole_number_is_refused_by_name(pooled, label):
    broken = judging(pooled, ('sw:q', 'sw:0', 1.0, 'sw', 'sw'), ('sw:q', 'yo:1', label, 'yo', 'sw'))
    with pytest.raises(ValueError, match=f"pooled judges 'yo:1' for question 'sw:q' in sw with the label {label}; "):
        broken.qrels('sw')


def test_judgements_that_contradict_each_other_are_refused_by_name(pooled):
    found = judging(pooled, ('sw:q', 'sw:0', 1, 'sw', 'sw'), ('sw:q', 'sw:0', 0, '', 'sw'))
    said = r'1 \(sw\) and 0 \(sw\)'
    with pytest.raises(ValueError, match=f"judges 'sw:0' for question 'sw:q' in sw .* as {said}; keep one"):
        found.judged(Setting('multilingual', 'sw', None))


@pytest.mark.parametrize('iteration', ['', '0', 'Q0', 0, 0.0, None, np.nan])
def test_judgements_that_say_no_language_take_the_passages_own(pooled, iteration):
    found = judging(pooled, ('sw:q', 'yo:1', 1, iteration, 'sw'), ('sw:q', 'sw:1', 1, 'sw', 'sw'))
    assert found.qrels('sw')['iteration'].tolist() == ['yo', 'sw']
    assert found.judged(Setting('crosslingual', 'sw', 'yo')).docnos.tolist() == ['yo:1']


def test_judgements_without_iteration_take_the_passages_languages(pooled):
    said = EvaluationSet(pooled)
    qrels = pooled.get_qrels().drop(columns='iteration')
    pooled.get_qrels = lambda: qrels
    pd.testing.assert_frame_equal(EvaluationSet(pooled).qrels('sw')[said.qrels('sw').columns], said.qrels('sw'))


@pytest.mark.parametrize('iteration', ['yo', 'de'])
def test_an_iteration_that_is_not_the_passages_language_is_refused_by_name(pooled, iteration):
    found = judging(pooled, ('sw:q', 'sw:0', 1, 'sw', 'sw'), ('sw:q', 'sw:1', 0, iteration, 'sw'))
    with pytest.raises(ValueError, match=f"judges 'sw:1' for question 'sw:q' in sw .* '{iteration}', .* is in sw;"):
        found.qrels('sw')


@pytest.mark.parametrize('iteration', ['sw', 'de', ''])
def test_a_relevant_passage_that_the_collection_lacks_is_refused_by_name(pooled, iteration):
    found = judging(pooled, ('sw:q', 'sw:0', 1, 'sw', 'sw'), ('sw:q', 'gone', 2, iteration, 'sw'))
    with pytest.raises(ValueError, match="pooled has no passage 'gone', relevant to 'sw:q' in sw; add it"):
        found.judged(Setting('multilingual', 'sw', None))


def test_judgements_of_passages_in_other_languages_are_left_out(pooled):
    """Whether they name the language or not; and a passage that nobody has may be judged not to be relevant."""
    rows = [('sw:q', 'yo:1', 1, 'yo', 'sw'), ('sw:q', 'yo:2', 1, '', 'sw'), ('sw:q', 'sw:1', 1, '', 'sw'),
            ('sw:q', 'gone', 0, 'sw', 'sw'), ('sw:q', 'lost', 0, '', 'sw'), ('sw:q', 'far', 1, 'yo', 'sw')]  # fmt: skip
    judging(pooled, *rows)
    found = EvaluationSet(pooled, languages=['sw'])
    assert found.qrels('sw')['docno'].tolist() == ['sw:1', 'gone']
    assert found.judged(Setting('multilingual', 'sw', None)).docnos.tolist() == ['sw:1']


def test_a_passage_with_its_questions_id_is_not_judged_if_it_is_ignored(pooled):
    rows = ('sw:q', 'sw:q', 1, 'sw', 'sw'), ('sw:q', 'sw:0', 1, 'sw', 'sw')
    pooled.get_qrels = lambda: pd.DataFrame(rows, columns=['qid', 'docno', 'label', 'iteration', 'query_lang'])
    docs = [*pooled.get_corpus_iter(), {'docno': 'sw:q', 'text': 'why', 'lang': 'sw'}]
    pooled.get_corpus_iter = lambda verbose: iter(docs)
    assert len(EvaluationSet(pooled).qrels('sw')) == 2
    assert EvaluationSet(pooled, ignore_identical_ids=True).qrels('sw')['docno'].tolist() == ['sw:0']
