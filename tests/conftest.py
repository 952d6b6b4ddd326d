"""What every test needs: where the real data is, and an offline ir_datasets home that serves it.

Real data is found through ``PYTERRIER_HYBRID_DATA`` (default ``../shared/data``); this is the only place in the tests
that knows it. ``IR_DATASETS_HOME`` is read when ir_datasets is imported, so it is set here, before any test module.
"""
import os
import tempfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
DATA = Path(os.environ.get('PYTERRIER_HYBRID_DATA', ROOT.parent / 'shared' / 'data')).resolve()


def _offline_home() -> str:
    """A fresh ir_datasets home with links to the real data's files, so that nothing is downloaded or copied."""
    home = Path(tempfile.mkdtemp(prefix='irds-'))
    for source in sorted((DATA / 'irds').rglob('*')) if DATA.is_dir() else []:
        if source.is_file():
            link = home / source.relative_to(DATA / 'irds')
            link.parent.mkdir(parents=True, exist_ok=True)
            link.symlink_to(source)
    return str(home)


os.environ['IR_DATASETS_HOME'] = _offline_home()
os.environ.setdefault('IR_DATASETS_DL_TRIES', '1')
os.environ.setdefault('HF_HUB_OFFLINE', '1')
os.environ.setdefault('TOKENIZERS_PARALLELISM', 'false')


@pytest.fixture(scope='session')
def data_root() -> Path:
    """The folder of real data; the test is skipped where it is not there."""
    if not DATA.is_dir():
        pytest.skip(f'no real data at {DATA}; set PYTERRIER_HYBRID_DATA')
    return DATA


@pytest.fixture
def irds_home() -> Path:
    """The ir_datasets home of this test session."""
    return Path(os.environ['IR_DATASETS_HOME'])
