"""``hybrid:`` ids in PyTerrier, through the entry point that pyproject.toml declares."""
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

import datasets_ext
from datasets_ext import pooled_miracl
from datasets_ext.provider import HybridDataset, HybridDatasetProvider
from datasets_ext.shape import REGISTERED

ROOT = Path(datasets_ext.__file__).parent.parent
provider = HybridDatasetProvider()


def test_topics_and_qrels_keep_the_languages_and_print_nothing(data_root, capfd):
    dataset = provider.get_dataset('xquad-r/en')
    topics, qrels = dataset.get_topics(), dataset.get_qrels()
    assert list(topics.columns) == ['qid', 'query', 'query_lang'] and len(topics) == 1190
    assert list(qrels.columns) == ['qid', 'docno', 'label', 'iteration', 'query_lang'] and len(qrels) == 13090
    assert set(topics.query_lang) == set(qrels.query_lang) == {'en'}
    assert qrels.groupby('qid').iteration.nunique().eq(11).all() and qrels.label.eq(1).all()
    assert capfd.readouterr() == ('', '')


def test_documents(data_root):
    doc = next(iter(provider.get_dataset('xquad-r/en/de').get_corpus_iter(verbose=False)))
    assert doc.keys() == {'docno', 'text', 'context', 'title', 'lang'}
    assert doc['docno'] == 'de/0.0' and doc['lang'] == 'de' and doc['text'] in doc['context']
    part = provider.get_dataset('xquad-r/en').get_corpus_iter(verbose=False, start=3, count=4)
    assert [doc['docno'] for doc in part] == ['ar/0.3', 'ar/0.4', 'ar/0.5', 'ar/0.6']


def test_text_loader(data_root):
    loaded = provider.get_dataset('xquad-r/en').text_loader('text')(pd.DataFrame({'qid': ['1'], 'docno': ['en/0.0']}))
    assert loaded.text[0].startswith('The Panthers defense gave up just 308 points')


def test_variants(data_root):
    dataset = provider.get_dataset('xquad-r/en')
    assert dataset.get_topics('query').equals(dataset.get_topics())
    assert dataset.get_qrels('relevance').equals(dataset.get_qrels())
    with pytest.raises(ValueError, match="hybrid:xquad-r/en has no variant 'title' of its topics"):
        dataset.get_topics('title')


def test_base_ids_have_no_topics():
    with pytest.raises(NotImplementedError, match=r'hybrid:xquad-r has documents only; topics .* hybrid:xquad-r/en'):
        provider.get_dataset('xquad-r').get_topics()
    with pytest.raises(NotImplementedError, match=r'only; qrels come with the ids below it, as in hybrid:xquad-r/en$'):
        provider.get_dataset('xquad-r').get_qrels()


def test_an_example_of_an_id_is_one_that_exists():
    example = r'miracl-multi has documents only; qrels come with the ids below it, as in hybrid:miracl-multi/dev$'
    with pytest.raises(NotImplementedError, match=example):
        provider.get_dataset('miracl-multi').get_qrels()


@pytest.mark.parametrize('name', ['miracl-multi/test-a', 'miracl-multi/yo/test-b'])
def test_judgements_that_are_not_public(name):
    with pytest.raises(NotImplementedError, match=f'hybrid:{name} has no public judgements$'):
        provider.get_dataset(name).get_qrels()


@pytest.mark.parametrize('name, message', [
    ('xquad-r/fr', "no data set 'xquad-r/fr'; xquad-r is followed by ar, de, el, en, es, hi, ru, th, tr, vi, zh"),
    ('mlqa-r/de/fr', "no data set 'mlqa-r/de/fr'; mlqa-r/de is followed by ar, de, en, es, hi, vi, zh"),
    ('miracl-multi/de/train', 'miracl-multi/de is followed by dev, test-b'),
    ('squad', 'ids begin with .*miracl-multi, mlqa-r, .*worldfacts, xquad-r'),
])
def test_unknown_ids_are_answered_with_the_near_ones(name, message):
    with pytest.raises(KeyError, match=message):
        provider.get_dataset(name)


def test_lists_all_ids():
    assert set(provider.list_dataset_names()) == set(REGISTERED)
    for collection in ('xquad-r', 'mlqa-r', 'miracl-multi', 'worldfacts'):
        assert collection in provider.list_dataset_names()


def test_lists_of_data_sets_name_no_variants():
    parts = 'topics', 'qrels', 'corpus'
    for name, expected in (('xquad-r', [None, None, True]), ('xquad-r/en', [True, True, True])):
        assert [provider.get_dataset(name)._describe_component(part) for part in parts] == expected


def test_a_pool_of_some_languages(data_root):
    dataset = HybridDataset(pooled_miracl(['sw', 'yo'], 'dev'), 'miracl sw yo')
    assert set(dataset.get_topics().query_lang) == {'sw', 'yo'}
    assert dataset.get_qrels().iteration.equals(dataset.get_qrels().query_lang)
    assert repr(dataset) == "HybridDataset('miracl sw yo')" and dataset.info_url() is None


def test_found_without_an_import(data_root, irds_home, tmp_path):
    """In a process that imports PyTerrier alone, with the entry points of pyproject.toml."""
    declared = (ROOT / 'pyproject.toml').read_text().split('[project.entry-points."pyterrier.dataset_provider"]\n')[1]
    name, target = declared.split('\n')[0].split(' = ')
    info = tmp_path / 'declared-0.dist-info'
    info.mkdir()
    (info / 'METADATA').write_text('Metadata-Version: 2.1\nName: declared\nVersion: 0\n')
    (info / 'entry_points.txt').write_text(f'[pyterrier.dataset_provider]\n{name} = {target.strip(chr(34))}\n')
    code = ("import pyterrier as pt; dataset = pt.get_dataset('hybrid:xquad-r/en'); "
            'assert list(dataset.get_topics().columns) == ["qid", "query", "query_lang"]; '
            'assert len(dataset.get_topicsqrels()[1]) == 13090')
    env = {'IR_DATASETS_HOME': str(irds_home), 'PYTHONPATH': f'{ROOT}:{tmp_path}', 'HOME': str(tmp_path)}
    done = subprocess.run([sys.executable, '-c', code], env=env, capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, '', '')
