"""File names of any name: inside the folder, distinct, and readable where they can be."""
import pytest

from pyterrier_hybrid.file_names import file_name

LONG = '混合语言批次训练得到的双塔检索模型单语与跨语比例各一半种子为一'  # 261 bytes when percent-encoded
ODD = ['', '.', '..', '...', '.hidden', 'dot.', 'a/b', 'a\\b', '../up', '/root', 'nul', 'CON.txt', 'a\nb', 'a\0b', 'é',
       LONG, 'x' * 500, 'x' * 501, 'BM25', 'bm25', 'Bm25', '\ud800', '%2F', ' ', '-', '~', 'a:b', 'a*b']  # fmt: skip


@pytest.mark.parametrize('name', ['BM25', 'X-X-mono', 'hybrid_0.5', 'seed~1', 'a.b.c'])
def test_a_plain_name_is_its_own(name):
    assert file_name(name) == name


def test_other_characters_are_percent_encoded():
    assert file_name('my toy: é') == 'my%20toy%3A%20%C3%A9'


def test_odd_names_are_files_of_their_own(tmp_path):
    taken = []
    for name in ODD:
        taken.append(file_name(name, taken))
        (tmp_path / taken[-1]).write_text(name, encoding='utf-8', errors='surrogatepass')
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(taken)
    assert len({name.casefold() for name in taken}) == len(ODD)
    assert all(len(name) <= 109 and name.isascii() and not name.startswith('.') for name in taken)


def test_a_name_is_the_same_each_time_and_gives_way_to_taken_ones():
    assert file_name('x' * 500) == file_name('x' * 500)
    first = file_name('..')
    assert file_name('..', [first]) != first
