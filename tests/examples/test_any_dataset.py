"""The example for collections in one language, on one of ir_datasets' own form and on a folder in BEIR's."""
import json
from typing import NamedTuple

import ir_datasets
import pytest
from ir_datasets.datasets.base import Dataset
from ir_datasets.formats import BaseDocs, GenericQuery, TrecQrel

from datasets_ext import beir_folder
from datasets_ext.shape import LangQrels, LangQueries

DOCS = [('d1', 'Otters', 'They hold hands.'), ('d2', 'Owls', 'They turn heads.'), ('d3', 'Whales', 'They sing.')]
QUERIES = [('1', 'who holds hands'), ('2', 'owls')]
QRELS = [('1', 'd1'), ('2', 'd2')]


class Article(NamedTuple):
    """A document whose fields are its own, as those of most ir_datasets collections are, and which has no language."""

    doc_id: str
    headline: str
    body: str

    def default_text(self) -> str:
        return f'{self.headline} {self.body}'


class Articles(BaseDocs):
    def __init__(self, lang):
        self._lang = lang

    def docs_iter(self):
        return (Article(*doc) for doc in DOCS)

    def docs_cls(self):
        return Article

    def docs_count(self):
        return len(DOCS)

    def docs_lang(self):
        return self._lang


@pytest.fixture
def irds(monkeypatch):
    """Registers a collection in ir_datasets as upstream has them: no language but that of the whole."""
    def register(lang: str | None, *, judged: bool = True) -> str:
        parts = [Articles(lang), LangQueries(lambda: [GenericQuery(*query) for query in QUERIES], lang)]
        if judged:
            parts.append(LangQrels(lambda: [TrecQrel(*qrel, 1, '0') for qrel in QRELS], {1: 'relevant'}))
        monkeypatch.setitem(ir_datasets.registry._registered, 'tiny-articles', Dataset(*parts))
        return 'irds:tiny-articles'

    return register


@pytest.fixture
def beir(tmp_path) -> str:
    """The same collection as a folder in BEIR's format."""
    (tmp_path / 'beir' / 'qrels').mkdir(parents=True)
    docs = [{'_id': name, 'title': title, 'text': text} for name, title, text in DOCS]
    queries = [{'_id': name, 'text': text} for name, text in QUERIES]
    for name, rows in (('corpus', docs), ('queries', queries)):
        (tmp_path / 'beir' / f'{name}.jsonl').write_text('\n'.join(map(json.dumps, rows)))
    lines = ['query-id\tcorpus-id\tscore', *(f'{query}\t{doc}\t1' for query, doc in QRELS)]
    (tmp_path / 'beir' / 'qrels' / 'test.tsv').write_text('\n'.join(lines))
    return beir_folder(tmp_path / 'beir', 'tiny-beir', lang='en')[1]


def check(found: dict) -> None:
    table = found['table'].set_index('name')
    assert list(table.index) == ['BM25', 'dense']
    # Each query has words in common with its own document alone, the first through stems (holds, hold).
    assert table.loc['BM25', ['AP', 'nDCG@10', 'R@100']].tolist() == [1, 1, 1]
    assert table.loc['dense', 'R@100'] == 1
    assert table['RankDistance@1000'].tolist() == [0, 0] and table['LPR'].tolist() == [1, 1]


def test_an_id_of_ir_datasets(run, encoder, irds):
    with pytest.warns(UserWarning, match='relevant documents in fewer than two languages and count as 0'):
        found = run('any_dataset.py', irds('en'), encoder)
    check(found)
    assert set(found['bm25'].langs()) == set(found['index'].langs()) == {'en'}


@pytest.mark.parametrize('provider', ['irds', 'hybrid'])
def test_a_folder_in_beirs_format(run, encoder, beir, provider):
    with pytest.warns(UserWarning, match='fewer than two languages'):
        check(run('any_dataset.py', f'{provider}:{beir}', encoder))


def test_the_language_that_is_given_counts(run, encoder, irds):
    with pytest.warns(UserWarning, match='fewer than two languages'):
        found = run('any_dataset.py', irds(None), encoder, '--lang', 'nl')
    assert set(found['bm25'].langs()) == {'nl'} and set(found['topics'].query_lang) == {'nl'}


@pytest.mark.parametrize('lang, judged, dataset, message', [
    (None, True, 'irds:tiny-articles', 'no language is stated for irds:tiny-articles: give --lang if it has one'),
    ('en', False, 'irds:tiny-articles', 'irds:tiny-articles has no documents, no queries or no qrels'),
    ('en', True, 'tiny-articles', 'tiny-articles is not an id of ir_datasets; write irds:tiny-articles'),
    ('en', True, 'hybrid:worldfacts/en', 'see xquad_r.py if it has many'),
])
def test_refusals(run, encoder, irds, capsys, lang, judged, dataset, message):
    irds(lang, judged=judged)
    with pytest.raises(SystemExit, match='2'):
        run('any_dataset.py', dataset, encoder)
    assert message in capsys.readouterr().err
