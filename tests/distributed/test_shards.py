"""Shards in a folder, and in object stores of fsspec, against what was written."""
import numpy as np
import pytest
from fsspec.implementations.memory import MemoryFileSystem

from pyterrier_hybrid.distributed.shard_encoder import Shard, ShardEncoder
from pyterrier_hybrid.distributed.shards import FolderShards, ObjectShards, open_shards
from pyterrier_hybrid.files import Exists
from pyterrier_hybrid.indexing.docnos import Docnos
from pyterrier_hybrid.indexing.storage import Collection, open_part

PLAN = {'encoder': 'x', 'shard_size': 2}


@pytest.fixture
def bucket(monkeypatch):
    """The URL of a bucket of an S3 server in this process."""
    s3fs = pytest.importorskip('s3fs', reason='s3fs is not installed')
    server = pytest.importorskip('moto.server', reason='moto[server] is not installed').ThreadedMotoServer(port=0)
    server.start()
    for name, value in {'AWS_ENDPOINT_URL': 'http://{}:{}'.format(*server.get_host_and_port()),
                        'AWS_ACCESS_KEY_ID': 'x', 'AWS_SECRET_ACCESS_KEY': 'y'}.items():  # fmt: skip
        monkeypatch.setenv(name, value)
    s3fs.S3FileSystem.clear_instance_cache()
    s3fs.S3FileSystem().mkdir('shards')
    yield 's3://shards'
    server.stop()


@pytest.fixture(params=['folder', 'file', 'memory', 's3'])
def where(request, tmp_path):
    if request.param == 's3':
        return f'{request.getfixturevalue("bucket")}/s'
    return {'folder': tmp_path / 's', 'file': f'file://{tmp_path}/s', 'memory': f'memory://{tmp_path.name}/s'}[
        request.param
    ]


def documents(number: int) -> Collection:
    vecs = np.arange(6, dtype=np.float32).reshape(2, 3) + number
    return Collection(vecs, Docnos.of([f'{number}a', f'{number}b']), np.array([0, 1], np.uint16), ('de', 'en'))


def test_what_was_written_is_found(where, tmp_path):
    shards = open_shards(where)
    assert isinstance(shards, ObjectShards if '://' in str(where) else FolderShards)
    assert shards.plan() is None and str(shards) == str(where)
    shards.start(PLAN)
    assert shards.plan() == PLAN and shards.found() == {}
    for number in (2, 0):
        shards.write(number, documents(number), {'count': 2, 'number': number})
    shards.write(2, documents(2), {'count': 2, 'number': 2})  # another worker had been given the same
    again = open_shards(where)
    assert again.plan() == PLAN
    assert again.found() == {0: {'count': 2, 'number': 0}, 2: {'count': 2, 'number': 2}}
    for number, folder in zip((0, 2), again.local([0, 2], tmp_path / 'copies')):
        again.check(number)
        part = open_part(folder)
        assert part.vecs.tolist() == documents(number).vecs.tolist()
        assert list(part.docnos) == [f'{number}a', f'{number}b'] and part.langs().tolist() == ['de', 'en']
    again.start({'encoder': 'y'})
    assert again.found() == {} and again.plan() == {'encoder': 'y'}
    again.discard()
    assert open_shards(where).plan() is None


def change(path):
    content = bytearray(path.read_bytes())
    content[0] ^= 1
    path.write_bytes(content)


def test_a_shard_that_was_changed_by_hand_is_named(tmp_path):
    shards = FolderShards(tmp_path / 's')
    shards.start(PLAN)
    shards.write(0, documents(0), {})
    change(tmp_path / 's' / 'shard-000000' / 'vecs.f4')
    with pytest.raises(ValueError, match=r'shard-000000/vecs.f4 has changed.*remove this shard'):
        shards.check(0)


def test_an_object_that_was_changed_is_named_when_it_is_copied(tmp_path):
    shards = ObjectShards(f'file://{tmp_path}/s')
    shards.start(PLAN)
    shards.write(0, documents(0), {})
    shards.found()
    shards.check(0)
    change(tmp_path / 's' / 'shard-000000' / 'vecs.f4')
    with pytest.raises(ValueError, match=rf'file://{tmp_path}/s/shard-000000/vecs.f4 has changed'):
        shards.local([0], tmp_path / 'copies')
    (tmp_path / 's' / 'shard-000000' / 'vecs.f4').unlink()
    shards.found()
    with pytest.raises(ValueError, match=r'shard-000000/vecs.f4 is missing'):
        shards.check(0)


def test_a_shard_that_was_half_written_when_the_folder_was_listed(tmp_path):
    """s3fs keeps the listings that it gets, of every folder; the shard is then written by another process."""
    class Remembering(MemoryFileSystem):
        known = {}  # noqa: RUF012 (one store, one cache)

        def find(self, path, **options):
            found = super().find(path, **options)
            for name, about in found.items():
                self.known.setdefault(self._parent(name), []).append(about)
            return found

        def ls(self, path, detail=True, **options):
            listed = self.known.setdefault(path, super().ls(path, detail=True))
            return listed if detail else [about['name'] for about in listed]

        def invalidate_cache(self, path=None):
            self.known.clear()

    shards, writer = (open_shards(f'memory://{tmp_path.name}/s') for _ in range(2))
    shards._fs = Remembering()
    shards.start(PLAN)
    shards._fs.pipe_file(f'{shards._root}/shard-000000/vecs.f4', b'half')
    assert shards.found() == {}
    writer.write(0, documents(0), {'count': 2})
    (folder,) = shards.local([0], tmp_path / 'copies')
    assert open_part(folder).vecs.tolist() == documents(0).vecs.tolist()


def test_a_shard_without_its_mark_is_not_there(tmp_path):
    shards = FolderShards(tmp_path / 's')
    shards.start(PLAN)
    shards.write(0, documents(0), {})
    (tmp_path / 's' / 'shard-000000' / 'shard.json').unlink()
    assert shards.found() == {}


def test_a_machine_with_a_folder_of_its_own_at_the_same_path(tmp_path):
    shards = FolderShards(tmp_path / 's')
    (tmp_path / 's').mkdir()
    with pytest.raises(FileNotFoundError, match=r'sees another folder at .*/s than'):
        ShardEncoder(None, shards, 2)(Shard(0, []))
    shards.start(PLAN)
    shards.write(0, documents(0), {})
    with pytest.raises(FileNotFoundError, match=r'shard-000001 was written by a machine .* is not here'):
        shards.local([0, 1], tmp_path / 'copies')


@pytest.mark.parametrize('kind', ['folder', 'file'])
def test_what_is_not_ours_is_left_alone(tmp_path, kind):
    (tmp_path / 's').mkdir()
    (tmp_path / 's' / 'thesis.tex').write_text('precious')
    shards = open_shards(tmp_path / 's' if kind == 'folder' else f'file://{tmp_path}/s')
    with pytest.raises(Exists, match='something else'):
        shards.start(PLAN)
    shards.discard()
    assert (tmp_path / 's' / 'thesis.tex').read_text() == 'precious'


def test_a_store_that_cannot_be_reached(tmp_path, monkeypatch):
    with pytest.raises(ValueError, match='nosuch://x: Protocol not known: nosuch'):
        open_shards('nosuch://x')
    shards = ObjectShards('memory://x/y')

    def fail(*args, **kwargs):
        raise TimeoutError('no route')

    monkeypatch.setattr(shards._fs, 'exists', fail)
    with pytest.raises(ConnectionError, match=r'memory://x/y cannot be reached \(TimeoutError: no route\)'):
        shards.plan()
