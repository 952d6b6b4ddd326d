"""Documents in memory as an ir_datasets docs handler."""
import pytest

from datasets_ext.memory import MemoryDocs
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
