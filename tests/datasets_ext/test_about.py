"""What ids say of themselves: counts equal to what the data say and known without them, documentation of every id."""
import json
import re
import subprocess
import sys
from html.parser import HTMLParser
from importlib.resources import files
from pathlib import Path

import ir_datasets
import pytest
from ir_datasets.datasets.base import YamlDocumentation

import datasets_ext
from datasets_ext import published
from datasets_ext.about import Documentation, write_counts
from datasets_ext.shape import REGISTERED

FOLDER = Path(datasets_ext.__file__).parent / 'data' / 'counts'
COLLECTIONS = ['xquad-r', 'mlqa-r', 'miracl-multi', 'worldfacts']
IDS = [known for known in REGISTERED if known.split('/')[0] in COLLECTIONS]


@pytest.mark.parametrize('name', ['xquad-r', 'mlqa-r', 'worldfacts'])
def test_shipped_counts_are_those_of_the_data(data_root, name, tmp_path):
    write_counts(name, REGISTERED, tmp_path)
    assert json.loads((tmp_path / f'{name}.json').read_text()) == json.loads((FOLDER / f'{name}.json').read_text())
    assert (tmp_path / f'{name}.json').read_bytes() == (FOLDER / f'{name}.json').read_bytes()


def test_every_id_has_counts_of_all_it_has():
    for dataset_id, dataset in REGISTERED.items():
        if dataset_id.split('/')[0] in ('xquad-r', 'mlqa-r', 'worldfacts', 'miracl-multi'):
            assert dataset.metadata().keys() == {e for e in ('docs', 'queries', 'qrels') if dataset.has(e)}
            assert all(entry['count'] > 0 for entry in dataset.metadata().values()), dataset_id


def test_counting_needs_no_data(tmp_path):
    """A fresh process with an empty home and no network knows the counts; importing loads nothing heavy."""
    code = '''if True:
        import sys, ir_datasets, datasets_ext
        assert not {'torch', 'pyterrier', 'pandas', 'scipy'} & set(sys.modules)
        for dataset_id in ('xquad-r/de/en', 'mlqa-r/de/en', 'miracl-multi/de/dev', 'miracl-multi/judged/dev'):
            dataset = ir_datasets.load(dataset_id)
            print(dataset_id, dataset.docs_count(), dataset.queries_count(), dataset.qrels_count())
    '''
    env = {'IR_DATASETS_HOME': str(tmp_path), 'PYTHONPATH': str(Path(datasets_ext.__file__).parent.parent)}
    shown = subprocess.run([sys.executable, '-c', code], env=env, capture_output=True, text=True, check=True).stdout
    assert shown.splitlines() == [
        'xquad-r/de/en 1180 1190 1190', 'mlqa-r/de/en 6264 512 512',
        'miracl-multi/de/dev 106332152 305 3144', 'miracl-multi/judged/dev 119924 13495 130408']
    assert not [path for path in tmp_path.rglob('*') if path.is_file()]


class Balanced(HTMLParser):
    """Notes tags that are not closed in order."""

    def __init__(self):
        super().__init__()
        self.open, self.wrong = [], []

    def handle_starttag(self, tag, attrs):
        self.open.append(tag)

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            self.wrong.append(tag)


@pytest.mark.parametrize('collection', COLLECTIONS)
def test_every_id_is_documented(collection):
    upstream = ir_datasets.load('miracl').documentation()
    for dataset_id in (known for known in IDS if known.split('/')[0] == collection):
        entry = ir_datasets.load(dataset_id).documentation()
        assert 'desc' in entry and entry.keys() <= upstream.keys(), dataset_id
        assert not re.search(r'[{}]', entry['desc']), dataset_id
        html = Balanced()
        html.feed(entry['desc'])
        assert html.wrong == html.open == [], dataset_id


@pytest.mark.parametrize('collection', COLLECTIONS)
def test_the_collection_has_name_and_licence(collection):
    entry = ir_datasets.load(collection).documentation()
    assert entry['pretty_name'] and re.search('licen[cs]e', entry['desc'], re.IGNORECASE)


@pytest.mark.parametrize('key, words', [
    ('xquad-r/de', 'German questions over the sentences of all 11 languages'),
    ('xquad-r/de/de', 'German questions over German sentences'),
    ('xquad-r/de/el', 'German questions over Greek sentences'),
    ('miracl-multi/dev', 'The dev questions of all languages'),
    ('miracl-multi/judged/sw/train', 'The Swahili train questions'),
    ('miracl-multi/judged/dev', 'scores on it are inflated'),
])
def test_what_is_said(key, words):
    assert words in ir_datasets.load(key).documentation()['desc']


def test_mlqa_licence_is_said_everywhere():
    for dataset_id in (known for known in IDS if known.split('/')[0] == 'mlqa-r'):
        desc = ir_datasets.load(dataset_id).documentation()['desc']
        assert 'CC BY-NC 4.0' in desc and 'commercial purposes' in desc
    assert 'CC BY-NC 4.0' in published.__doc__ and 'CC BY-NC 4.0' in datasets_ext.__doc__


def test_citations():
    """Every paper that an entry cites is in ir_datasets' bibliography or in ours, which is in the same form."""
    folders = files('ir_datasets') / 'docs', files('datasets_ext') / 'data' / 'docs'
    texts = [(folder / 'bibliography.bib').read_text(encoding='utf-8') for folder in folders]
    known = {key for text in texts for key in re.findall(r'^@\w+\{(\S+),', text, re.MULTILINE)}
    cited = {dataset_id: ir_datasets.load(dataset_id).documentation().get('bibtex_ids', []) for dataset_id in IDS}
    assert {key for keys in cited.values() for key in keys} <= known
    assert all(keys or dataset_id.split('/')[0] == 'worldfacts' for dataset_id, keys in cited.items())


def test_form():
    """It is ir_datasets' own documentation component, and unknown keys have none."""
    documentation = Documentation('xquad-r')
    assert isinstance(documentation, YamlDocumentation)
    assert documentation('_').documentation()['pretty_name'] == 'XQuAD-R'
    assert documentation('nothing').documentation() == {}
