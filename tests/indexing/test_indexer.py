"""Building: absent or whole wherever it is killed, resumable to the same bytes, and nothing lost on bad input."""
import os
import shutil
import signal
import threading
import time
import tracemalloc
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from pyterrier_hybrid.indexing import MultilingualIndex
from pyterrier_hybrid.indexing import indexer as module
from pyterrier_hybrid.indexing.build import Build
from pyterrier_hybrid.indexing.docnos import Docnos


def index_at(path) -> MultilingualIndex:
    return MultilingualIndex(path, verbose=False)


def left_beside(path: Path) -> list[str]:
    return sorted(p.name for p in path.parent.iterdir())


def killed_at(moment: int, work) -> bool:
    """Runs ``work`` in a process that kills itself at its ``moment``-th call of fsync, rename, replace or mkdir.

    Returns whether it was killed; otherwise it has finished.
    """
    child = os.fork()
    if child == 0:
        calls = iter(range(1, 10_000))

        def dying(function):
            def call(*args, **kwargs):
                if next(calls) == moment:
                    os.kill(os.getpid(), signal.SIGKILL)
                return function(*args, **kwargs)

            return call

        for name in ('fsync', 'rename', 'replace', 'mkdir'):
            setattr(os, name, dying(getattr(os, name)))
        try:
            work()
            os._exit(0)
        finally:
            os._exit(1)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0
    return os.WIFSIGNALED(status)


def at_every_moment(work, prepare, check) -> int:
    moment = 0
    while True:
        moment += 1
        prepare()
        if not killed_at(moment, work):
            return moment - 1
        check()


def test_killed_anywhere_an_index_is_absent_and_resumes_to_the_same_bytes(tmp_path, docs, build, content):
    expected = content(build(docs, 'whole.flex').path)
    path = tmp_path / 'run' / 'x.flex'

    def check():
        index = index_at(path)
        if not index.built():
            assert not path.exists()
            assert index.indexer(mode='resume').index(docs) is index
        assert content(path) == expected
        assert index.indexer(mode='resume').index(iter([])) is index  # all is done, whatever was left to tidy up
        assert left_beside(path) == ['.x.flex.lock', 'x.flex']

    moments = at_every_moment(
        lambda: index_at(path).indexer(part_size=60).index(docs),
        lambda: shutil.rmtree(path.parent, ignore_errors=True),
        check,
    )
    assert moments > 20


@pytest.mark.parametrize('mode', ['overwrite', 'append'])
def test_killed_anywhere_the_old_index_is_there_until_the_new_one_is(tmp_path, docs, build, content, mode):
    old, new = docs[:30], docs[30:]
    before = content(build(old, 'old.flex').path)
    after = content(build(old + new if mode == 'append' else new, 'new.flex').path)
    path = tmp_path / 'run' / 'x.flex'

    def prepare():
        shutil.rmtree(path.parent, ignore_errors=True)
        shutil.copytree(tmp_path / 'old.flex', path)

    def check():
        now = content(path)
        assert now in (before, after)
        if Build(path).plan() is not None:
            index_at(path).indexer(mode='resume').index(new if now == before else iter([]))
            assert content(path) == after and Build(path).plan() is None

    work = index_at(path).indexer(mode=mode, part_size=60)
    assert at_every_moment(lambda: work.index(new), prepare, check) > 15


def failing(docs, error):
    yield from docs
    raise error


def test_every_further_ctrl_c_waits_for_what_is_being_written(tmp_path, docs, build, content, monkeypatch):
    """It would else be written to files that are closed, and open them anew without what they held."""
    stopped, add = threading.Event(), Build.add

    def interrupting(build, part):
        time.sleep(0.1)
        for _ in range(3 if stopped.is_set() else 0):
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(0.05)
        add(build, part)

    def docs_until_ctrl_c():
        yield from docs[:55]
        stopped.set()
        raise KeyboardInterrupt

    monkeypatch.setattr(Build, 'add', interrupting)
    index = index_at(tmp_path / 'x.flex')
    with pytest.raises(KeyboardInterrupt):
        index.indexer(part_size=10).index(docs_until_ctrl_c())
    stopped.clear()
    assert len(Build(index.path).rows().docnos) >= 40
    index.indexer(mode='resume').index(docs)
    assert content(index.path) == content(build(docs, 'whole.flex').path)


@pytest.mark.parametrize('error', [OSError('disk'), KeyboardInterrupt()])
def test_what_came_before_an_error_is_kept_and_not_encoded_again(tmp_path, texts, encoder, build, docs, content, error):
    index = index_at(tmp_path / 'run' / 'x.flex')
    with pytest.raises(type(error)):
        (encoder.doc_encoder() >> index).index(failing(texts[:50], error), batch_size=20)
    assert not index.built()
    with pytest.raises(FileNotFoundError, match=r"was interrupted; indexer\(mode='resume'\) continues it"):
        len(index)
    kept = Build(index.path).progress()['count']
    encoder.calls.clear()
    indexer = index.indexer(mode='resume')
    (encoder.doc_encoder() >> indexer).index(indexer.remaining(texts))
    assert sum(encoder.calls) == len(texts) - kept
    assert content(index.path) == content(build(docs, 'whole.flex').path)
    assert left_beside(index.path) == ['.x.flex.lock', 'x.flex']


@pytest.mark.parametrize('change, message', [
    ({'docno': 'th/0'}, "the docno 'th/0' occurs twice"),
    ({'docno': ''}, 'document 50 of the collection .* has an empty docno'),
    ({'doc_vec': [1.0]}, "document 'en/16' has a vector of 1 dimensions, those before it have 8"),
    ({'doc_vec': [np.nan] * 8}, "the doc_vec of document 'en/16' has a value that is not finite"),
    ({'lang': None}, "document 'en/16' has the language None"),
])  # fmt: skip
def test_a_bad_document_is_named_and_those_before_it_are_kept(tmp_path, docs, build, content, change, message):
    index = index_at(tmp_path / 'run' / 'x.flex')
    with pytest.raises(ValueError, match=message):
        index.indexer(part_size=8).index([*docs[:50], {**docs[50], **change}, *docs[51:]])
    assert not index.built()
    assert list(Build(index.path).rows().docnos) == [doc['docno'] for doc in docs[:50]]
    index.indexer(mode='resume').index(docs)
    assert content(index.path) == content(build(docs, 'whole.flex').path)


@pytest.mark.parametrize('mode', ['create', 'overwrite', 'resume'])
@pytest.mark.parametrize('docs, message', [
    ([], 'there are no documents to index at'),
    (pd.DataFrame(columns=['docno', 'doc_vec', 'lang']), 'there are no documents to index at'),
    ([{'docno': 'd1', 'lang': 'de'}], 'has no doc_vec'),
])  # fmt: skip
def test_nothing_is_left_behind_where_nothing_was_indexed(tmp_path, mode, docs, message):
    with pytest.raises(ValueError, match=message):
        index_at(tmp_path / 'x.flex').indexer(mode=mode).index(docs)
    assert [p.name for p in tmp_path.iterdir()] == ['.x.flex.lock']


def test_create_starts_afresh_after_an_interruption(tmp_path, docs, build, content):
    index = index_at(tmp_path / 'x.flex')
    with pytest.raises(OSError):
        index.index(failing(docs[:50], OSError()))
    index.index(docs[30:])
    assert content(index.path) == content(build(docs[30:], 'other.flex').path)


def test_an_index_does_not_show_how_it_was_built(docs, build, content):
    expected = content(build(docs).path)
    for name, built in {
        'frame': build(pd.DataFrame(docs), 'frame.flex'),
        'generator': build(iter(docs), 'generator.flex'),
        'appended': build(docs[:30], 'appended.flex').indexer(mode='append').index(docs[30:]),
        'copied': build(build(docs, 'copy.flex').get_corpus_iter(), 'copied.flex'),
    }.items():
        assert content(built.path) == expected, name


@pytest.mark.parametrize('view', [False, True])
def test_one_array_that_is_written_anew_for_each_document(docs, build, content, view):
    def stream():
        room = np.empty_like(docs[0]['doc_vec'])
        for doc in docs:
            room[:] = doc['doc_vec']
            yield {**doc, 'doc_vec': room[:] if view else room}

    index = build(stream(), 'x')
    assert content(index.path) == content(build(docs, 'y').path)
    resumed = index_at(index.path.with_name('z'))
    with pytest.raises(OSError):
        resumed.index(failing(docs[:9], OSError()))
    indexer = resumed.indexer(mode='resume')
    indexer.index(indexer.remaining(stream()))
    assert content(resumed.path) == content(index.path)


@pytest.mark.parametrize('mode, message', [
    ('create', r"there is an index at .* already; indexer\(mode='overwrite'\) replaces it"),
    ('resume', None),
])  # fmt: skip
def test_a_finished_index_is_not_touched(docs, build, content, mode, message, capsys):
    index = build(docs)
    before, unread = content(index.path), iter(docs)
    for kind in (FileExistsError, ValueError) if message else ():
        with pytest.raises(kind, match=message):
            index.indexer(mode=mode).index(unread)
    if not message:
        index.verbose = True
        assert index.indexer(mode=mode).index(unread) is index
        assert f'{index.path} is finished, nothing is left to resume' in capsys.readouterr().err
    assert next(unread) is docs[0] and content(index.path) == before
    assert left_beside(index.path) == ['.x.flex.lock', 'x.flex']


@pytest.mark.parametrize('more, message', [
    (lambda docs: docs[:1], "the docno 'th/0' occurs twice"),
    (lambda docs: [{**docs[0], 'docno': 'new', 'doc_vec': np.ones(9)}], "'new' has a vector of 9 dimensions"),
    (lambda docs: [], 'there are no documents'),
])  # fmt: skip
def test_a_refused_append_leaves_the_index(docs, build, content, more, message):
    index = build(docs)
    before = content(index.path)
    with pytest.raises(ValueError, match=message):
        index.indexer(mode='append').index(more(docs))
    assert content(index.path) == before
    assert left_beside(index.path) == ['.x.flex.lock', 'x.flex']


def test_append_needs_an_index(tmp_path, docs):
    with pytest.raises(ValueError, match=r'there is no finished index at .* to append to'):
        index_at(tmp_path / 'x.flex').indexer(mode='append').index(docs)


@pytest.mark.parametrize('change', [{'lang': 'fr'}, {'doc_vec': -np.arange(8.0)}])
def test_a_build_is_not_resumed_with_another_encoder_or_collection(tmp_path, docs, change):
    index = index_at(tmp_path / 'x.flex')
    with pytest.raises(OSError):
        index.index(failing(docs[:50], OSError()))
    with pytest.raises(ValueError, match="document 'de/1' has another vector or language than in the interrupted"):
        index.indexer(mode='resume').index([*docs[:4], {**docs[4], **change}, *docs[5:]])
    index.indexer(mode='resume').index({**d, 'doc_vec': d['doc_vec'] * np.float32(1 + 1e-4)} for d in docs)


@pytest.mark.parametrize('mode', ['resume', 'append'])
def test_another_encoder_is_refused_even_if_no_document_comes_again(tmp_path, docs, make_encoder, mode):
    index = index_at(tmp_path / 'x.flex')
    if mode == 'append':
        index.indexer(encoder=make_encoder('A')).index(docs[:30])
    else:
        with pytest.raises(OSError):
            index.indexer(encoder=make_encoder('A')).index(failing(docs[:30], OSError()))
    other = index.indexer(mode=mode, encoder=make_encoder('B'))
    message = r'of the encoder .*Hashing.* \(model A\), and this one is .*Hashing.* \(model B\): ' + mode
    with pytest.raises(ValueError, match=message):
        other.index(other.remaining(docs[30:] if mode == 'append' else docs))
    indexer = index.indexer(mode=mode, encoder=make_encoder('A'))
    indexer.index(indexer.remaining(docs[30:] if mode == 'append' else docs))
    assert len(index) == 90 and index.meta()['encoder']['model'] == 'A'


def test_a_finished_index_is_not_resumed_with_another_encoder(build, docs, make_encoder, content):
    index = build(docs)
    index.indexer(mode='resume', encoder=make_encoder('B')).index([])  # none is recorded
    index.indexer(mode='overwrite', encoder=make_encoder('A')).index(docs)
    before = content(index.path)
    with pytest.raises(ValueError, match=r"finished index .* \(model A\), .* \(model B\): build it again"):
        index.indexer(mode='resume', encoder=make_encoder('B')).index(docs)
    for encoder in (make_encoder('A'), 'a name', None):
        index.indexer(mode='resume', encoder=encoder).index(docs)
    assert content(index.path) == before


def test_an_encoder_that_was_recorded_later_counts_too(build, docs, make_encoder):
    index = build(docs[:30])
    index.annotate(encoder=make_encoder('A'))
    assert index.recorded_encoder()['model'] == 'A'
    with pytest.raises(ValueError, match=r'this one is .* \(model B\): append with that one'):
        index.indexer(mode='append', encoder=make_encoder('B')).index(docs[30:])


def test_a_repeated_docno_is_found_by_a_resumed_build_too(tmp_path, docs):
    index = index_at(tmp_path / 'x.flex')
    with pytest.raises(OSError):
        index.index(failing(docs[:50], OSError()))
    indexer = index.indexer(mode='resume')
    with pytest.raises(ValueError, match="'th/0' occurs twice"):
        indexer.index([*docs[:50], docs[0]])
    with pytest.raises(ValueError, match="'th/0' occurs twice"):
        list(indexer.remaining([*docs[:50], docs[0]]))


def test_what_is_left_out_is_looked_up_by_the_hundred(tmp_path, docs, monkeypatch):
    """A look-up of one took longer than a static encoder takes for a text."""
    index, looked_up, find = index_at(tmp_path / 'x.flex'), [], Docnos.find
    with pytest.raises(OSError):
        index.index(failing(docs[:50], OSError()))
    monkeypatch.setattr(Docnos, 'find', lambda docnos, wanted: looked_up.append(len(wanted)) or find(docnos, wanted))
    remaining = index.indexer(mode='resume').remaining(failing(docs, OSError('the stream ended')))
    assert [next(remaining)['docno'] for _ in range(40)] == [doc['docno'] for doc in docs[50:]]
    with pytest.raises(OSError, match='the stream ended'):
        next(remaining)
    assert looked_up == [90]


def test_an_interrupted_append_is_not_resumed_onto_another_index(docs, build):
    index = build(docs[:30])
    with pytest.raises(OSError):
        index.indexer(mode='append').index(failing(docs[30:50], OSError()))
    shutil.rmtree(index.path)
    shutil.copytree(build(docs[60:], 'other.flex').path, index.path)
    with pytest.raises(ValueError, match='has been finished or replaced since the build beside it was interrupted'):
        index.indexer(mode='resume').index(docs[30:])


@pytest.mark.parametrize('mode', ['create', 'overwrite', 'append', 'resume'])
@pytest.mark.parametrize('same_thread', [True, False])
def test_the_second_of_two_indexers_is_refused_before_it_reads(tmp_path, docs, build, mode, same_thread):
    """And everything that the first one knows of the index, it has read since the second one cannot change it."""
    path, unread = tmp_path / 'x.flex', iter(docs[60:])
    if mode == 'append':
        build(docs[:30])

    def second():
        with pytest.raises(ValueError, match=r'another process or thread is writing .*x\.flex'):
            index_at(path).indexer(mode=mode).index(unread)

    def first():
        if same_thread:
            second()
        else:
            thread = threading.Thread(target=second)
            thread.start()
            thread.join()
        yield from docs[30:60]

    index = index_at(path).indexer(mode=mode).index(first())
    assert list(index.docnos()) == [doc['docno'] for doc in docs[0 if mode == 'append' else 30 : 60]]
    assert next(unread) is docs[60]


def test_create_checks_again_once_nobody_else_builds(tmp_path, docs, monkeypatch):
    """Another process finishes its index between this one's call and its lock."""
    path, real = tmp_path / 'x.flex', module.only_one

    def late(target):
        monkeypatch.setattr(module, 'only_one', real)
        index_at(path).index(docs[:30])
        return real(target)

    monkeypatch.setattr(module, 'only_one', late)
    with pytest.raises(FileExistsError, match='there is an index at'):
        index_at(path).index(docs[30:])
    assert len(index_at(path)) == 30


def test_a_resumed_build_does_not_keep_what_the_collection_has_lost(tmp_path, docs, build, content):
    index = index_at(tmp_path / 'x.flex')
    with pytest.raises(OSError):
        index.index(failing(docs[:50], OSError()))
    for indexer in (index.indexer(mode='resume'), index.indexer(mode='resume')):
        with pytest.raises(ValueError, match=r"^3 documents .* did not come again, such as 'th/0': .*mode='create'"):
            indexer.index(docs[3:])
        with pytest.raises(ValueError, match=r'^3 documents '):
            indexer.index(indexer.remaining(docs[3:]))
    assert not index.built()
    index.indexer(mode='resume').index(docs)
    assert content(index.path) == content(build(docs, 'whole.flex').path)


@pytest.mark.parametrize('options, message', [
    ({'mode': 'update'}, "there is no indexing mode 'update'; there are create, overwrite, resume, append"),
    ({'part_size': 0}, 'part_size is 0'),
    ({'part_size': 2.5}, 'part_size is 2.5; it is a number of documents, at least 1'),
    ({'part_size': True}, 'part_size is True'),
])  # fmt: skip
def test_bad_options(tmp_path, options, message):
    with pytest.raises(ValueError, match=message):
        index_at(tmp_path / 'x.flex').indexer(**options)


def test_memory_does_not_grow_with_the_vectors(tmp_path):
    def stream():
        vector = np.ones(1024, np.float32)
        for i in range(6000):
            yield {'docno': f'd{i}', 'lang': 'de', 'doc_vec': vector}

    tracemalloc.start()
    index_at(tmp_path / 'x.flex').indexer(part_size=256).index(stream())
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 12e6 < (tmp_path / 'x.flex/flex/vecs.f4').stat().st_size
