"""Folders of pairs made of given rows, and their bytes."""
from pathlib import Path

import pytest

from pyterrier_hybrid.pairs.corpus import ParallelPairs


@pytest.fixture
def build():
    """Imports the given rows into a folder, silently."""

    def build(rows: list, folder: Path, **options) -> ParallelPairs:
        return ParallelPairs.from_rows(rows, folder, verbose=False, **options)

    return build


@pytest.fixture
def content():
    """The bytes of every file in a folder, by name."""

    def content(folder: Path) -> dict[str, bytes]:
        return {path.name: path.read_bytes() for path in folder.iterdir()}

    return content
