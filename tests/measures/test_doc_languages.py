import subprocess
import sys

import ir_measures
import pandas as pd
import pytest

from pyterrier_hybrid import BM25Index, MultilingualIndex
from pyterrier_hybrid.measures import Languages, RankDistance


def test_repr_is_short_and_tells_contents_apart_in_any_order_and_process():
    one = Languages({f'd{i}': 'de' if i % 2 else 'en' for i in range(13014)})
    assert repr(one) == repr(Languages({docno: one[docno] for docno in reversed(list(one))}))
    assert repr(one) != repr(Languages({**one, 'd0': 'de'}))
    assert len(repr(one)) < 50 and '13014' in repr(one)
    code = 'from pyterrier_hybrid.measures import Languages; print(repr(Languages({"d1": "de", "d2": "en"})))'
    other = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True, check=True,
                           env={'PYTHONHASHSEED': '7', 'PYTHONPATH': ':'.join(p for p in sys.path if p)})
    assert other.stdout.strip() == repr(Languages({'d2': 'en', 'd1': 'de'}))


def test_docno_and_language_do_not_run_together_in_the_fingerprint():
    assert repr(Languages({'a': 'de', 'b': 'en'})) != repr(Languages({'ade': 'de', 'b': 'en'}))


def test_is_a_mapping_that_later_changes_of_the_source_do_not_reach():
    source = {'d1': 'de', 'd2': 'en'}
    langs = Languages(source)
    source['d1'] = 'fr'
    assert dict(langs) == {'d1': 'de', 'd2': 'en'} and len(langs) == 2 and 'd3' not in langs
    assert langs == Languages([('d1', 'de'), ('d2', 'en')]) and hash(langs) == hash(Languages({'d2': 'en', 'd1': 'de'}))


def test_shares():
    assert Languages({'d1': 'en', 'd2': 'de', 'd3': 'en', 'd4': 'en'}).shares() == {'de': .25, 'en': .75}


@pytest.mark.parametrize(('contents', 'message'), [
    ({}, 'Languages is empty'),
    ({3: 'de'}, r"docno 3 \(int\)"),
    ({'d1': 'german'}, "document 'd1' has the language 'german'"),
    ({'d1': 'de', 'd2': None}, "document 'd2' has the language None"),
    ({'d1': ['de']}, "document 'd1'"),
])
def test_bad_input(contents, message):
    with pytest.raises(ValueError, match=message):
        Languages(contents)


def test_from_any_index_in_one_call(tmp_path):
    langs = {'b': 'de', 'a': 'en', 'c': 'de'}
    dense, terms = MultilingualIndex(tmp_path / 'dense', verbose=False), BM25Index(tmp_path / 'terms', verbose=False)
    documents = [{'docno': d, 'lang': lang, 'text': f'word {d}', 'doc_vec': [1., 2.]} for d, lang in langs.items()]
    for index in (dense, terms):
        index.index(documents)
        assert dict(Languages.from_index(index)) == langs
    run = pd.DataFrame({'qid': ['q', 'q'], 'docno': ['c', 'a'], 'score': [2., 1.]})
    assert terms.add_doc_lang()(run)['doc_lang'].tolist() == ['de', 'en']
    qrels = [ir_measures.Qrel('q', 'a', 1), ir_measures.Qrel('q', 'b', 1)]
    measure = RankDistance(langs=Languages.from_index(terms))@5
    assert measure.calc_aggregate(qrels, run.rename(columns={'qid': 'query_id', 'docno': 'doc_id'})) == 4
