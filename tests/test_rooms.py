"""The arrows of docs/map.md: which room may import which, by the source itself."""
import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
#: What is below all rooms, and may be imported by any of them.
GROUND = {'cards', 'digests', 'file_names', 'files', 'keyed', 'languages', 'moved', 'publishing', 'datasets_ext'}
ARROWS = {
    'encoding': set(),
    'ranking': set(),
    'measures': {'ranking'},
    'pairs': set(),
    'batches': {'pairs'},
    'stored': {'measures'},
    'indexing': {'encoding', 'measures', 'ranking', 'stored'},  # measures for the tuner of approximate search
    'lexical': {'encoding', 'indexing', 'ranking', 'stored'},  # PARTS says what of indexing; checks of texts
    'training': {'batches', 'encoding', 'measures', 'pairs', 'ranking'},
    'distributed': {'encoding', 'indexing', 'ranking', 'stored'},
    'experiment': {'batches', 'distributed', 'encoding', 'indexing', 'lexical', 'measures', 'pairs', 'ranking',
                   'stored', 'training'},
    'cli': {'batches', 'distributed', 'encoding', 'experiment', 'indexing', 'lexical', 'measures', 'pairs',
            'training'},
}  # fmt: skip
#: The modules of a room that another room may import, where the map names them.
PARTS = {
    ('batches', 'pairs'): {'protocol'},
    ('training', 'pairs'): {'balanced', 'corpus', 'manifest', 'overlap', 'protocol', 'squad', 'views'},
    ('lexical', 'indexing'): {'docnos', 'documents', 'modes', 'retriever'},
    ('stored', 'measures'): {'labelling'},
}


def names_of(path: Path, root: Path = ROOT) -> list[str]:
    """The full names that a module imports, at its beginning or in a function."""
    names, package = [], path.relative_to(root).parent.parts
    for node in ast.walk(ast.parse(path.read_text(encoding='utf-8'))):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) + 1 - node.level] if node.level else ()
            within = [*above, node.module] if node.module else above
            names += ['.'.join([*within, alias.name]) for alias in node.names]
    return names


def imported(path: Path, root: Path = ROOT) -> set[str]:
    """The rooms that a module imports."""
    rooms = set()
    for name in names_of(path, root):
        package, _, rest = name.partition('.')
        if package == 'datasets_ext':
            rooms.add(package)
        elif package == 'pyterrier_hybrid' and rest and rest != '__version__':
            rooms.add(rest.partition('.')[0])
    return rooms


def modules_of(room: str) -> list[Path]:
    """The files of a room."""
    where = ROOT / 'pyterrier_hybrid'
    return [where / f'{room}.py'] if (where / f'{room}.py').exists() else sorted((where / room).rglob('*.py'))


@pytest.mark.parametrize('room', ARROWS)
def test_arrows_point_one_way(room):
    wrong = {f'{path.relative_to(ROOT)} -> {other}' for path in modules_of(room)
             for other in imported(path) - GROUND - ARROWS[room] - {room}}  # fmt: skip
    assert not wrong


@pytest.mark.parametrize(('line', 'rooms'), [
    ('from ..experiment import x', {'experiment'}), ('from .. import experiment', {'experiment'}),
    ('from ..experiment.rows import x', {'experiment'}), ('from . import plan', {'batches'}),
    ('from .plan import x', {'batches'}), ('from ... import datasets_ext', {'datasets_ext'}),
    ('from pyterrier_hybrid import experiment', {'experiment'}), ('import pyterrier_hybrid.experiment', {'experiment'}),
    ('from os import path', set()),
])  # fmt: skip
def test_relative_imports_are_imports(tmp_path, line, rooms):
    path = tmp_path / 'pyterrier_hybrid' / 'batches' / 'kinds.py'
    path.parent.mkdir(parents=True)
    path.write_text(line)
    assert imported(path, tmp_path) == rooms


@pytest.mark.parametrize(('room', 'other'), PARTS)
def test_rooms_import_the_modules_that_the_map_names(room, other):
    start = f'pyterrier_hybrid.{other}'
    found = {name.removeprefix(start).strip('.').partition('.')[0] for path in modules_of(room)
             for name in names_of(path) if f'{name}.'.startswith(f'{start}.')}  # fmt: skip
    assert found == PARTS[room, other]


def test_the_arrows_have_no_circle():
    done: set[str] = set()
    while len(done) < len(ARROWS):
        free = {room for room, below in ARROWS.items() if below <= done} - done
        assert free, f'a circle among {set(ARROWS) - done}'
        done |= free


def test_data_sets_know_nothing_of_the_package():
    wrong = {f'{path.relative_to(ROOT)} -> {other}' for path in (ROOT / 'datasets_ext').rglob('*.py')
             for other in imported(path) - {'datasets_ext'}}  # fmt: skip
    assert not wrong
