"""Opening pairs reads none of their rows, however many there are."""
import json
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from pyterrier_hybrid.pairs.corpus import ParallelPairs
from pyterrier_hybrid.pairs.source import BLOCK

BLOCKS = 61  # a million rows: 8 MB of passage ids, 20 MB of each column


def repeated(small: ParallelPairs, folder: Path) -> Path:
    """A folder of pairs with the ``BLOCK`` rows of a source ``BLOCKS`` times over."""
    (source,) = small.sources
    folder.mkdir()
    manifest = json.loads((small.folder / 'manifest.json').read_text())
    entry, rows = manifest['sources'][0], BLOCK * BLOCKS
    block = pa.ipc.open_file(str(small.folder / entry['table'])).get_batch(0)
    with pa.ipc.new_file(str(folder / entry['table']), block.schema) as file:
        for _ in range(BLOCKS):
            file.write_batch(block)
    np.save(folder / entry['passage_ids'], np.arange(rows))
    queries, passages, *_ = source.strata[0]
    entry.update(rows=rows, passages=rows, strata=[[queries, passages, 0, rows, rows]])
    for name, listed in manifest['files'].items():
        listed['bytes'] = (folder / name).stat().st_size
    (folder / 'manifest.json').write_text(json.dumps(manifest))
    return folder


@pytest.fixture(scope='module')
def small(tmp_path_factory):
    rows = (
        {'id': f'{i:08}', 'source': 's', 'text': {'de': f'Text {i:07}', 'en': f'text {i:07}'}} for i in range(BLOCK)
    )
    return ParallelPairs.from_rows(rows, tmp_path_factory.mktemp('small') / 'pairs', verbose=False)


def opened(folder: Path) -> tuple:
    """Opens pairs, and uses all that does not read rows by its nature; kept alive by the caller."""
    pairs = ParallelPairs(folder)
    (source,) = pairs.sources
    last = len(source) - 1
    found = source.texts('query', [last], ['de']), source.ids([last]), int(source.passage_ids[last] >= 0)
    assert found == ([f'Text {BLOCK - 1:07}'], [f'{BLOCK - 1:08}'], 1)
    return pairs, pairs.describe(), pairs.languages, len(pairs), pairs.fingerprint


def resident() -> int:
    """Bytes of this process in memory: its own, and of mapped files the pages that it has touched."""
    status = dict(line.split(':', 1) for line in Path('/proc/self/status').read_text().splitlines())
    return 1024 * sum(int(status[name].split()[0]) for name in ('RssAnon', 'RssFile'))


@pytest.mark.skipif(sys.platform != 'linux', reason='reads /proc')
def test_memory_does_not_grow_with_the_rows(small, tmp_path):
    folder = repeated(small, tmp_path / 'large')
    assert sum(path.stat().st_size for path in folder.iterdir()) > 60 << 20
    kept = [opened(small.folder)]  # what is loaded once: code
    before = resident()
    kept.append(opened(folder))
    assert len(kept[1][0]) == 999_424
    assert resident() - before < 4 << 20
