"""XQuAD-R, MLQA-R and SQuADShifts: the real files, against published counts and an independent reading of the files."""
import hashlib
import json
import lzma
from pathlib import Path

import ir_datasets
import ir_measures
import pytest
from ir_datasets.util import home_path

import datasets_ext
from datasets_ext import published
from datasets_ext.about import write_counts
from datasets_ext.downloads import table
from datasets_ext.published import LANGUAGES as PUBLISHED
from datasets_ext.shape import REGISTERED
from pyterrier_hybrid.pairs import ParallelPairs

SENTENCES = {
    'xquad-r': dict(ar=1222, de=1276, el=1234, en=1180, es=1215, hi=1244, ru=1219, th=852, tr=1167, vi=1209, zh=1196),
    'mlqa-r': dict(ar=2545, de=2362, en=6264, es=1787, hi=2426, vi=2828, zh=2322),
}
QUESTIONS = {
    'xquad-r': dict.fromkeys(SENTENCES['xquad-r'], 1190),
    'mlqa-r': dict(ar=517, de=512, en=1148, es=500, hi=507, vi=511, zh=504),
}
LANGUAGES = {name: PUBLISHED[name] for name in SENTENCES}
PAIRS = [(name, lang) for name, langs in LANGUAGES.items() for lang in langs]
NAME = 'squadshifts-new-wiki'
IDS = [NAME, f'{NAME}/en', f'{NAME}/en/en']
pytestmark = pytest.mark.usefixtures('data_root')


@pytest.fixture(scope='module')
def raw(data_root):
    """(collection, language) -> the file's content."""
    md5 = json.loads((data_root / 'lareqa_md5.json').read_text())
    return {tuple(key.split('/')): json.loads((data_root / 'irds' / 'downloads' / entry['md5']).read_text())
            for key, entry in md5.items()}


@pytest.mark.parametrize('name, ids, docs', [('xquad-r', 1 + 11 + 121, 13014), ('mlqa-r', 1 + 7 + 49, 20534)])
def test_ids(name, ids, docs):
    assert sum(known.split('/')[0] == name for known in ir_datasets.registry) == ids
    assert sum(1 for _ in ir_datasets.load(name).docs_iter()) == docs
    assert not ir_datasets.load(name).has_queries()


@pytest.mark.parametrize('name, lang', PAIRS)
def test_published_counts(name, lang):
    monolingual = ir_datasets.load(f'{name}/{lang}/{lang}')
    assert sum(1 for _ in monolingual.docs_iter()) == SENTENCES[name][lang]
    assert sum(1 for _ in monolingual.queries_iter()) == QUESTIONS[name][lang]
    assert sum(1 for _ in monolingual.qrels_iter()) == QUESTIONS[name][lang]
    assert sum(1 for _ in ir_datasets.load(f'{name}/{lang}').queries_iter()) == QUESTIONS[name][lang]


@pytest.mark.parametrize('name, lang', PAIRS)
def test_against_the_file(raw, name, lang):
    """Passages are the sentences, exactly; the relevant one is the one that holds the answer's first character."""
    docs, answers = [], {}
    for paragraph in (p for article in raw[name, lang]['data'] for p in article['paragraphs']):
        docs.append([paragraph['context'][a:b] for a, b in paragraph['sentence_breaks']])
        for qa in paragraph['qas']:
            start = qa['answers'][0]['answer_start']
            inside = [n for n, (a, b) in enumerate(paragraph['sentence_breaks']) if a <= start < b]
            answers[qa['id']] = f'{lang}/{len(docs) - 1}.{inside[0]}'
    expected = {f'{lang}/{p}.{s}': text for p, sentences in enumerate(docs) for s, text in enumerate(sentences)}
    dataset = ir_datasets.load(f'{name}/{lang}/{lang}')
    assert {doc.doc_id: doc.text for doc in dataset.docs_iter()} == expected
    assert all(doc.text in doc.context and doc.title and doc.lang == lang for doc in dataset.docs_iter())
    assert all(doc.default_text() == doc.text for doc in dataset.docs_iter())
    assert {qrel.query_id: qrel.doc_id for qrel in dataset.qrels_iter()} == answers


@pytest.mark.parametrize('name', LANGUAGES)
def test_crosslingual_questions_are_those_with_an_answer_there(raw, name):
    asked = {lang: {qa['id'] for article in raw[name, lang]['data'] for p in article['paragraphs'] for qa in p['qas']}
             for lang in LANGUAGES[name]}
    for ql in LANGUAGES[name]:
        pooled = list(ir_datasets.load(f'{name}/{ql}').qrels_iter())
        for dl in LANGUAGES[name]:
            dataset = ir_datasets.load(f'{name}/{ql}/{dl}')
            assert {query.query_id for query in dataset.queries_iter()} == asked[ql] & asked[dl]
            judged = list(dataset.qrels_iter())
            assert {qrel.query_id for qrel in judged} == asked[ql] & asked[dl]
            assert judged == [qrel for qrel in pooled if qrel.iteration == dl]
            assert all(qrel.doc_id.startswith(f'{dl}/') and qrel.query_lang == ql for qrel in judged)


def test_mlqa_questions_in_two_to_four_languages():
    in_langs = {}
    for lang in LANGUAGES['mlqa-r']:
        for query in ir_datasets.load(f'mlqa-r/{lang}').queries_iter():
            in_langs.setdefault(query.query_id, []).append(lang)
    numbers = [len(langs) for langs in in_langs.values()]
    assert {n: numbers.count(n) for n in set(numbers)} == {2: 65, 3: 263, 4: 820}


def test_the_one_paragraph_whose_sentences_field_differs(raw):
    """``text`` follows ``sentence_breaks``; Turkish has a paragraph whose ``sentences`` say otherwise."""
    differ = [(p, paragraph) for p, paragraph in enumerate(
        p for article in raw['xquad-r', 'tr']['data'] for p in article['paragraphs'])
        if paragraph['sentences'] != [paragraph['context'][a:b] for a, b in paragraph['sentence_breaks']]]
    assert len(differ) == 1
    number, paragraph = differ[0]
    texts = [doc.text for doc in ir_datasets.load('xquad-r/tr/tr').docs_iter()
             if doc.doc_id.startswith(f'tr/{number}.')]
    assert texts == [paragraph['context'][a:b] for a, b in paragraph['sentence_breaks']] != paragraph['sentences']


def test_one_handler_and_one_store_for_all_documents():
    assert ir_datasets.docs_parent_id('xquad-r/en') == ir_datasets.docs_parent_id('xquad-r/zh') == 'xquad-r'
    german = ir_datasets.load('xquad-r/en/de').docs_handler()
    assert german is ir_datasets.load('xquad-r/el/de').docs_handler()
    store = ir_datasets.load('xquad-r/en').docs_store()
    assert store.get('de/17.0').lang == 'de' and store.count() == 13014


def test_slices():
    docs = list(ir_datasets.load('xquad-r').docs_iter())
    assert list(ir_datasets.load('xquad-r').docs_iter()[:1 / 3]) == docs[:4338]
    assert list(ir_datasets.load('xquad-r/en').docs_iter()[1 / 3:2 / 3][5:7]) == docs[4343:4345]
    assert ir_datasets.load('xquad-r').docs_iter()[-1] == docs[-1]


def test_measures_read_the_judgements():
    """ir_measures takes the records as they are, and TREC's second column is the language."""
    qrels = list(ir_datasets.load('xquad-r/en').qrels_iter())
    first = qrels[0].query_id
    run = [ir_measures.ScoredDoc(first, qrel.doc_id, 1.) for qrel in qrels if qrel.query_id == first]
    value = next(m.value for m in ir_measures.iter_calc([ir_measures.AP], qrels, run) if m.query_id == first)
    assert value == 1. and len(run) == 11
    assert sorted(qrel.iteration for qrel in qrels if qrel.query_id == first) == sorted(LANGUAGES['xquad-r'])


@pytest.mark.parametrize('name, lang', PAIRS)
def test_table_of_downloads(data_root, name, lang):
    entry = table()[name][lang]
    listed = json.loads((data_root / 'lareqa_md5.json').read_text())[f'{name}/{lang}']
    commit = {'xquad-r': '9bc8c7fb6dd8d01d72a05a93c2cb96882b0d299c',
              'mlqa-r': '354d67d1cd066854cdfbf5ad0e6105528976141d'}[name]
    base = 'https://raw.githubusercontent.com/google-research-datasets/lareqa'
    assert entry == {'url': f'{base}/{commit}/{name}/{lang}.json', 'expected_md5': listed['md5'],
                     'cache_path': f'{lang}.json'}  # no size_hint: ir_datasets would skip downloads/<md5>
    ir_datasets.load(f'{name}/{lang}/{lang}').docs_iter()[0]
    assert (home_path() / name / f'{lang}.json').stat().st_size == listed['bytes']


def test_reachable_as_ours():
    assert ir_datasets.load('mlqa-r/de/en') is REGISTERED['mlqa-r/de/en']


@pytest.fixture
def shifts(data_root, irds_home):
    """The file's bytes, lying in the ir_datasets home where a download would be looked for."""
    data = lzma.decompress((data_root / 'validation' / 'squadshifts_new_wiki.json.xz').read_bytes())
    copy = irds_home / 'downloads' / hashlib.md5(data).hexdigest()
    copy.write_bytes(data)
    published.load.cache_clear()
    yield data
    copy.unlink()


def test_squadshifts_ids_and_counts_without_the_file():
    assert [known for known in REGISTERED if known.split('/')[0] == NAME] == IDS
    assert {ir_datasets.docs_parent_id(known) for known in IDS} == {NAME}
    dataset = REGISTERED[f'{NAME}/en']
    assert (dataset.docs_count(), dataset.queries_count(), dataset.qrels_count()) == (1581, 7938, 7938)


def test_squadshifts_against_its_file(shifts):
    paragraphs = [p for article in json.loads(shifts)['data'] for p in article['paragraphs']]
    dataset = ir_datasets.load(f'{NAME}/en')
    assert [(doc.doc_id, doc.text) for doc in dataset.docs_iter()] == [
        (f'en/{n}.0', paragraph['context']) for n, paragraph in enumerate(paragraphs)]
    assert [tuple(query) for query in dataset.queries_iter()] == [
        (qa['id'], qa['question'], 'en') for paragraph in paragraphs for qa in paragraph['qas']]
    assert [tuple(qrel) for qrel in dataset.qrels_iter()] == [
        (qa['id'], f'en/{n}.0', 1, 'en', 'en') for n, paragraph in enumerate(paragraphs) for qa in paragraph['qas']]


def test_squadshifts_counts_are_those_of_the_file(shifts, tmp_path):
    write_counts(NAME, REGISTERED, tmp_path)
    shipped = Path(datasets_ext.__file__).parent / 'data' / 'counts'
    assert (tmp_path / f'{NAME}.json').read_bytes() == (shipped / f'{NAME}.json').read_bytes()


def test_validation_pairs_by_name(shifts, tmp_path):
    """The same pairs come by the id and from the file."""
    by_name = ParallelPairs.from_irds([f'{NAME}/en'], tmp_path / 'name', verbose=False)[f'{NAME}/en']
    (tmp_path / 'file.json').write_bytes(shifts)
    by_file = ParallelPairs.from_squad({'en': tmp_path / 'file.json'}, tmp_path / 'file', verbose=False)['squad']
    assert len(by_name) == len(by_file) == 7938
    rows = range(7938)
    for side in ('query', 'passage'):
        assert by_name.texts(side, rows, ['en'] * 7938) == by_file.texts(side, rows, ['en'] * 7938)
    # questions on one paragraph never meet in a batch, nor do the paragraphs of one question: 1,581 less 4
    assert len(set(by_name.passage_ids)) == 1577


def test_squadshifts_documentation():
    for known in IDS:
        entry = ir_datasets.load(known).documentation()
        assert entry['bibtex_ids'] == ['Miller2020Squadshifts'] and '{' not in entry['desc']
    assert 'CC BY 4.0' in ir_datasets.load(NAME).documentation()['desc']
    bibliography = Path(datasets_ext.__file__).parent / 'data' / 'docs' / 'bibliography.bib'
    assert '{Miller2020Squadshifts,' in bibliography.read_text()
