"""The real data of the benchmarks: in ``PYTERRIER_HYBRID_DATA``, by default ``../shared/data`` beside the checkout.

Import this before ir_datasets, which reads its home directory when it is imported.
"""
import os
import tempfile
from pathlib import Path

DATA = Path(os.environ.get('PYTERRIER_HYBRID_DATA', Path(__file__).resolve().parents[2] / 'shared' / 'data')).resolve()


def offline_home() -> Path:
    """Sets ``IR_DATASETS_HOME`` to a folder that links to the data's downloads, unless it is set; returns it.

    Raises:
        FileNotFoundError: no data, and no home set.
    """
    if 'IR_DATASETS_HOME' not in os.environ:
        if not DATA.is_dir():
            raise FileNotFoundError(f'no data at {DATA}; set PYTERRIER_HYBRID_DATA to the folder of it')
        home = Path(tempfile.gettempdir()) / 'pyterrier-hybrid-benchmarks' / 'irds'
        for source in (DATA / 'irds').rglob('*'):
            link = home / source.relative_to(DATA / 'irds')
            if source.is_file() and not link.exists():
                link.parent.mkdir(parents=True, exist_ok=True)
                link.symlink_to(source)
        os.environ['IR_DATASETS_HOME'] = str(home)
    return Path(os.environ['IR_DATASETS_HOME'])


def e5_small() -> str:
    """The checkpoint of multilingual-e5-small: the folder ``PYTERRIER_HYBRID_E5``, by default beside the data.

    Raises:
        FileNotFoundError: it is not there.
    """
    folder = Path(os.environ.get('PYTERRIER_HYBRID_E5', DATA.parent / 'multilingual-e5-small'))
    if not (folder / 'modules.json').is_file():
        raise FileNotFoundError(f'no checkpoint at {folder}; set PYTERRIER_HYBRID_E5 to the folder of it')
    return str(folder)
