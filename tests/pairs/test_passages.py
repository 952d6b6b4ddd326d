"""Which rows an import takes for one passage, and which given negatives it knows as passages."""
import pickle
from pathlib import Path

import numpy as np
import pytest

from pyterrier_hybrid.pairs.corpus import ParallelPairs


@pytest.mark.parametrize(
    ('rows', 'groups'),
    [
        # Equal passages of one language, whatever else the rows have; and transitively.
        ([({'en': 'A'}, {}), ({'en': 'A', 'de': 'B'}, {}), ({'de': 'B'}, {}), ({'de': 'C'}, {})], [0, 0, 0, 1]),
        # Given ids join what texts do not, and texts join what ids keep apart.
        ([({'en': 'A'}, {'passage_id': 'p'}), ({'en': 'B'}, {'passage_id': 'p'}), ({'en': 'p'}, {})], [0, 0, 1]),
        ([({'en': 'A'}, {'passage_id': 'p'}), ({'en': 'A'}, {'passage_id': 'r'})], [0, 0]),
        # Equal but for the language: the two vectors are equal too.
        ([({'en': 'Paris'}, {}), ({'fr': 'Paris'}, {}), ({'fr': 'paris'}, {})], [0, 0, 1]),
    ],
)
@pytest.mark.parametrize('spread', [False, True])
@pytest.mark.filterwarnings('ignore:the passage_id')  # see test_given
def test_passage_ids(rows, groups, spread, tmp_path, build):
    made = [
        {'id': str(i), 'source': f's{i}' if spread else 's', 'query': {'en': f'q{i}'}, 'positive': passage, **more}
        for i, (passage, more) in enumerate(rows)
    ]
    pairs = build(made, tmp_path / 'pairs')
    found = {}
    for source in pairs.sources:
        assert isinstance(source.passage_ids, np.memmap) and source.passage_ids.dtype == np.int64
        assert (source.passage_ids >= 0).all()
        found.update(zip(source.ids(range(len(source))), source.passage_ids.tolist()))
    found = [found[str(i)] for i in range(len(rows))]
    assert [found.index(number) for number in found] == [groups.index(group) for group in groups]


@pytest.fixture
def groups(build):
    """A function: for each row, the first row of the same passage."""

    def groups(rows: list[dict], folder: Path) -> list[int]:
        pairs = build([{'source': f's{"text" in row}', **row, 'id': str(i)} for i, row in enumerate(rows)], folder)
        numbers = {name: n for s in pairs.sources for name, n in zip(s.ids(range(len(s))), s.passage_ids.tolist())}
        found = [numbers[str(i)] for i in range(len(rows))]
        return [found.index(number) for number in found]

    return groups


@pytest.mark.parametrize(
    ('rows', 'expected'),
    [
        # One question with two answers; the same in another language's words of it.
        ([({'en': 'Q'}, {'en': 'A'}), ({'en': 'Q'}, {'en': 'B'}), ({'en': 'R'}, {'en': 'C'})], [0, 0, 2]),
        ([({'en': 'Q', 'de': 'F'}, {'en': 'A'}), ({'de': 'F'}, {'de': 'B'}), ({'de': 'f'}, {'de': 'C'})], [0, 0, 2]),
        # The third row says that B answers Q, so the first two may not meet either.
        ([({'en': 'Q'}, {'en': 'A'}), ({'en': 'R'}, {'de': 'B'}), ({'en': 'Q'}, {'de': 'B'})], [0, 0, 0]),
        # A passage that is another's question: its vector is that of the question itself.
        ([({'en': 'Q'}, {'en': 'A'}), ({'en': 'R'}, {'en': 'Q'}), ({'en': 'S'}, {'en': 'B'})], [0, 0, 2]),
    ],
)
def test_rows_that_share_a_question_are_joined(rows, expected, tmp_path, groups):
    assert groups([{'query': query, 'positive': positive} for query, positive in rows], tmp_path / 'p') == expected


def test_a_question_id_says_which_question_it_is(tmp_path, groups):
    def row(name: str, passage: str, **given) -> dict:
        return {'query': {'en': name}, 'positive': {'en': passage}, **given}

    named = [row('Summary', 'A', query_id='1'), row('Summary', 'B', query_id='2'), row('Abstract', 'C', query_id='1')]
    unnamed = [row('Summary', 'D'), row('Summary', 'E'), row('1', 'F')]
    assert groups([*named, *unnamed], tmp_path / 'p') == [0, 1, 0, 3, 3, 5]


def test_a_question_that_is_a_text_of_bitext(tmp_path, groups):
    rows = [{'text': {'de': 'F', 'en': 'Q'}}, {'query': {'de': 'F'}, 'positive': {'de': 'A'}}, {'text': {'en': 'R'}}]
    assert groups(rows, tmp_path / 'p') == [0, 0, 2]


def test_given_negatives_are_known_by_their_passages(tmp_path, build):
    negatives = {'en': ['P1 en', 'nobody has this', 'Q1'], 'de': ['P1 de', 'P2 de']}
    rows = [
        {'query': {'en': 'Q0'}, 'positive': {'en': 'P0'}, 'negatives': negatives},
        {'query': {'en': 'Q1'}, 'positive': {'en': 'P1 en', 'de': 'P1 de'}},
        {'query': {'en': 'Q2'}, 'positive': {'de': 'P2 de'}},
    ]
    pairs = build([{'id': str(i), 'source': 's', **row} for i, row in enumerate(rows)], tmp_path / 'p')
    numbers = dict(zip(pairs['s'].ids(range(3)), pairs['s'].passage_ids.tolist()))
    known = pairs.negative_passages(['P2 de', 'P1 en', 'nobody has this', 'P1 de', 'Q1', 'P1 en'])
    assert known.dtype == np.int64
    assert known.tolist() == [numbers['2'], numbers['1'], -1, numbers['1'], numbers['1'], numbers['1']]
    assert ParallelPairs(pairs.folder).negative_passages([]).shape == (0,)
    copy = pickle.loads(pickle.dumps(pairs))
    assert copy.negative_passages(['P1 de']) == numbers['1']


def test_bitext_shares_passages_by_any_text(tmp_path, build):
    texts = [{'en': 'Thanks', 'de': 'Danke'}, {'en': 'Thank you', 'de': 'Danke'}, {'en': 'Please', 'de': 'Bitte'}]
    pairs = build([{'id': str(i), 'source': 's', 'text': text} for i, text in enumerate(texts)], tmp_path / 'p')
    a, b, c = pairs['s'].passage_ids
    assert a == b != c
