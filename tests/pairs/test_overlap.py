"""Evaluation texts found in training pairs: planted ones all, and in the real training data none."""
import ir_datasets
import pytest
from ir_datasets.datasets.base import Dataset

from datasets_ext.docs import MemoryDocs
from datasets_ext.provider import HybridDatasetProvider
from datasets_ext.records import TitledDoc
from pyterrier_hybrid.pairs.corpus import ParallelPairs
from pyterrier_hybrid.pairs.overlap import words

LONG = 'The quick brown fox jumps over the lazy dog near the bank.'


@pytest.fixture
def dataset(tmp_path):
    """An evaluation data set of two questions and four passages."""
    (tmp_path / 'docs.tsv').write_text(
        f'd1\t{LONG}\nd2\tShort one!\nd3\tยิ่งไปกว่านั้น\nd4\t地球围绕太阳公转一周需要大约三百六十五天\n', encoding='utf-8'
    )
    (tmp_path / 'queries.tsv').write_text('q1\tWho jumps?\nq2\tWhich animal jumps over the lazy dog in this text?\n')
    return ir_datasets.create_dataset(docs_tsv=str(tmp_path / 'docs.tsv'), queries_tsv=str(tmp_path / 'queries.tsv'))


def overlap(texts: list[tuple[str, str]], dataset, folder) -> set[tuple]:
    rows = [
        {'id': str(i), 'source': 's', 'query': {'en': query}, 'positive': {'de': passage}}
        for i, (query, passage) in enumerate(texts)
    ]
    found = ParallelPairs.from_rows(rows, folder / 'pairs', verbose=False).overlap(dataset, verbose=False)
    return set(found[['what', 'eval_id', 'id', 'side', 'lang', 'equal']].itertuples(index=False, name=None))


@pytest.mark.parametrize(
    ('texts', 'expected'),
    [
        ([('other', 'another')], set()),
        ([('WHO JUMPS', 'x')], {('question', 'q1', '0', 'query', 'en', True)}),
        ([('x', 'who  jumps!?')], {('question', 'q1', '0', 'passage', 'de', True)}),
        ([('x', 'Tell me who jumps?')], set()),  # too short to count inside another text
        ([('x', 'short one')], {('passage', 'd2', '0', 'passage', 'de', True)}),
        ([('x', LONG)], {('passage', 'd1', '0', 'passage', 'de', True)}),
        ([('a', 'b'), ('x', f'Once: {LONG.upper()} And more.')], {('passage', 'd1', '1', 'passage', 'de', False)}),
        ([('x', f'{LONG} {LONG}')], {('passage', 'd1', '0', 'passage', 'de', False)}),  # once, not twice
        ([('x', LONG.replace('bank', 'river'))], set()),  # the first eight words are not enough
        ([('x', 'และยิ่งไปกว่านั้นอีก')], set()),  # a Thai "moreover" inside a sentence is no leak
        ([('x', '众所周知，地球围绕太阳公转一周，需要大约三百六十五天。')],
         {('passage', 'd4', '0', 'passage', 'de', False)}),
    ],
)  # fmt: skip
def test_by_hand(texts, expected, dataset, tmp_path):
    assert overlap(texts, dataset, tmp_path) == expected


def test_a_passage_occurs_with_its_title_or_without(tmp_path):
    docs = [TitledDoc('d1', LONG, '', 'Foxes', 'en'), TitledDoc('d2', 'Short one', '', 'Title', 'en'),
            TitledDoc('d3', LONG.replace('fox', 'cat'), '', '', 'en')]  # fmt: skip
    dataset = Dataset(MemoryDocs(lambda: docs, 'en'))
    texts = [LONG, f'Foxes: {LONG}', 'short one', 'Title. Short one', docs[2].text, 'Title']
    assert overlap([('x', text) for text in texts], dataset, tmp_path) == {
        ('passage', doc_id, row, 'passage', 'de', True)
        for doc_id, row in [('d1', '0'), ('d1', '1'), ('d2', '2'), ('d2', '3'), ('d3', '4')]
    }


def test_given_negatives_are_a_side_of_their_own(dataset, tmp_path):
    rows = [
        {'id': 'a', 'source': 's', 'query': {'en': 'q'}, 'positive': {'en': 'p'}},
        {'id': 'b', 'source': 's', 'query': {'en': 'r'}, 'positive': {'en': 'o'},
         'negatives': {'de': ['x', 'short one', f'Once: {LONG}'], 'en': ['y']}},
    ]  # fmt: skip
    found = ParallelPairs.from_rows(rows, tmp_path / 'pairs', verbose=False).overlap(dataset, verbose=False)
    assert found[['what', 'eval_id', 'id', 'side', 'lang', 'equal']].to_numpy().tolist() == [
        ['passage', 'd2', 'b', 'negatives', 'de', True], ['passage', 'd1', 'b', 'negatives', 'de', False],
    ]  # fmt: skip


@pytest.mark.parametrize(
    ('text', 'expected'),
    [
        ('Ｆｕｌｌ-width, STRASSE & straße', 'full width strasse strasse'),
        ('हिन्दी में', 'हिन्दी में'),
        ('世界 2 大', '世 界 2 大'),
        ('—!', ''),
    ],
)
def test_words(text, expected):
    assert ' '.join(words(text)) == expected


def test_real_data(data_root, tmp_path):
    pairs = ParallelPairs.from_jsonl(data_root / 'train' / 'sections.qa.jsonl.xz', tmp_path / 'p', verbose=False)
    assert len(pairs.overlap('xquad-r/en', verbose=False)) == 0
    planted = [
        {'id': 'q', 'source': 's', 'query': {'tr': next(ir_datasets.load('xquad-r/tr').queries_iter()).query},
         'positive': {'en': '?'}}
    ]  # fmt: skip
    leaky = ParallelPairs.from_rows(planted, tmp_path / 'leaky', verbose=False)
    for dataset in ('xquad-r/tr', 'irds:xquad-r/tr', HybridDatasetProvider().get_dataset('xquad-r/tr')):
        found = leaky.overlap(dataset, verbose=False)
        assert found[['what', 'id', 'side', 'lang']].to_numpy().tolist() == [['question', 'q', 'query', 'tr']]


def test_bad_input(dataset, tmp_path):
    pairs = ParallelPairs.from_rows([{'id': '1', 'source': 's', 'text': {'en': 't'}}], tmp_path / 'p', verbose=False)
    with pytest.raises(ValueError, match="no data set 'xquad-s/en'"):
        pairs.overlap('xquad-s/en', verbose=False)
    with pytest.raises(TypeError, match='is not a data set of ir_datasets; give its id'):
        pairs.overlap(['xquad-r/en'], verbose=False)
    with pytest.raises(ValueError, match='has neither questions nor passages'):
        pairs.overlap('mmarco', verbose=False)
