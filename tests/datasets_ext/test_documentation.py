"""Documentation of every id, in the form that ir_datasets' own tools render."""
import re
from html.parser import HTMLParser
from importlib.resources import files

import ir_datasets
import pytest
from ir_datasets.datasets.base import YamlDocumentation

import datasets_ext
from datasets_ext.documentation import Documentation
from datasets_ext.shape import REGISTERED

datasets_ext.register()
COLLECTIONS = ['xquad-r', 'mlqa-r', 'miracl-multi', 'worldfacts']
IDS = [known for known in REGISTERED if known.split('/')[0] in COLLECTIONS]


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
    from datasets_ext import lareqa
    assert 'CC BY-NC 4.0' in lareqa.__doc__ and 'CC BY-NC 4.0' in datasets_ext.__doc__


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
