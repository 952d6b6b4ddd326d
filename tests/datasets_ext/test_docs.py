"""Documents in memory as a handler, and iterators that can be cut, against a list and against ir_datasets' own."""
import ir_datasets
import pytest
from hypothesis import given
from hypothesis import strategies as st

from datasets_ext.docs import DocsIter, MemoryDocs
from datasets_ext.records import Doc

DOCS = [Doc('de/0.0', 'Ein Satz.', 'Ein Satz. Noch einer.', 'Titel', 'de'),
        Doc('de/0.1', 'Noch einer.', 'Ein Satz. Noch einer.', 'Titel', 'de')]


def test_loads_once_and_only_when_asked():
    calls = []
    docs = MemoryDocs(lambda: calls.append(1) or DOCS, 'de')
    assert docs.docs_count() is None and calls == []
    assert list(docs.docs_iter()) == list(docs.docs_iter()) == DOCS
    assert docs.docs_count() == 2 and calls == [1]
    assert docs.docs_lang() == 'de' and docs.docs_cls() is Doc


def test_store():
    store = MemoryDocs(lambda: DOCS, 'de').docs_store()
    assert store.get('de/0.1') == DOCS[1]
    assert store.get('de/0.1', 'text') == 'Noch einer.'
    assert store.get_many(['de/0.1', 'nowhere', 'de/0.0']) == {'de/0.0': DOCS[0], 'de/0.1': DOCS[1]}
    assert store.built() and store.count() == 2 and list(store) == DOCS
    with pytest.raises(KeyError):
        store.get('nowhere')


def test_store_by_another_field():
    with pytest.raises(ValueError, match="looked up by doc_id, not by 'title'"):
        MemoryDocs(lambda: DOCS, 'de').docs_store('title')


ELEVEN = [Doc(str(n), f'text {n}', '', '', 'de') for n in range(11)]
ends = st.none() | st.integers(-15, 15)
steps = st.none() | st.integers(1, 4)


def counted(reads: list) -> DocsIter:
    """Reads like a stream, and notes what it was asked for."""
    def read(positions):
        reads.append(positions)
        return iter(ELEVEN if positions is None else ELEVEN[positions.start:positions.stop:positions.step])

    return DocsIter(read, lambda: len(ELEVEN))


@given(ends, ends, steps, ends, ends, steps)
def test_cuts_like_a_list_and_can_be_cut_again(a, b, step, c, d, again):
    expected = ELEVEN[a:b:step][c:d:again]
    assert list(MemoryDocs(lambda: ELEVEN, 'de').docs_iter()[a:b:step][c:d:again]) == expected
    assert list(counted([])[a:b:step][c:d:again]) == expected


@pytest.mark.parametrize('cut, expected', [
    (slice(None, 1 / 3), range(0, 3)),  # floor(11 / 3)
    (slice(1 / 3, 2 / 3), range(3, 7)),
    (slice(2 / 3, 1.0), range(7, 11)),
    (slice(2 / 3, None), range(7, 11)),
    (slice(0.0, 0.0), range(0)),
])
def test_cuts_at_shares(cut, expected):
    assert [doc.doc_id for doc in MemoryDocs(lambda: ELEVEN, 'de').docs_iter()[cut]] == [str(n) for n in expected]


@pytest.mark.parametrize('cut', [
    slice(None, 1 / 3), slice(1 / 3, 2 / 3), slice(2, 9, 3), slice(-4, None), slice(0.5, 1.0),
])
def test_agrees_with_ir_datasets(cut):
    whole = slice(0, len(ELEVEN), 1)
    theirs = ir_datasets.util.apply_sub_slice(whole, cut)
    assert list(MemoryDocs(lambda: ELEVEN, 'de').docs_iter()[cut]) == ELEVEN[theirs]


def test_one_position():
    assert MemoryDocs(lambda: ELEVEN, 'de').docs_iter()[4] == ELEVEN[4]
    assert MemoryDocs(lambda: ELEVEN, 'de').docs_iter()[2:][-1] == ELEVEN[-1]
    with pytest.raises(IndexError):
        MemoryDocs(lambda: ELEVEN, 'de').docs_iter()[11]


def test_nothing_is_read_before_the_first_document():
    reads = []
    cut = counted(reads)[2:8][1:3]
    assert reads == []
    assert next(cut) == ELEVEN[3]
    assert reads == [range(3, 5)]


@pytest.mark.parametrize('cut, message', [
    (slice(None, 1.5), 'cut at 1.5; a share is a number between 0.0 and 1.0'),
    (slice(-0.1, None), 'cut at -0.1'),
    (slice(None, None, -1), 'steps of -1; a step is a positive number'),
    (slice(None, None, 0), 'steps of 0'),
])
def test_refuses(cut, message):
    with pytest.raises(ValueError, match=message):
        MemoryDocs(lambda: ELEVEN, 'de').docs_iter()[cut]
