"""Opens the data set that a user names: by an id, with or without a prefix, or as an object.

``'xquad-r'``, ``'hybrid:xquad-r'``, ``'irds:xquad-r'``, ``pt.get_dataset('hybrid:xquad-r')``,
``pt.get_dataset('irds:xquad-r')`` and ``ir_datasets.load('xquad-r')`` are the same data set everywhere in this package.
"""
from collections.abc import Iterable

import ir_datasets
import pyterrier as pt
from ir_datasets import Dataset
from pyterrier.datasets._irds import IRDSDataset  # PyTerrier exports it nowhere else

import datasets_ext
from datasets_ext.provider import HybridDataset, nearest
from datasets_ext.records import Query
from datasets_ext.shape import REGISTERED


class UnknownDataset(KeyError, ValueError):
    """There is no data set of this name."""

    def __str__(self) -> str:
        return str(self.args[0])  # KeyError shows the repr of the message


def irds_dataset(dataset: object) -> Dataset:
    """Returns the ir_datasets data set that a name, a data set, or PyTerrier's view of one stands for.

    Args:
        dataset: an id, of this package's first, then of ir_datasets'; after ``'hybrid:'`` of this package's alone,
            after ``'irds:'`` of ir_datasets' alone; an ir_datasets data set; or an object with ``irds_ref()``.

    Raises:
        UnknownDataset: no such id (a KeyError, and a ValueError).
        TypeError: something that is no data set.
    """
    if isinstance(dataset, str):
        return _by_id(dataset)
    if hasattr(dataset, 'irds_ref'):
        dataset = dataset.irds_ref()
    if not hasattr(dataset, 'has_queries'):
        raise TypeError(f'{dataset!r:.80} is not a data set of ir_datasets; give its id, such as "xquad-r/en", or what '
                        'pt.get_dataset or ir_datasets.load returns')  # fmt: skip
    return dataset


def open_dataset(dataset: object) -> pt.datasets.Dataset:
    """Returns PyTerrier's view of a data set, with the languages of questions and passages if it has any.

    Args:
        dataset: as for :func:`irds_dataset`; or another object with ``get_topics``, ``get_qrels`` and
            ``get_corpus_iter``, which is returned as it is.

    Raises:
        UnknownDataset, TypeError: as for :func:`irds_dataset`.
    """
    view = hasattr(dataset, 'get_topics') and hasattr(dataset, 'get_corpus_iter')
    if view and (isinstance(dataset, HybridDataset) or not isinstance(dataset, IRDSDataset)):
        return dataset
    found = irds_dataset(dataset)
    name = name_of(found)
    if REGISTERED.get(name) is found or (found.has_queries() and found.queries_cls() is Query):
        return HybridDataset(found, name)
    view = IRDSDataset.__new__(IRDSDataset)
    view._irds_id, view._irds_ref = name, found  # the constructor would load the id again
    return view


def name_of(dataset: object) -> str:
    """The id of a data set, or of PyTerrier's view of one, if it has one."""
    dataset = dataset.irds_ref() if hasattr(dataset, 'irds_ref') else dataset
    return dataset.dataset_id() if hasattr(dataset, 'dataset_id') else 'the data set given'


def in_languages(view: pt.datasets.Dataset, langs: Iterable[str]) -> tuple[pt.datasets.Dataset, list[str] | None]:
    """Narrows a data set to the passages in some languages, if each language has files of its own.

    Returns:
        The narrowed data set and all languages of its passages; or the data set unchanged and None.
    """
    ref = view.irds_ref() if isinstance(view, HybridDataset) else None
    pool = ref.docs_handler() if ref is not None and ref.has_docs() else None
    if not hasattr(pool, 'in_languages'):
        return view, None
    return HybridDataset(Dataset(pool.in_languages(langs), ref), name_of(view)), pool.languages


def _by_id(name: str) -> Dataset:
    datasets_ext.register()
    theirs, ours = name.removeprefix('irds:'), name.removeprefix('hybrid:')
    if theirs == name and ours in REGISTERED:
        return REGISTERED[ours]
    try:
        return ir_datasets.load(theirs)
    except KeyError:
        raise UnknownDataset(
            f'there is no data set {name!r:.80}; it is neither one of ir_datasets nor of this package '
            f'({nearest(theirs.removeprefix("hybrid:"))})'
        ) from None
