import ir_measures
import numpy as np
import pandas as pd
import pytest
from ir_measures import AP

from pyterrier_hybrid.measures import diagonal_advantage, language_matrix

QRELS = pd.DataFrame([
    ('d:1', 'd1', 1, 'de', 'de'), ('d:1', 'd2', 1, 'de', 'de'), ('d:1', 'e1', 1, 'en', 'de'),
    ('d:2', 'd1', 1, 'de', 'de'), ('d:2', 'f1', 1, 'fr', 'de'),
    ('e:1', 'e1', 2, 'en', 'en'), ('e:1', 'd1', 1, 'de', 'en'),
], columns=['query_id', 'doc_id', 'relevance', 'iteration', 'query_lang'])
RUN = {'d:1': {'d1': 9., 'e1': 8., 'x': 7., 'd2': 6.}, 'd:2': {'x': 9., 'd1': 8.}, 'e:1': {'e1': 9., 'y': 8., 'd1': 7.}}


def test_mean_ranks_by_hand():
    matrix = language_matrix(QRELS, RUN, cutoff=10)
    assert matrix.index.tolist() == ['de', 'en'] and matrix.index.name == 'query_lang'
    assert matrix.columns.tolist() == ['de', 'en', 'fr'] and matrix.columns.name == 'doc_lang'
    # (1+4)/2 and 2 for German questions and documents; f1 is not retrieved
    assert matrix.loc['de'].tolist() == [2.25, 2, 11] and matrix.loc['en'].tolist()[:2] == [3, 1]
    assert np.isnan(matrix.loc['en', 'fr'])
    assert language_matrix(QRELS, RUN, pool=500).loc['de', 'fr'] == (2 + 1 + 500) / 2
    assert language_matrix(QRELS, RUN).loc['de', 'fr'] == 1001
    assert language_matrix(QRELS, RUN, cutoff=3).loc['de', 'de'] == ((1 + 4) / 2 + 2) / 2


def test_average_precision_by_hand():
    matrix = language_matrix(QRELS, RUN, 'AP')
    assert matrix.loc['de'].tolist() == pytest.approx([((1 + 2 / 4) / 2 + 1 / 2) / 2, 1 / 2, 0])
    assert matrix.loc['en'].tolist()[:2] == pytest.approx([1 / 3, 1])


def test_diagonal_advantage_by_hand():
    advantage = diagonal_advantage(language_matrix(QRELS, RUN, cutoff=10))
    assert advantage.to_dict() == {'de': (2 + 11) / 2 - 2.25, 'en': 3 - 1}
    alone = diagonal_advantage(pd.DataFrame([[1.]], index=['de'], columns=['de']))
    assert alone.isna().all() and diagonal_advantage(pd.DataFrame([[1.]], index=['de'], columns=['en'])).isna().all()


@pytest.mark.parametrize('cutoff', [None, 5])
def test_average_precision_equals_ir_measures_on_the_qrels_of_one_language(random_case, cutoff):
    for seed in range(4):
        qrels, run = random_case(seed)
        qrels = qrels[qrels['relevance'] > 0]
        run['score'] = -run.sort_values(['score', 'doc_id'], ascending=[False, True]).groupby('query_id').cumcount()
        matrix = language_matrix(qrels, run, 'AP', cutoff=cutoff)
        measure = AP@cutoff if cutoff else AP
        for (query_lang, doc_lang), part in qrels.groupby(['query_lang', 'iteration']):
            found = {metric.query_id: metric.value for metric in measure.iter_calc(part, run)}
            assert matrix.loc[query_lang, doc_lang] == pytest.approx(np.mean(list(found.values())))


def test_mean_ranks_equal_plain_loops(random_case, plain):
    for seed in range(4):
        qrels, run = random_case(seed)
        cells = {}
        for query in plain(qrels, run).values():
            ranks = {}
            for rank, lang, _ in query['ranks']:
                ranks.setdefault(lang, []).append(rank if rank and rank <= 10 else 11)
            for lang, of_lang in ranks.items():
                cells.setdefault((query['lang'], lang), []).append(np.mean(of_lang))
        matrix = language_matrix(qrels, run, cutoff=10)
        assert {cell: matrix.loc[cell] for cell in cells} == pytest.approx({c: np.mean(v) for c, v in cells.items()})
        assert matrix.notna().sum().sum() == len(cells)


def test_pyterriers_names_and_languages_from_parameters():
    qrels = QRELS.rename(columns={'query_id': 'qid', 'doc_id': 'docno', 'relevance': 'label'})
    run = pd.DataFrame([(query_id, *pair) for query_id, docs in RUN.items() for pair in docs.items()],
                       columns=['qid', 'docno', 'score'])
    pd.testing.assert_frame_equal(language_matrix(qrels, run), language_matrix(QRELS, RUN))
    bare = qrels.drop(columns=['iteration', 'query_lang'])
    matrix = language_matrix(bare, run, langs={'d1': 'de', 'd2': 'de', 'e1': 'en', 'f1': 'fr'}, query_lang='ru')
    assert matrix.index.tolist() == ['ru'] and matrix.columns.tolist() == ['de', 'en', 'fr']


@pytest.mark.parametrize(('options', 'message'), [
    ({'value': 'mAP'}, r"language_matrix\(value='mAP'\): it must be one of rank, AP"),
    ({'cutoff': 0}, r'language_matrix\(cutoff=0\): it must be a whole number of 1 or more'),
    ({'langs': ['de']}, r'it must be Languages'),
    ({'query_lang': 'German'}, r"language_matrix\(query_lang='German'\): .*'German'"),
    ({'rel': 3}, 'the qrels have no document of relevance 3 or more'),
])
def test_bad_input(options, message):
    with pytest.raises(ValueError, match=message):
        language_matrix(QRELS, RUN, **options)


def test_what_the_measures_refuse():
    with pytest.raises(ValueError, match="the language of query 'd:1' is unknown"):
        language_matrix(QRELS.drop(columns='query_lang'), RUN)
    with pytest.raises(ValueError, match="the language of its relevant document 'd1' is unknown"):
        language_matrix(QRELS.drop(columns='iteration'), RUN)
    with pytest.raises(ValueError, match='the qrels have no document'):
        language_matrix({}, {})
    twice = [ir_measures.ScoredDoc('d:1', 'd1', 1.), ir_measures.ScoredDoc('d:1', 'd1', 2.)]
    with pytest.raises(ValueError, match="document 'd1' is in the run more than once"):
        language_matrix(QRELS, twice)
