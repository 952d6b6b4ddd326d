"""A folder whose files are as they were, and every way in which they are not."""
import pytest

from pyterrier_hybrid.digests import check_contents, check_sizes, list_files


@pytest.fixture
def folder(tmp_path):
    (tmp_path / 'sub').mkdir()
    (tmp_path / 'a').write_bytes(b'abc')
    (tmp_path / 'sub' / 'b').write_bytes(b'')
    return tmp_path


def test_the_list(folder):
    files = list_files(folder)
    assert {name: entry['bytes'] for name, entry in files.items()} == {'a': 3, 'sub/b': 0}
    assert files['a']['digest'] == 'cf4ab791c62b8d2b2109c90275287816'  # b2sum -l 128
    assert list_files(folder, ['a']) == {'a': files['a']}
    check_contents(folder, files, 'build it again')


@pytest.mark.parametrize(('damage', 'error', 'cheap'), [
    (lambda f: f.unlink(), FileNotFoundError, True),
    (lambda f: f.unlink(), ValueError, True),
    (lambda f: f.write_bytes(b'abcd'), ValueError, True),
    (lambda f: f.write_bytes(b'abC'), ValueError, False),
])  # fmt: skip
def test_damage_is_named_with_the_remedy(folder, damage, error, cheap):
    files = list_files(folder)
    damage(folder / 'a')
    with pytest.raises(error, match=r'/a .*: build it again$'):
        check_contents(folder, files, 'build it again')
    if cheap:
        with pytest.raises(error, match=r'/a .*: build it again$'):
            check_sizes(folder, files, 'build it again')
    else:
        check_sizes(folder, files, 'build it again')


@pytest.mark.parametrize('files', [
    None, [], 'a', {'a': None}, {'a': {}}, {'a': {'bytes': '3', 'digest': ''}}, {'../a': {'bytes': 3, 'digest': ''}},
    {'/etc/passwd': {'bytes': 3, 'digest': ''}},
])  # fmt: skip
def test_a_damaged_list_is_refused(folder, files):
    with pytest.raises(ValueError, match=r'damaged list of files: build it again'):
        check_sizes(folder, files, 'build it again')
