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
    'lexical': {'encoding', 'indexing', 'ranking', 'stored'},  # checks of texts and docnos, tables of docnos
    'training': {'batches', 'encoding', 'measures', 'pairs', 'ranking'},
    'distributed': {'encoding', 'indexing', 'ranking', 'stored'},
    'experiment': {'batches', 'distributed', 'encoding', 'indexing', 'lexical', 'measures', 'pairs', 'ranking',
                   'stored', 'training'},
    'cli': {'batches', 'distributed', 'encoding', 'experiment', 'indexing', 'lexical', 'measures', 'pairs',
            'training'},
}  # fmt: skip


def imported(path: Path) -> set[str]:
    """The rooms that a module imports, at its beginning or in a function."""
    rooms = set()
    for node in ast.walk(ast.parse(path.read_text(encoding='utf-8'))):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom) and not node.level:
            names = [f'{node.module}.{alias.name}' for alias in node.names]
        for name in names:
            package, _, rest = name.partition('.')
            if package == 'datasets_ext':
                rooms.add(package)
            elif package == 'pyterrier_hybrid' and rest and rest != '__version__':
                rooms.add(rest.partition('.')[0])
    return rooms


@pytest.mark.parametrize('room', ARROWS)
def test_arrows_point_one_way(room):
    where = ROOT / 'pyterrier_hybrid'
    paths = [where / f'{room}.py'] if (where / f'{room}.py').exists() else sorted((where / room).rglob('*.py'))
    wrong = {f'{path.relative_to(where)} -> {other}' for path in paths
             for other in imported(path) - GROUND - ARROWS[room] - {room}}  # fmt: skip
    assert not wrong


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


def test_batches_read_pairs_by_their_protocol():
    for path in (ROOT / 'pyterrier_hybrid' / 'batches').glob('*.py'):
        text = path.read_text(encoding='utf-8')
        assert 'pyterrier_hybrid.pairs' not in text.replace('pyterrier_hybrid.pairs.protocol', ''), path.name
