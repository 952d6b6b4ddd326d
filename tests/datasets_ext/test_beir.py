"""BEIR folders: what they become, and what is said of malformed ones."""
import json
import re

import ir_datasets
import pytest
from ir_datasets.util import home_path

from datasets_ext import beir_folder

CORPUS = [{'_id': 'd1', 'title': 'Parijs', 'text': 'Parijs ligt in Frankrijk.'},
          {'_id': 'd2', 'title': '', 'text': 'Rome ligt in Italië.', 'metadata': {}},
          {'_id': 'd3', 'title': 'Leeg', 'text': ''}]
QUERIES = [{'_id': 'q1', 'text': 'Waar ligt Parijs?'}, {'_id': 'q2', 'text': 'Waar ligt Rome?'},
           {'_id': 'q3', 'text': 'Waar ligt Oslo?'}]
TEST = ['query-id\tcorpus-id\tscore', 'q1\td1\t2', 'q1\td2\t0', 'q2\td2\t1']
TRAIN = ['query-id\tcorpus-id\tscore', 'q3\td3\t1']
MIXED = [{**CORPUS[0], 'lang': 'nl'}, {**CORPUS[1], 'lang': 'de'}, {**CORPUS[2], 'lang': 'nl'}]
ASKED = [{'_id': 'q1', 'text': 'Waar ligt Parijs?', 'lang': 'nl'},
         {'_id': 'q1', 'text': 'Où est Paris ?', 'lang': 'fr'},
         {'_id': 'q2', 'text': 'Wo liegt Rom?', 'lang': 'de'}, {'_id': 'q3', 'text': 'Wo liegt Oslo?', 'lang': 'de'}]


def folder(path, corpus=CORPUS, queries=QUERIES, **qrels):
    """Writes a BEIR folder; records may be given as lines."""
    (path / 'qrels').mkdir(parents=True, exist_ok=True)
    for name, records in (('corpus', corpus), ('queries', queries)):
        lines = [record if isinstance(record, str) else json.dumps(record) for record in records]
        (path / f'{name}.jsonl').write_text('\n'.join(lines) + '\n')
    for split, lines in (qrels or {'test': TEST, 'train': TRAIN}).items():
        (path / 'qrels' / f'{split}.tsv').write_text('\n'.join(lines) + '\n')
    return path


def test_one_language(tmp_path):
    assert beir_folder(folder(tmp_path), 'steden', lang='nl') == ['steden', 'steden/nl', 'steden/nl/nl']
    dataset = ir_datasets.load('steden/nl')
    assert [tuple(doc) for doc in dataset.docs_iter()] == [
        ('d1', 'Parijs ligt in Frankrijk.', '', 'Parijs', 'nl'), ('d2', 'Rome ligt in Italië.', '', '', 'nl'),
        ('d3', '', '', 'Leeg', 'nl')]
    assert [doc.default_text() for doc in dataset.docs_iter()] == [
        'Parijs Parijs ligt in Frankrijk.', 'Rome ligt in Italië.', 'Leeg']
    assert [tuple(query) for query in dataset.queries_iter()] == [
        ('q1', 'Waar ligt Parijs?', 'nl'), ('q2', 'Waar ligt Rome?', 'nl')]  # q3 is asked in train
    assert [tuple(qrel) for qrel in dataset.qrels_iter()] == [
        ('q1', 'd1', 2, 'nl', 'nl'), ('q1', 'd2', 0, 'nl', 'nl'), ('q2', 'd2', 1, 'nl', 'nl')]
    assert (dataset.docs_count(), dataset.queries_count(), dataset.qrels_count()) == (3, 2, 3)
    assert dataset.docs_lang() == 'nl' and ir_datasets.docs_parent_id('steden/nl/nl') == 'steden'


def test_another_split(tmp_path):
    beir_folder(folder(tmp_path), 'steden', lang='nl', split='train')
    assert [query.query_id for query in ir_datasets.load('steden/nl').queries_iter()] == ['q3']


def test_a_language_per_line(tmp_path):
    assert beir_folder(folder(tmp_path, MIXED, ASKED), 'gemengd') == [
        'gemengd', 'gemengd/de', 'gemengd/de/de', 'gemengd/de/nl', 'gemengd/fr', 'gemengd/fr/de', 'gemengd/fr/nl',
        'gemengd/nl', 'gemengd/nl/de', 'gemengd/nl/nl']
    assert [doc.doc_id for doc in ir_datasets.load('gemengd/fr').docs_iter()] == ['d1', 'd2', 'd3']
    assert [doc.doc_id for doc in ir_datasets.load('gemengd/fr/nl').docs_iter()] == ['d1', 'd3']
    assert [tuple(qrel) for qrel in ir_datasets.load('gemengd/fr').qrels_iter()] == [
        ('q1', 'd2', 0, 'de', 'fr'), ('q1', 'd1', 2, 'nl', 'fr')]
    assert [query.query for query in ir_datasets.load('gemengd/de/nl').queries_iter()] == []  # Rome is told in German
    assert ir_datasets.load('gemengd/nl').docs_lang() is None and ir_datasets.load('gemengd/nl/de').docs_lang() == 'de'
    assert [ir_datasets.load(f'gemengd/nl{dl}').docs_count() for dl in ('', '/de', '/nl')] == [3, 1, 2]


def test_slices_and_lookups(tmp_path):
    beir_folder(folder(tmp_path, MIXED, ASKED), 'gemengd')
    docs = list(ir_datasets.load('gemengd').docs_iter())
    assert list(ir_datasets.load('gemengd').docs_iter()[1 / 3:][1:]) == docs[2:]
    assert ir_datasets.load('gemengd/fr/nl').docs_iter()[-1] == docs[2]
    assert not (home_path() / 'beir_folder').exists()  # cutting builds nothing
    assert ir_datasets.load('gemengd/fr').docs_store().get('d2') == docs[1]


def test_a_changed_file_is_not_read_from_the_old_store(tmp_path):
    beir_folder(folder(tmp_path), 'steden', lang='nl')
    assert ir_datasets.load('steden').docs_store().get('d1').title == 'Parijs'
    beir_folder(folder(tmp_path, [{**CORPUS[0], 'title': 'Parijs!'}, *CORPUS[1:]]), 'steden', lang='nl')
    assert ir_datasets.load('steden').docs_store().get('d1').title == 'Parijs!'


def test_no_header_and_blank_lines(tmp_path):
    folder(tmp_path, [*CORPUS, ''], QUERIES, test=[*TEST[1:], ''], train=TRAIN)
    beir_folder(tmp_path, 'steden', lang='nl')
    assert ir_datasets.load('steden/nl').qrels_count() == 3


def read(path, name, change, **options) -> list[str]:
    """Makes a folder with some files changed the data set ``name``."""
    folder(path, change.get('corpus', CORPUS), change.get('queries', QUERIES), test=change.get('test', TEST),
           train=TRAIN)
    return beir_folder(path, name, **options)


@pytest.mark.parametrize('strict', [False, True])
@pytest.mark.parametrize('change, lang, message', [
    ({'corpus': [*CORPUS, '{"_id": "d4"']}, 'nl', r'corpus.jsonl, line 4 is not JSON'),
    ({'corpus': ['[1]']}, 'nl', r'corpus.jsonl, line 1 is not a JSON object'),
    ({'corpus': ['[' * 100_000]}, 'nl', r'corpus.jsonl, line 1 .* nested too deeply'),
    ({'corpus': ['{"_id": "d1", "text": "", "n": ' + '1' * 5000 + '}']}, 'nl', r'corpus.jsonl, line 1 is not JSON'),
    ({'corpus': ['{"_id": "d1", "_id": "d2", "text": ""}']}, 'nl', r"corpus.jsonl, line 1 has the field '_id' twice"),
    ({'corpus': [{'text': ''}]}, 'nl', r"corpus.jsonl, line 1 has no '_id'"),
    ({'corpus': [{'_id': 4.5, 'text': ''}]}, 'nl', r"line 1: '_id' is 4.5; it must be text or a whole number"),
    ({'corpus': [{'_id': ['x'] * 9999, 'text': ''}]}, 'nl', r"line 1: '_id' is .{,60}; it must be text"),
    ({'corpus': [{'_id': ' ', 'text': ''}]}, 'nl', r"corpus.jsonl, line 1: '_id' is empty"),
    ({'corpus': [{'_id': 'a b', 'text': ''}]}, 'nl', r"line 1: '_id' is 'a b', which has a space"),
    ({'corpus': [{'_id': 'd1', 'text': 'a\ud800'}]}, 'nl', r"\(id 'd1'\): 'text' holds half a surrogate pair"),
    ({'corpus': [{'_id': 'd1', 'text': '', 'title': '\udfff'}]}, 'nl', r"\(id 'd1'\): 'title' holds half a surrogate"),
    ({'corpus': [{'_id': 'd' * 10 ** 6, 'text': '\ud800'}]}, 'nl', r"\(id .{,60}\): 'text' holds half"),
    ({'corpus': [{'_id': 'd1', 'text': '', 'title': 3}]}, 'nl', r"line 1: 'title' is 3; it must be text"),
    *[({'corpus': [{'_id': 'd1', 'text': '', **{field: value}}]}, 'nl', rf"line 1: '{field}' is {told}; it must be tex")
      for field in ('text', 'title') for value, told in [(0, '0'), (False, 'False'), ([], r'\[\]'), ({}, '{}')]],
    ({'queries': [{'_id': 'q1', 'text': 0}]}, 'nl', r"queries.jsonl, line 1: 'text' is 0; it must be text"),
    ({'corpus': []}, 'nl', r'corpus.jsonl holds no passage'),
    ({'corpus': [*CORPUS, {**CORPUS[0], 'title': 'Rome'}]}, 'nl', r"line 4 \(id 'd1'\) has the id of an earlier"),
    ({'corpus': [*MIXED, {'_id': 'd1', 'text': 'Paris.', 'lang': 'de'}], 'queries': ASKED}, None,
     r"corpus.jsonl, line 4 \(id 'd1'\) has the id of an earlier passage, in nl; ids are unique over all languages"),
    ({'corpus': MIXED}, None, r'queries.jsonl, line 1 .* has no "lang"; add one to each line, or give lang='),
    ({'corpus': MIXED}, 'nl', r"corpus.jsonl, line 2 \(id 'd2'\) has the language 'de', but lang='nl' was given"),
    ({'corpus': [{**CORPUS[0], 'lang': 'Dutch'}], 'queries': ASKED}, None, r"'d1'\) has the language 'Dutch'; a lang"),
    ({}, 'dutch', r"the argument lang has the language 'dutch'"),
    ({'queries': [*QUERIES, {'_id': 'q1', 'text': 'Wat?'}]}, 'nl', r"line 4 \(id 'q1'\) has the id of an earl"),
    ({'test': [*TEST, 'q1 0 d1 1']}, 'nl', r'test.tsv, line 5 is .*a question id, a passage id and a whole number'),
    ({'test': [*TEST, 'q1\td3\t.5']}, 'nl', r'test.tsv, line 5 is'),
    ({'test': [*TEST, 'q1\td3\t' + '1' * 5000]}, 'nl', r'test.tsv, line 5 is .{,60}; it must'),
    ({'test': [*TEST, 'q1\td1\t1']}, 'nl', r"judges 'q1' and 'd1' again, with another score: 1 after 2 in line 2"),
    ({'test': TEST[:1]}, 'nl', r"test.tsv judges nothing"),
])
def test_refuses(tmp_path, change, lang, message, strict):
    with pytest.raises(ValueError, match=message) as caught:
        read(tmp_path, 'fout', change, lang=lang, strict=strict)
    assert 'fout' not in ir_datasets.registry and len(str(caught.value)) < 500


@pytest.mark.parametrize('change, kind, refusal', [
    ({'corpus': [*CORPUS, {'_id': 'd1x'}]}, 'lines without a text: 1 (d1x)', "line 4 (id 'd1x') has no 'text'"),
    ({'corpus': [*CORPUS, {'_id': 'x', 'text': None}]}, 'lines without a text: 1 (x)', "line 4 (id 'x') has no 'text'"),
    ({'corpus': [*CORPUS, CORPUS[0]]}, 'passages that occur twice: 1 (d1)', "line 4 (id 'd1') has the id of"),
    ({'queries': [*QUERIES, {'_id': 'q4', 'text': ' '}]}, 'empty questions: 1 (q4)', "line 4 (id 'q4') is an empty"),
    ({'queries': [*QUERIES, QUERIES[0]]}, 'questions that occur twice: 1 (q1)', "line 4 (id 'q1') has the id of"),
    ({'queries': [*QUERIES, {'_id': 'q9', 'text': 'Wat?'}]}, 'questions that nobody judged: 1 (q9)', "question 'q9'"),
    ({'test': [*TEST, 'q7\td3\t1']}, 'judgements of questions that are not in queries.jsonl: 1 (q7)',
     "test.tsv, line 5 judges the question 'q7', which is not in queries.jsonl"),
    ({'test': [*TEST, 'q2\td7\t1', 'q2\td8\t1']}, 'judgements of passages that are not in corpus.jsonl: 2 (d7, d8)',
     "test.tsv, line 5 judges the passage 'd7', which is not in corpus.jsonl"),
])
def test_what_is_wrong_is_left_out_in_one_warning_or_refused(tmp_path, change, kind, refusal):
    with pytest.warns(UserWarning, match=re.escape(kind)) as warned:
        read(tmp_path, 'steden', change, lang='nl')
    assert len(warned) == 1 and warned[0].filename == __file__ and 'strict=True' in str(warned[0].message)
    dataset = ir_datasets.load('steden/nl')
    assert [doc.doc_id for doc in dataset.docs_iter()] == ['d1', 'd2', 'd3'] and dataset.docs_count() == 3
    assert [query.query_id for query in dataset.queries_iter()] == ['q1', 'q2'] and dataset.qrels_count() == 3
    assert list(dataset.docs_store().get_many_iter(['d1', 'x', 'd1x'])) == [dataset.docs_iter()[0]]
    with pytest.raises(ValueError, match=re.escape(refusal)):
        read(tmp_path, 'streng', change, lang='nl', strict=True)
    assert 'streng' not in ir_datasets.registry


@pytest.mark.filterwarnings('error')
def test_what_is_harmless_is_read_in_silence(tmp_path):
    """Whole numbers as ids, null for no title, and a judgement that stands twice, which counts once."""
    change = {'corpus': [{'_id': 5, 'title': None, 'text': 'Parijs.', 'lang': None}, *CORPUS],
              'test': [*TEST, 'q2\t5\t1', 'q2\t5\t1']}
    read(tmp_path, 'steden', change, lang='nl', strict=True)
    dataset = ir_datasets.load('steden/nl')
    assert dataset.docs_store().get('5') == dataset.docs_iter()[0] == ('5', 'Parijs.', '', '', 'nl')
    assert [tuple(qrel)[:3] for qrel in dataset.qrels_iter()] == [
        ('q1', 'd1', 2), ('q1', 'd2', 0), ('q2', 'd2', 1), ('q2', '5', 1)]


def test_questions_that_nobody_judged_may_be_kept(tmp_path):
    unasked = {'_id': 'q9', 'text': 'Wat?', 'lang': 'de'}
    read(tmp_path, 'steden', {'corpus': MIXED, 'queries': [*ASKED, unasked]}, unjudged='keep', strict=True)
    assert [[query.query_id for query in ir_datasets.load(f'steden/{key}').queries_iter()]
            for key in ('de', 'de/de', 'de/nl', 'nl')] == [['q2', 'q9'], ['q2', 'q9'], ['q9'], ['q1']]
    with pytest.raises(ValueError, match=r"unjudged='all' is no choice; .*\('drop'\) or kept \('keep'\)"):
        beir_folder(tmp_path, 'steden', unjudged='all')


def test_a_file_that_changes_afterwards_is_not_read(tmp_path):
    beir_folder(folder(tmp_path), 'steden', lang='nl')
    docs = ir_datasets.load('steden').docs_iter()
    (tmp_path / 'corpus.jsonl').write_text('{"_id": "d1", "text": "Anders"}\n')
    with pytest.raises(ValueError, match=r'corpus.jsonl has changed since it was read; make the data set again'):
        next(docs)
    with pytest.raises(ValueError, match=r'corpus.jsonl has changed'):
        ir_datasets.load('steden').docs_store().get('d1')


def test_missing_files(tmp_path):
    with pytest.raises(FileNotFoundError, match=r'there is no .*corpus.jsonl; a BEIR folder has'):
        beir_folder(tmp_path, 'fout', lang='nl')
    folder(tmp_path)
    with pytest.raises(FileNotFoundError, match=r'there is no .*qrels.dev.tsv; choose split= from test, train'):
        beir_folder(tmp_path, 'fout', lang='nl', split='dev')


@pytest.mark.parametrize('given, error, message', [
    ({'path': None}, TypeError, "path is None; give the path of a folder in BEIR's format"),
    ({'path': 5}, TypeError, 'path is 5; give the path'),
    ({'split': None}, ValueError, "split is None; give the name of a file in qrels without .tsv, such as 'test'"),
])
def test_arguments_that_are_none(tmp_path, given, error, message):
    with pytest.raises(error, match=message):
        beir_folder(**{'path': folder(tmp_path), 'name': 'fout', 'lang': 'nl', **given})


def test_a_name_that_is_taken(tmp_path):
    with pytest.raises(ValueError, match="there is a data set 'beir' already; choose another name"):
        beir_folder(folder(tmp_path), 'beir', lang='nl')


def test_a_byte_order_mark_is_no_part_of_the_first_judgement(tmp_path):
    beir_folder(folder(tmp_path / 'x', test=['\ufeffq1\td1\t1', 'q2\td2\t1']), 'gemerkt', lang='nl')
    assert [qrel.query_id for qrel in ir_datasets.load('gemerkt/nl').qrels_iter()] == ['q1', 'q2']
