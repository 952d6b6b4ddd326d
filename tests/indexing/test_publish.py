"""A folder takes the place of another whole, with and without the system call that exchanges two names."""
import pytest

from pyterrier_hybrid.indexing import publish as module
from pyterrier_hybrid.indexing.publish import publish, replaced


@pytest.fixture(params=[True, False], ids=['exchange', 'two_renames'])
def system(request, monkeypatch):
    if not request.param:
        monkeypatch.setattr(module, '_exchange', lambda one, other: False)
    return 'exchange' if request.param else 'two_renames'


def folder(path, text):
    path.mkdir()
    (path / 'f').write_text(text)
    return path


def test_over_nothing_and_over_an_empty_folder(tmp_path, system):
    publish(folder(tmp_path / 'a', 'new'), tmp_path / 'x')
    (tmp_path / 'y').mkdir()
    publish(folder(tmp_path / 'b', 'new'), tmp_path / 'y')
    assert (tmp_path / 'x/f').read_text() == (tmp_path / 'y/f').read_text() == 'new'
    assert sorted(p.name for p in tmp_path.iterdir()) == ['x', 'y']


def test_the_old_one_is_found_where_the_new_one_was(tmp_path, system):
    folder(replaced(tmp_path / 'x'), 'left by a crash')
    publish(folder(tmp_path / 'a', 'new'), folder(tmp_path / 'x', 'old'))
    assert ((tmp_path / 'x/f').read_text(), (tmp_path / 'a/f').read_text()) == ('new', 'old')
    assert system == 'exchange' or not replaced(tmp_path / 'x').exists()


def test_a_failed_rename_leaves_the_old_one(tmp_path, monkeypatch):
    monkeypatch.setattr(module, '_exchange', lambda one, other: False)
    target = folder(tmp_path / 'x', 'old')
    with pytest.raises(FileNotFoundError):
        publish(tmp_path / 'is not there', target)
    assert (target / 'f').read_text() == 'old'
