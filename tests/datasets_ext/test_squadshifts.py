"""SQuADShifts, the validation set: the real file, and validation pairs by name."""
import hashlib
import json
import lzma
from pathlib import Path

import ir_datasets
import pytest

import datasets_ext
from datasets_ext import counts, squadshifts
from datasets_ext.shape import REGISTERED
from pyterrier_hybrid.pairs import ParallelPairs

NAME = squadshifts.NAME
IDS = [NAME, f'{NAME}/en', f'{NAME}/en/en']


@pytest.fixture
def raw(data_root, irds_home):
    """The file's bytes, lying in the ir_datasets home where a download would be looked for."""
    data = lzma.decompress((data_root / 'validation' / 'squadshifts_new_wiki.json.xz').read_bytes())
    copy = irds_home / 'downloads' / hashlib.md5(data).hexdigest()
    copy.write_bytes(data)
    squadshifts.load.cache_clear()
    yield data
    copy.unlink()


def test_ids_and_counts_without_the_file():
    assert [known for known in REGISTERED if known.split('/')[0] == NAME] == IDS
    assert {ir_datasets.docs_parent_id(known) for known in IDS} == {NAME}
    dataset = REGISTERED[f'{NAME}/en']
    assert (dataset.docs_count(), dataset.queries_count(), dataset.qrels_count()) == (1581, 7938, 7938)


def test_against_the_file(raw):
    paragraphs = [p for article in json.loads(raw)['data'] for p in article['paragraphs']]
    dataset = ir_datasets.load(f'{NAME}/en')
    assert [(doc.doc_id, doc.text) for doc in dataset.docs_iter()] == [
        (f'en/{n}.0', paragraph['context']) for n, paragraph in enumerate(paragraphs)]
    assert [tuple(query) for query in dataset.queries_iter()] == [
        (qa['id'], qa['question'], 'en') for paragraph in paragraphs for qa in paragraph['qas']]
    assert [tuple(qrel) for qrel in dataset.qrels_iter()] == [
        (qa['id'], f'en/{n}.0', 1, 'en', 'en') for n, paragraph in enumerate(paragraphs) for qa in paragraph['qas']]


def test_shipped_counts_are_those_of_the_file(raw, tmp_path):
    counts.write(NAME, tmp_path)
    shipped = Path(datasets_ext.__file__).parent / 'data' / 'counts'
    assert (tmp_path / f'{NAME}.json').read_bytes() == (shipped / f'{NAME}.json').read_bytes()


def test_validation_pairs_by_name(raw, tmp_path):
    """The same pairs come by the id and from the file."""
    by_name = ParallelPairs.from_irds([f'{NAME}/en'], tmp_path / 'name', verbose=False)[f'{NAME}/en']
    (tmp_path / 'file.json').write_bytes(raw)
    by_file = ParallelPairs.from_squad({'en': tmp_path / 'file.json'}, tmp_path / 'file', verbose=False)['squad']
    assert len(by_name) == len(by_file) == 7938
    rows = range(7938)
    for side in ('query', 'passage'):
        assert by_name.texts(side, rows, ['en'] * 7938) == by_file.texts(side, rows, ['en'] * 7938)
    # questions on one paragraph never meet in a batch, nor do the paragraphs of one question: 1,581 less 4
    assert len(set(by_name.passage_ids)) == 1577


def test_documentation():
    for known in IDS:
        entry = ir_datasets.load(known).documentation()
        assert entry['bibtex_ids'] == ['Miller2020Squadshifts'] and '{' not in entry['desc']
    assert 'CC BY 4.0' in ir_datasets.load(NAME).documentation()['desc']
    bibliography = Path(datasets_ext.__file__).parent / 'data' / 'docs' / 'bibliography.bib'
    assert '{Miller2020Squadshifts,' in bibliography.read_text()
