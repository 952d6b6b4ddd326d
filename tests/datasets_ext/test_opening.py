"""One data set, whatever it is called by."""
import ir_datasets
import pyterrier as pt
import pytest
from pyterrier.datasets._irds import IRDSDataset

from datasets_ext import shape
from datasets_ext.opening import UnknownDataset, irds_dataset, name_of, open_dataset
from datasets_ext.provider import HybridDataset, asking_over
from datasets_ext.shape import REGISTERED, Doc, MemoryDocs, Qrel, Query

FORMS = {
    'id': lambda name: name,
    'hybrid id': lambda name: f'hybrid:{name}',
    'irds id': lambda name: f'irds:{name}',
    'hybrid data set': lambda name: pt.get_dataset(f'hybrid:{name}'),
    'irds data set': lambda name: pt.get_dataset(f'irds:{name}'),
    'ir_datasets data set': ir_datasets.load,
}


@pytest.fixture
def tiny() -> str:
    shape.register(
        'tiny',
        docs={lang: MemoryDocs(lambda lang=lang: [Doc(f'{lang}/0', 'x', '', '', lang)], lang) for lang in ('de', 'en')},
        queries=lambda ql: [Query('q', 'why', ql)],
        qrels=lambda ql, dl: [Qrel('q', f'{dl}/0', 1, dl, ql)],
    )
    return 'tiny'


@pytest.mark.parametrize('form', FORMS)
@pytest.mark.parametrize('below', ['', '/de'])
def test_every_form_is_the_same_data_set(tiny, form, below, capsys):
    given = FORMS[form](tiny + below)
    assert irds_dataset(given) is REGISTERED[tiny + below]
    view = open_dataset(given)
    assert isinstance(view, HybridDataset) and name_of(view) == tiny + below
    if below:
        assert list(view.get_topics().columns) == ['qid', 'query', 'query_lang']
        assert list(view.get_qrels()['iteration']) == ['de', 'en']
    assert next(iter(view.get_corpus_iter(verbose=False)))['lang'] == 'de'
    assert capsys.readouterr().out == ''


def test_what_is_no_collection_of_ours_is_pyterriers_own_view(monkeypatch):
    theirs = ir_datasets.load('vaswani')
    view = open_dataset(theirs)
    assert type(view) is IRDSDataset and view.irds_ref() is theirs and repr(view)
    assert irds_dataset('vaswani') is irds_dataset('irds:vaswani') is theirs


def test_irds_stands_for_ir_datasets_own_where_both_have_an_id(tiny, monkeypatch):
    theirs = ir_datasets.load('vaswani')
    monkeypatch.setitem(ir_datasets.registry._registered, tiny, theirs)
    assert irds_dataset('irds:tiny') is theirs
    assert irds_dataset('tiny') is irds_dataset('hybrid:tiny') is REGISTERED[tiny]


@pytest.mark.parametrize('name, near', [
    ('nowhere', 'ids begin with'), ('irds:tiny/fr', 'tiny is followed by de, en'), ('hybrid:tiny/fr', 'tiny is follow'),
])  # fmt: skip
def test_an_unknown_id_is_a_key_error_and_a_value_error_that_names_what_is_near(tiny, name, near):
    with pytest.raises(UnknownDataset, match=f"no data set '{name}'.*{near}") as caught:
        open_dataset(name)
    assert isinstance(caught.value, KeyError) and isinstance(caught.value, ValueError)
    assert str(caught.value).startswith('there is no')  # without the quotes of a KeyError


@pytest.mark.parametrize('thing', [3, None, ['xquad-r']])
def test_what_is_no_data_set_is_refused(thing):
    with pytest.raises(TypeError, match='is not a data set of ir_datasets; give its id'):
        open_dataset(thing)


def test_the_data_sets_that_ask_over_a_collection(tiny):
    assert list(asking_over(tiny)) == ['tiny/de', 'tiny/en']
    assert asking_over('tiny/de') == {'tiny/de/de': REGISTERED['tiny/de/de'], 'tiny/de/en': REGISTERED['tiny/de/en']}
    assert asking_over('nowhere') == {}
