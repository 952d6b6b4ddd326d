"""``pt.get_dataset('hybrid:xquad-r/en')``: the data sets of this package in PyTerrier, with their languages.

It is found through the ``pyterrier.dataset_provider`` entry point, so no import is needed. Topics are ``qid, query,
query_lang``; qrels ``qid, docno, label, iteration, query_lang``, ``iteration`` being the language of the document;
documents ``docno, text, context, title, lang``. Unlike ``irds:``, it prints nothing about the extra columns.
"""
from collections.abc import Iterable

import pandas as pd
from ir_datasets import Dataset
from pyterrier.datasets import DatasetProvider
from pyterrier.datasets._irds import IRDSDataset  # PyTerrier exports it nowhere else

import datasets_ext
from datasets_ext.shape import REGISTERED


class HybridDataset(IRDSDataset):
    """One of the data sets of this package. It works like those of ``irds:``, and also keeps the languages.

    Args:
        dataset: an ir_datasets data set whose records know their languages, such as ``pooled_miracl`` returns.
        name: its id.
    """

    def __init__(self, dataset: Dataset, name: str):
        self._irds_id = name
        self._irds_ref = dataset

    def get_topics(self, variant: str | None = None) -> pd.DataFrame:
        """Returns the questions.

        Args:
            variant: ``'query'`` or None, which mean the same: the language is kept either way.

        Returns:
            Columns ``qid, query, query_lang``, all ``str``.

        Raises:
            NotImplementedError: the id has documents only, as ``xquad-r`` has.
        """
        self._check('topics', self.irds_ref().has_queries(), variant, 'query')
        queries = self.irds_ref().queries_iter()
        return pd.DataFrame(queries, columns=['qid', 'query', 'query_lang'])

    def get_qrels(self, variant: str | None = None) -> pd.DataFrame:
        """Returns the judgements.

        Args:
            variant: ``'relevance'`` or None, which mean the same.

        Returns:
            Columns ``qid, docno, label, iteration, query_lang``: ``label`` int64, the others ``str``; ``iteration`` is
            the document's language.

        Raises:
            NotImplementedError: the id has documents only, as ``xquad-r`` has, or judgements that are not public, as
                ``miracl-multi/test-a`` has.
        """
        self._check('qrels', self.irds_ref().has_qrels(), variant, 'relevance')
        qrels = self.irds_ref().qrels_iter()
        return pd.DataFrame(qrels, columns=['qid', 'docno', 'label', 'iteration', 'query_lang'])

    def _check(self, what: str, there: bool, variant: str | None, known: str) -> None:
        if not there and self.irds_ref().has_queries():
            raise NotImplementedError(f'hybrid:{self._irds_id} has no public judgements')
        if not there:
            below = [name for name, of in asking_over(self._irds_id).items() if what == 'topics' or of.has_qrels()]
            example = f'{self._irds_id}/en' if f'{self._irds_id}/en' in below else min(below, default='')
            raise NotImplementedError(f'hybrid:{self._irds_id} has documents only' + (
                f'; {what} come with the ids below it, as in hybrid:{example}' if example else ''))
        if variant not in (None, known):
            raise ValueError(f'hybrid:{self._irds_id} has no variant {variant!r} of its {what}; leave it out')

    def _describe_component(self, component: str) -> bool | None:
        """Whether ``pt.datasets.list_datasets`` shows a component as present; there is one variant of each."""
        return bool(super()._describe_component(component)) or None

    def info_url(self) -> None:
        """None: the data sets of this package are not on ir-datasets.com."""

    def __repr__(self) -> str:
        return f'HybridDataset({self._irds_id!r})'


class HybridDatasetProvider(DatasetProvider):
    """Serves the data sets that ``datasets_ext`` has registered, and no others."""

    def get_dataset(self, name: str) -> HybridDataset:
        """Returns a data set by its id, without ``hybrid:``.

        Raises:
            KeyError: there is no such id; names similar ones.
        """
        datasets_ext.register()
        if name not in REGISTERED:
            raise KeyError(f'there is no data set {name!r}; {nearest(name)}')
        return HybridDataset(REGISTERED[name], name)

    def list_dataset_names(self) -> Iterable[str]:
        """The ids of this package's data sets, without ``hybrid:``."""
        datasets_ext.register()
        return list(REGISTERED)


def asking_over(name: str) -> dict[str, Dataset]:
    """The data sets one level below a collection's id that ask questions over it, by id.

    ``xquad-r/en`` and the others are those of ``xquad-r``.
    """
    depth = name.count('/') + 1
    return {
        known: dataset for known, dataset in REGISTERED.items()
        if known.startswith(f'{name}/') and known.count('/') == depth and dataset.has_queries()
    }  # fmt: skip


def nearest(name: str) -> str:
    """Says which ids exist instead of an unknown one: continuations of its longest known beginning, or collections."""
    parts = name.split('/')
    for known in ('/'.join(parts[:n]) for n in range(len(parts) - 1, 0, -1)):
        after = sorted({i[len(known) + 1:].split('/')[0] for i in REGISTERED if i.startswith(f'{known}/')})
        if after:
            return f'{known} is followed by {", ".join(after)}'
    return f'ids begin with {", ".join(sorted({i.split("/")[0] for i in REGISTERED}))}'
