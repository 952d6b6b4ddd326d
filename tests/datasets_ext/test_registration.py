"""What importing the package does: every id is there, once, and registering again is harmless."""
import ir_datasets
import pytest

import datasets_ext
from datasets_ext.shape import REGISTERED

SIZES = {'xquad-r': 1 + 11 + 121, 'mlqa-r': 1 + 7 + 49, 'worldfacts': 1 + 11 + 121, 'miracl-multi': 104}


@pytest.mark.parametrize('name, ids', SIZES.items())
def test_ids_after_import(name, ids):
    mine = [known for known in REGISTERED if known.split('/')[0] == name]
    assert len(mine) == ids
    assert [known for known in ir_datasets.registry if known.split('/')[0] == name] == mine
    assert all(ir_datasets.load(known) is REGISTERED[known] for known in mine)


def test_again():
    before = dict(ir_datasets.registry._registered)
    datasets_ext.register()
    assert dict(ir_datasets.registry._registered) == before


def test_public_names():
    assert {'beir_folder', 'pooled_miracl', 'register', 'squad_files', 'worldfacts'} <= set(dir(datasets_ext))
    for name in datasets_ext.__all__:
        assert callable(getattr(datasets_ext, name)) and getattr(datasets_ext, name).__doc__
    with pytest.raises(AttributeError, match="module 'datasets_ext' has no attribute 'xquad'"):
        _ = datasets_ext.xquad
