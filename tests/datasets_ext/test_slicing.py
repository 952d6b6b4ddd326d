"""Iterators that can be cut, against slices of a list and against ir_datasets' own."""
import ir_datasets
import pytest
from hypothesis import given
from hypothesis import strategies as st

from datasets_ext.memory import iterate
from datasets_ext.records import Doc
from datasets_ext.slicing import DocsIter

DOCS = [Doc(str(n), f'text {n}', '', '', 'de') for n in range(11)]
ends = st.none() | st.integers(-15, 15)
steps = st.none() | st.integers(1, 4)


def counted(reads: list) -> DocsIter:
    """Reads like a stream, and notes what it was asked for."""
    def read(positions):
        reads.append(positions)
        return iter(DOCS if positions is None else DOCS[positions.start:positions.stop:positions.step])

    return DocsIter(read, lambda: len(DOCS))


@given(ends, ends, steps, ends, ends, steps)
def test_cuts_like_a_list_and_can_be_cut_again(a, b, step, c, d, again):
    expected = DOCS[a:b:step][c:d:again]
    assert list(iterate(DOCS)[a:b:step][c:d:again]) == expected
    assert list(counted([])[a:b:step][c:d:again]) == expected


@pytest.mark.parametrize('cut, expected', [
    (slice(None, 1 / 3), range(0, 3)),  # floor(11 / 3)
    (slice(1 / 3, 2 / 3), range(3, 7)),
    (slice(2 / 3, 1.0), range(7, 11)),
    (slice(2 / 3, None), range(7, 11)),
    (slice(0.0, 0.0), range(0)),
])
def test_cuts_at_shares(cut, expected):
    assert [doc.doc_id for doc in iterate(DOCS)[cut]] == [str(n) for n in expected]


@pytest.mark.parametrize('cut', [
    slice(None, 1 / 3), slice(1 / 3, 2 / 3), slice(2, 9, 3), slice(-4, None), slice(0.5, 1.0),
])
def test_agrees_with_ir_datasets(cut):
    whole = slice(0, len(DOCS), 1)
    theirs = ir_datasets.util.apply_sub_slice(whole, cut)
    assert list(iterate(DOCS)[cut]) == DOCS[theirs]


def test_one_position():
    assert iterate(DOCS)[4] == DOCS[4]
    assert iterate(DOCS)[2:][-1] == DOCS[-1]
    with pytest.raises(IndexError):
        iterate(DOCS)[11]


def test_nothing_is_read_before_the_first_document():
    reads = []
    cut = counted(reads)[2:8][1:3]
    assert reads == []
    assert next(cut) == DOCS[3]
    assert reads == [range(3, 5)]


@pytest.mark.parametrize('cut, message', [
    (slice(None, 1.5), 'cut at 1.5; a share is a number between 0.0 and 1.0'),
    (slice(-0.1, None), 'cut at -0.1'),
    (slice(None, None, -1), 'steps of -1; a step is a positive number'),
    (slice(None, None, 0), 'steps of 0'),
])
def test_refuses(cut, message):
    with pytest.raises(ValueError, match=message):
        iterate(DOCS)[cut]
