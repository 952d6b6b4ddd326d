"""MIRACL pooled: real topics and qrels, and corpus shards in the real format that hold the passages the qrels name."""
import gzip
import json
import os
import pickle
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

import ir_datasets
import pytest
from ir_datasets.datasets import miracl
from ir_datasets.util import GzipExtract, home_path
from ir_datasets.util.metadata import default_metadata_provider

from datasets_ext import miracl_multi, pooled_miracl
from datasets_ext.miracl_docs import JudgedDocs, PooledDocs
from datasets_ext.miracl_multi import JUDGED, LANGUAGES, SPLITS, judged_ids, qrels, queries
from datasets_ext.provider import HybridDatasetProvider
from datasets_ext.shape import REGISTERED


def passages(lang: str) -> list[str]:
    """Upstream ids of the language's judged passages, with some that nobody judged, sorted."""
    judged = set().union(*(judged_ids(lang, split) for split in JUDGED))
    return sorted({doc_id.partition(':')[2] for doc_id in judged} | {f'999{n}#0' for n in range(3)})


def write_shards(lang: str, ids: list[str]) -> None:
    """Writes a corpus where ir_datasets looks for its cached files: all the shards of the language, passages spread."""
    shards = miracl.subsets[lang].docs_handler()._dlcs
    for n, dlc in enumerate(shards):
        path = Path(dlc.path(force=False))
        path.parent.mkdir(parents=True, exist_ok=True)
        share = ids[n * len(ids) // len(shards):(n + 1) * len(ids) // len(shards)]
        with gzip.open(path, 'wt', compresslevel=1) as file:
            for doc_id in share:
                file.write(json.dumps({'docid': doc_id, 'title': f'Title {doc_id}', 'text': f'{lang} text'}) + '\n')


@pytest.fixture(scope='module', autouse=True)
def corpus(data_root):
    """Corpora of all languages; language -> upstream ids in order. Other tests write other corpora: nothing stays."""
    ids = {lang: passages(lang) for lang in LANGUAGES}
    for lang, mine in ids.items():
        write_shards(lang, mine)
    yield ids
    for lang in LANGUAGES:
        for dlc in miracl.subsets[lang].docs_handler()._dlcs:
            Path(dlc.path(force=False)).unlink()
        shutil.rmtree(home_path() / 'miracl' / 'v1.0' / lang / 'docs.pklz4', ignore_errors=True)
    shutil.rmtree(home_path() / 'miracl-multi')


def test_languages_and_splits():
    assert len(LANGUAGES) == 18
    assert {split: len(langs) for split, langs in SPLITS.items()} == {
        'train': 16, 'dev': 18, 'test-a': 11, 'test-b': 18}
    ids = [known for known in ir_datasets.registry if known.split('/')[0] == 'miracl-multi']
    assert len(ids) == 1 + 4 + (16 + 18 + 11 + 18) + 2 + (16 + 18)


@pytest.mark.parametrize('split', JUDGED)
def test_topics_and_judgements_are_those_of_miracl(split):
    pooled = ir_datasets.load(f'miracl-multi/{split}')
    asked = Counter(query.query_lang for query in pooled.queries_iter())
    judged = Counter(qrel.iteration for qrel in pooled.qrels_iter())
    for lang in SPLITS[split]:
        theirs = ir_datasets.load(f'miracl/{lang}/{split}')
        mine = ir_datasets.load(f'miracl-multi/{lang}/{split}')
        assert [(q.query_id, q.query) for q in mine.queries_iter()] == [
            (f'{lang}:{q.query_id}', q.text) for q in theirs.queries_iter()]
        assert [(q.query_id, q.doc_id, q.relevance, q.iteration) for q in mine.qrels_iter()] == [
            (f'{lang}:{q.query_id}', f'{lang}:{q.doc_id}', q.relevance, lang) for q in theirs.qrels_iter()]
        assert asked[lang] == mine.queries_count() == theirs.queries_count()
        assert judged[lang] == mine.qrels_count() == theirs.qrels_count()
        assert {q.query_id for q in mine.queries_iter()} == {q.query_id for q in mine.qrels_iter()}
        assert mine.queries_lang() == lang and mine.docs_lang() is None
    assert pooled.queries_count() == sum(asked.values()) and pooled.qrels_count() == sum(judged.values())


def test_counts_of_documents():
    theirs = [default_metadata_provider.get_metadata(f'miracl/{lang}', 'docs')['count'] for lang in LANGUAGES]
    assert ir_datasets.load('miracl-multi/dev').metadata()['docs']['count'] == sum(theirs) == 106_332_152


@pytest.mark.parametrize('split', JUDGED)
def test_shipped_counts_of_judged_passages(split):
    dataset = ir_datasets.load(f'miracl-multi/judged/{split}')
    assert dataset.metadata()['docs']['count'] == sum(len(judged_ids(lang, split)) for lang in SPLITS[split])


def test_every_passage_that_qrels_name_is_streamed(corpus):
    """All 18 languages, train and dev: ids are unique, languages right, and nothing that is judged is missing."""
    seen = {}
    for doc in ir_datasets.load('miracl-multi').docs_iter():
        assert doc.doc_id not in seen and doc.text == f'{doc.lang} text'
        seen[doc.doc_id] = doc.lang
    assert len(seen) == sum(len(ids) for ids in corpus.values())
    for split in JUDGED:
        for qrel in ir_datasets.load(f'miracl-multi/{split}').qrels_iter():
            assert seen[qrel.doc_id] == qrel.iteration == qrel.query_lang


def test_ids_repeat_upstream_and_not_here(corpus):
    repeated = set(corpus['es']) & set(corpus['fr'])
    assert repeated
    docs = pooled_miracl(['es', 'fr'], 'dev').docs_iter()
    assert Counter(doc.doc_id.partition(':')[2] in repeated for doc in docs)[True] == 2 * len(repeated)


def test_streaming_opens_a_language_when_it_comes_to_it(monkeypatch):
    opened = []
    real = ir_datasets.load
    monkeypatch.setattr(ir_datasets, 'load', lambda name: opened.append(name) or real(name))
    docs = pooled_miracl(['sw', 'yo'], 'dev').docs_iter()
    assert opened == []
    next(docs)
    assert opened == ['miracl/sw']
    assert not real('miracl/sw').docs_store().built()


def test_judged_pool():
    """Collected from streamed corpora: what a dev question judges and nothing else, in order, sliceable, by id."""
    dataset = pooled_miracl(['ko', 'sw', 'yo'], 'dev', judged=True)
    docs = list(dataset.docs_iter())
    assert {doc.doc_id for doc in docs} == {qrel.doc_id for qrel in dataset.qrels_iter()}
    assert list(dict.fromkeys(doc.lang for doc in docs)) == ['ko', 'sw', 'yo']
    assert list(dataset.docs_iter()[1000:-100:7]) == docs[1000:-100:7]
    again = pooled_miracl(['ko', 'sw', 'yo'], 'dev', judged=True)
    assert list(again.docs_iter()) == docs and again.docs_count() == len(docs)  # from its own small files now
    store = ir_datasets.load('miracl-multi/judged/yo/dev').docs_store()
    assert store.get_many([docs[0].doc_id, docs[-1].doc_id, 'yo:no#1']) == {
        docs[0].doc_id: docs[0], docs[-1].doc_id: docs[-1]}
    assert not ir_datasets.load('miracl/ko').docs_store().built()


def test_two_processes_collect_judged_passages_at_once():
    """The one that comes second leaves the file alone, which the first is reading."""
    first, second = (JudgedDocs('yo', 'dev', lambda: judged_ids('yo', 'dev')) for _ in range(2))
    first.path.unlink(missing_ok=True)
    docs = []

    def judged():
        if not docs:
            docs.extend(first.docs_iter())  # while the second one collects
        return judged_ids('yo', 'dev')

    second._judged = judged
    assert list(second.docs_iter()) == docs == list(first.docs_iter())
    assert {doc.doc_id for doc in docs} == judged_ids('yo', 'dev')


def test_judged_pool_from_a_docstore(corpus):
    """Where ir_datasets has the language's docstore, the corpus is not read again, and the order is the same."""
    streamed = list(pooled_miracl(['te'], 'dev', judged=True).docs_iter())
    ir_datasets.load('miracl/te').docs_store().build()
    (home_path() / 'miracl-multi' / 'judged' / 'dev' / 'te.jsonl').unlink()
    assert list(pooled_miracl(['te'], 'dev', judged=True).docs_iter()) == streamed
    shutil.rmtree(home_path() / 'miracl' / 'v1.0' / 'te' / 'docs.pklz4')


@pytest.mark.parametrize('damage, message', [
    (lambda lines: lines[:-1], 'does not hold the passages that the dev qrels judge; delete it'),
    (lambda lines: [*lines, lines[0]], 'does not hold the passages'),
    (lambda lines: [lines[0][:20], *lines[1:]], 'line 1 is not JSON'),
    (lambda lines: ['{"doc_id": "yo:1#0"}', *lines], 'line 1 lacks a doc_id, a title or a text; delete the file'),
    (lambda lines: ['"x"', *lines], 'line 1 is not a JSON object'),
])
def test_damaged_files_of_judged_passages(damage, message):
    docs = list(pooled_miracl(['yo'], 'dev', judged=True).docs_iter())
    path = home_path() / 'miracl-multi' / 'judged' / 'dev' / 'yo.jsonl'
    content = path.read_text()
    path.write_text('\n'.join(damage(content.splitlines())))
    with pytest.raises(ValueError, match=rf'yo\.jsonl.* {message}'):
        next(pooled_miracl(['yo'], 'dev', judged=True).docs_iter())
    path.unlink()
    assert list(pooled_miracl(['yo'], 'dev', judged=True).docs_iter()) == docs
    assert [each.name for each in path.parent.iterdir() if 'yo' in each.name] == ['yo.jsonl']


def test_no_pickles_are_written_or_read(monkeypatch):
    def fail(*_, **__):
        raise AssertionError('a pickle')

    for name in ('load', 'loads', 'dump', 'dumps', 'Unpickler', 'Pickler'):
        monkeypatch.setattr(pickle, name, fail)
    dataset = pooled_miracl(['fi', 'sw'], 'train', judged=True)
    docs = list(dataset.docs_iter())
    assert dataset.docs_store().get_many([docs[3].doc_id, docs[-1].doc_id]).keys() == {docs[3].doc_id, docs[-1].doc_id}


def test_documents_need_no_topics_and_are_read_once(monkeypatch, corpus):
    """As indexing reads them: PyTerrier's iterator over the pool opens each file once, and asks for nothing else."""
    opened = Counter()

    def stream(self, real=GzipExtract.stream):
        opened[str(self._streamer.path())] += 1
        return real(self)

    monkeypatch.setattr(GzipExtract, 'stream', stream)
    for what in ('queries', 'qrels', 'judged_ids'):
        monkeypatch.setattr(miracl_multi, what, None)
    for name in ('miracl-multi', 'miracl-multi/dev', 'miracl-multi/test-b'):
        docnos = [doc['docno'] for doc in HybridDatasetProvider().get_dataset(name).get_corpus_iter(verbose=False)]
        assert len(docnos) == len(set(docnos)) == sum(map(len, corpus.values()))
        assert set(opened.values()) == {1} and len(opened) == sum(
            len(miracl.subsets[lang].docs_handler()._dlcs) for lang in LANGUAGES)
        opened.clear()


def test_lookup_uses_the_docstore_of_that_language_alone(corpus):
    store = ir_datasets.load('miracl-multi/dev').docs_store()
    found = store.get_many([f'sw:{corpus["sw"][0]}', f'yo:{corpus["yo"][-1]}', 'sw:none#0', 'fr', 'xx:1#0'])
    assert {doc_id: doc.lang for doc_id, doc in found.items()} == {
        f'sw:{corpus["sw"][0]}': 'sw', f'yo:{corpus["yo"][-1]}': 'yo'}
    assert store.get(f'yo:{corpus["yo"][0]}').default_text() == f'Title {corpus["yo"][0]} yo text'
    built = [lang for lang in LANGUAGES if ir_datasets.load(f'miracl/{lang}').docs_store().built()]
    assert built == ['sw', 'yo']
    stores = {path.relative_to(home_path()).parts[:2] for path in home_path().rglob('*.pklz4')}
    assert ('miracl-multi', 'docs.pklz4') not in stores  # never one of our own for the whole pool
    for unknown in ('sw:none#0', 5):
        with pytest.raises(KeyError):
            store.get(unknown)


@pytest.mark.parametrize('cut', [slice(0, 5), slice(None, 0.1), slice(0.4, 0.6), slice(5, None, 3), slice(-9, None)])
def test_slices_cross_languages(corpus, cut):
    """Cut where both languages' docstores are built, so that their counts are those of the shards."""
    dataset = pooled_miracl(['sw', 'yo'], 'dev')
    dataset.docs_store().get_many([f'{lang}:{corpus[lang][0]}' for lang in ('sw', 'yo')])
    everything = list(dataset.docs_iter())
    assert len(everything) == dataset.docs_count() == len(corpus['sw']) + len(corpus['yo'])
    first, last = (end if not isinstance(end, float) else int(end * len(everything)) for end in (cut.start, cut.stop))
    assert list(dataset.docs_iter()[cut]) == everything[first:last:cut.step]
    assert dataset.docs_iter()[len(corpus['sw'])].lang == 'yo'


def test_docs_parent():
    for key in ('miracl-multi/dev', 'miracl-multi/sw/train'):
        assert ir_datasets.docs_parent_id(key) == 'miracl-multi'
    judged = [REGISTERED[f'miracl-multi/judged/{ql}dev'].docs_handler() for ql in ('', 'sw/', 'zh/')]
    assert judged[0] is judged[1] is judged[2] and isinstance(judged[0], PooledDocs)


def test_some_languages():
    dataset = pooled_miracl(['yo', 'sw', 'yo'], 'train')  # nobody asks in Yoruba in train
    assert {doc.lang for doc in dataset.docs_iter()} == {'sw', 'yo'}
    assert list(dataset.queries_iter()) == queries('sw', 'train') and list(dataset.qrels_iter()) == qrels('sw', 'train')
    assert dataset.dataset_id() == 'miracl-multi(sw,yo)/train'
    judged = pooled_miracl(['sw', 'yo'], 'dev', judged=True)
    assert {doc.doc_id for doc in judged.docs_iter()} == judged_ids('sw', 'dev') | judged_ids('yo', 'dev')
    assert judged.docs_count() == len(judged_ids('sw', 'dev')) + len(judged_ids('yo', 'dev'))
    assert pooled_miracl('sw', 'dev').docs_lang() == 'sw'


@pytest.mark.parametrize('langs, split, judged, message', [
    (['de', 'pt', 'xx'], 'dev', False, "MIRACL has no 'pt', 'xx'; its languages are ar, bn, de"),
    ([], 'dev', False, 'MIRACL has no pool without a language'),
    ([5, 'de'], 'dev', False, 'MIRACL has no 5; its languages are ar, bn, de'),
    (['de'], ['dev'], False, r"MIRACL has no split \['dev'\]; choose one of train"),
    (['de'], 'test', False, "MIRACL has no split 'test'; choose one of train, dev, test-a, test-b"),
    (['de'], 'test-b', True, "MIRACL has no judged split 'test-b'; choose one of train, dev"),
    (['de', 'yo'], 'train', False, 'MIRACL has no train questions in de, yo; those with some are ar, bn'),
])
def test_refuses(langs, split, judged, message):
    with pytest.raises(ValueError, match=message):
        pooled_miracl(langs, split, judged=judged)


def test_languages_that_are_none():
    with pytest.raises(TypeError, match=r"langs is None; give codes of MIRACL's languages, such as \['sw', 'de'\]"):
        pooled_miracl(None, 'dev')


def test_a_judged_passage_that_the_corpus_lacks_is_named(corpus):
    lost = next(doc_id for doc_id in corpus['te'] if f'te:{doc_id}' in judged_ids('te', 'train'))
    write_shards('te', [doc_id for doc_id in corpus['te'] if doc_id != lost])
    with pytest.raises(ValueError, match=f'miracl/te lacks passages that its train qrels judge: te:{lost}; its corpus'):
        next(pooled_miracl(['te'], 'train', judged=True).docs_iter())
    write_shards('te', corpus['te'])  # nothing of the failed attempt remains
    docs = pooled_miracl(['te'], 'train', judged=True).docs_iter()
    assert sum(1 for _ in docs) == len(judged_ids('te', 'train'))


@pytest.mark.parametrize('damage, message', [
    (lambda content: content[:-200], r'miracl/th .* beyond [\d,]+ passages \(EOFError.*th/docs is cut short'),
    (lambda content: b'', r'miracl/th cannot be read beyond 0 passages \(ValueError\(.a file is empty.\)\); .*th/docs'),
    (lambda content: b'<html>', r'miracl/th cannot be read beyond 0 passages \(BadGzipFile'),
    (lambda content: gzip.compress(b'{"docid": "1#0", "title": "", "text": ""}\n{"do'), r'beyond 1 passages \(JSON'),
    (lambda content: gzip.compress(b'{"docid": "1#0", "title": ""}\n'), r"beyond 0 passages \(KeyError\('text'\)\)"),
    (lambda content: gzip.compress(b' ' * (1 << 27)), r'beyond 0 passages .*a line is longer than 64 MiB'),
])
def test_damaged_corpus_files(damage, message):
    path = Path(miracl.subsets['th'].docs_handler()._dlcs[0].path())
    content = path.read_bytes()
    path.write_bytes(damage(content))
    try:
        with pytest.raises(ValueError, match=message):
            list(pooled_miracl(['sw', 'th'], 'dev').docs_iter())
    finally:
        path.write_bytes(content)


def test_a_corpus_file_that_cannot_be_fetched(monkeypatch):
    def fail(*_):
        raise OSError('no route to host')

    handler = miracl.subsets['th'].docs_handler()
    monkeypatch.setattr(handler._dlcs[0]._streamer, 'path', fail)
    with pytest.raises(FileNotFoundError, match=r'not cached and could not be downloaded \(no route to host\)\. Fetch'):
        next(pooled_miracl(['th'], 'dev').docs_iter())


def test_judgements_that_stand_twice(monkeypatch):
    """Equal ones count once, contradictions are refused by name."""
    upstream = ir_datasets.load('miracl/yo/dev')
    real = list(upstream.qrels_iter())
    judged = qrels('yo', 'dev')
    for more, right in (([real[3]], True), ([real[3]._replace(relevance=1 - real[3].relevance)], False)):
        monkeypatch.setattr(upstream.qrels_handler(), 'qrels_iter', lambda more=more: iter(real + more))
        qrels.cache_clear()
        if right:
            assert qrels('yo', 'dev') == judged
        else:
            with pytest.raises(ValueError, match=f"miracl/yo/dev judges 'yo:{real[3].query_id}' and .* twice, as"):
                qrels('yo', 'dev')
    monkeypatch.undo()
    qrels.cache_clear()


@pytest.mark.parametrize('what, read', [('topics', queries), ('qrels', qrels)])
def test_swapped_files(what, read):
    """The Swahili file in place of the Yoruba one parses well, and would judge the wrong passages."""
    folder = home_path() / 'miracl' / 'v1.0'
    real = (folder / 'yo' / 'dev' / f'{what}.tsv').resolve()
    (folder / 'yo' / 'dev' / f'{what}.tsv').unlink()
    (folder / 'yo' / 'dev' / f'{what}.tsv').symlink_to((folder / 'sw' / 'dev' / f'{what}.tsv').resolve())
    read.cache_clear()
    message = rf'yo/dev/{what}.tsv has the MD5 .*Delete it and load miracl/yo/dev/{what}'
    try:
        with pytest.raises(ValueError, match=message):
            read('yo', 'dev')
    finally:
        (folder / 'yo' / 'dev' / f'{what}.tsv').unlink()
        (folder / 'yo' / 'dev' / f'{what}.tsv').symlink_to(real)


def test_test_splits_have_questions_only():
    for split in ('test-a', 'test-b'):
        dataset = ir_datasets.load(f'miracl-multi/{split}')
        assert dataset.has_queries() and not dataset.has_qrels() and dataset.queries_count() > 5000


def test_registering_again_changes_nothing():
    before = dict(REGISTERED)
    miracl_multi.register()
    assert REGISTERED.keys() == before.keys()
    assert ir_datasets.load('miracl-multi/dev') is REGISTERED['miracl-multi/dev']
    assert 'miracl/de/dev' in ir_datasets.registry and 'miracl/de/dev' not in REGISTERED


def test_topics_that_cannot_be_had_say_where_they_come_from(tmp_path):
    code = (
        'from datasets_ext import miracl_multi\n'
        'try:\n    miracl_multi.queries("yo", "dev")\n'
        'except FileNotFoundError as error:\n    print(error)\n'
    )
    env = {**os.environ, 'IR_DATASETS_HOME': str(tmp_path), 'IR_DATASETS_DL_TRIES': '1', 'https_proxy': 'http://127.0.0.1:9'}
    said = subprocess.run([sys.executable, '-c', code], env=env, capture_output=True, text=True, check=True).stdout
    assert 'miracl/yo/dev/topics needs http' in said
    assert str(tmp_path / 'downloads') in said
