"""The folder of a page's figures: nothing of an earlier report, and everything that is not a report's."""
import hashlib
import json

import pytest

from pyterrier_hybrid.experiment.report.figure_files import FigureFiles


def write(page, **files) -> dict[str, str]:
    """Writes files of these names (an underscore is a dot) as a report does; returns what is in the folder then."""
    figures = FigureFiles(page, {name.replace('_', '.'): content.encode() for name, content in files.items()})
    figures.write()
    page.write_text('page')
    figures.clean()
    return found(figures.folder)


def found(folder) -> dict[str, str]:
    if not folder.exists():
        return {}
    return {path.name: path.read_text() for path in folder.iterdir() if path.name != 'manifest.json'}


@pytest.fixture
def page(tmp_path):
    return tmp_path / 'r.html'


def test_files_are_those_of_the_last_report(page):
    assert write(page, a_svg='1', b_svg='2') == {'a.svg': '1', 'b.svg': '2'}
    assert write(page, b_svg='3', c_svg='4') == {'b.svg': '3', 'c.svg': '4'}
    manifest = json.loads((page.parent / 'r_figures' / 'manifest.json').read_text())
    assert manifest == {
        'page': 'r.html',
        'files': {f'{n}.svg': [hashlib.sha256(c).hexdigest()] for n, c in (('b', b'3'), ('c', b'4'))},
    }  # fmt: skip


def test_a_folder_goes_with_its_last_figure(page):
    assert write(page) == {} and not (page.parent / 'r_figures').exists()
    write(page, a_svg='1')
    assert write(page) == {} and not (page.parent / 'r_figures').exists()


def test_what_no_report_wrote_stays(page):
    write(page, a_svg='1', b_svg='2')
    folder = page.parent / 'r_figures'
    (folder / 'notes.txt').write_text('mine')
    (folder / 'b.svg').write_text('changed by hand')
    (folder / 'sub').mkdir()
    figures = FigureFiles(page, {})
    figures.write()
    figures.clean()
    assert sorted(path.name for path in folder.iterdir()) == ['b.svg', 'notes.txt', 'sub']
    assert (folder / 'b.svg').read_text() == 'changed by hand'


@pytest.mark.parametrize('spoil', [
    lambda path: path.write_text('changed by hand'),
    lambda path: (path.unlink(), path.mkdir()),
])  # fmt: skip
def test_what_no_report_wrote_is_not_written_over(page, spoil):
    write(page, a_svg='1', b_svg='2')
    folder = page.parent / 'r_figures'
    spoil(folder / 'b.svg')
    before = {path.name: path.is_dir() or path.read_text() for path in folder.iterdir()}
    with pytest.raises(FileExistsError, match=r'b.svg was not written by a report, or was changed since; move it away'):
        write(page, b_svg='3')
    assert {path.name: path.is_dir() or path.read_text() for path in folder.iterdir()} == before


def test_a_file_that_is_already_as_it_should_be_is_no_obstacle(page):
    (page.parent / 'r_figures').mkdir()
    (page.parent / 'r_figures' / 'a.svg').write_text('1')
    assert write(page, a_svg='1') == {'a.svg': '1'}


@pytest.mark.parametrize('written', [0, 1, 2])
def test_after_a_crash_everything_is_known(page, written):
    """Between the first manifest and the last, files are old, new or both."""
    write(page, a_svg='1', b_svg='2')
    figures = FigureFiles(page, {'b.svg': b'3', 'c.svg': b'4'})
    figures._keep({'a.svg': figures._known['a.svg'], **{
        name: [*figures._known.get(name, []), hashlib.sha256(content).hexdigest()]
        for name, content in figures._files.items()
    }})  # fmt: skip
    for name in ('b.svg', 'c.svg')[:written]:
        (figures.folder / name).write_bytes(figures._files[name])
    assert write(page, d_svg='5') == {'d.svg': '5'}


def test_a_folder_is_of_one_page(page):
    write(page, a_svg='1')
    with pytest.raises(FileExistsError, match=r'r_figures holds the figures of r\.html; give this page another name'):
        write(page.with_suffix('.htm'), a_svg='1')


@pytest.mark.parametrize(('text', 'message'), [
    ('{', 'manifest.json is damaged; move the folder away'),
    ('[]', 'manifest.json is damaged'),
    ('{"page": "r.html", "files": ["a"]}', 'manifest.json is damaged'),
    ('{"page": "r.html", "files": {"../r.html": []}}', 'manifest.json names files outside of its folder'),
])  # fmt: skip
def test_bad_manifests(page, text, message):
    write(page, a_svg='1')
    (page.parent / 'r_figures' / 'manifest.json').write_text(text)
    with pytest.raises(ValueError, match=message):
        write(page, b_svg='1')
    assert found(page.parent / 'r_figures') == {'a.svg': '1'}
