"""Real races of processes on one index, for a second or two; ``benchmarks/races.py`` runs them for minutes."""
import importlib.util
from pathlib import Path

import pytest

from pyterrier_hybrid import BM25Index, MultilingualIndex

_SPEC = importlib.util.spec_from_file_location('races', Path(__file__).parents[1] / 'benchmarks' / 'races.py')
races = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(races)


def test_no_append_that_succeeded_is_lost(tmp_path):
    index = MultilingualIndex(tmp_path / 'x', verbose=False).index([races.document('first', 0)])
    counts = races.race(1.5, [lambda i: races.append(index.path, f'd{i}')] * 2)
    assert set(counts) <= {'appended', 'refused'} and counts['appended']
    assert len(set(index.docnos())) == 1 + counts['appended']
    index.verify()


@pytest.mark.parametrize('kind', [MultilingualIndex, BM25Index])
def test_readers_see_one_build_or_another(tmp_path, kind):
    path = tmp_path / 'x'
    kind(path, verbose=False).index(races.build(0))
    acts = [lambda i: races.replace(kind, path, i)] * 2 + [lambda i: races.read(kind, path)] * 2
    counts = races.race(1.5, acts)
    assert set(counts) <= {'replaced', 'refused', 'opened'} and counts['replaced'] and counts['opened']
