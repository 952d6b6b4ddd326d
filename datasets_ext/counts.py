"""Counts of documents, questions and judgements: shipped with the package, or computed from the data.

``data/counts/<collection>.json`` holds what is known without reading anything, in the form of ir_datasets' own
``etc/metadata.json`` (id -> entity -> ``count`` and ``fields``; ``_ref`` points to an id with the same documents), one
line an id. ``write`` makes it anew from the data.
"""
import json
from collections.abc import Mapping
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from ir_datasets import EntityType
from ir_datasets.datasets.base import Dataset
from ir_datasets.util import MetadataProvider


@lru_cache(None)
def _all() -> dict[str, dict[str, Any]]:
    tables = sorted(files(__package__).joinpath('data', 'counts').iterdir(), key=lambda table: table.name)
    return {key: value for table in tables for key, value in json.loads(table.read_bytes()).items()}


def shipped() -> MetadataProvider:
    """The counts in ``data/counts``, read when one is first asked for."""
    return MetadataProvider(_all)


class Computed(MetadataProvider):
    """Counts computed from the records, each when it is first asked for.

    Args:
        datasets: id -> data set.
    """

    def __init__(self, datasets: Mapping[str, Dataset]):
        self._datasets = datasets
        self._known = {}

    def get_metadata(self, dsid: str, entity_type: EntityType) -> dict[str, Any]:
        """The count of one entity of one data set, with the fields that ir_datasets keeps."""
        entity = EntityType(entity_type).value
        handler = getattr(self._datasets[dsid], f'{entity}_handler')()
        if handler not in self._known:
            self._known[handler] = getattr(handler, f'{entity}_calc_metadata')(verbose=False)
        return self._known[handler]


def measure(datasets: Mapping[str, Dataset]) -> dict[str, dict[str, Any]]:
    """Computes, from the records themselves, what ``data/counts`` says of these data sets.

    Args:
        datasets: id -> data set; documents that several share are counted once, at the first.
    """
    computed, first, result = Computed(datasets), {}, {}
    for dataset_id, dataset in datasets.items():
        entities = [entity for entity in EntityType if dataset.has(entity)]
        result[dataset_id] = {entity.value: computed.get_metadata(dataset_id, entity) for entity in entities}
        shared = first.setdefault(dataset.docs_handler(), dataset_id)
        if shared != dataset_id:
            result[dataset_id]['docs'] = {'_ref': shared}
    return result


def write(collection: str, folder: Path) -> None:
    """Measures all ids of a registered collection and writes ``folder/<collection>.json``."""
    from datasets_ext.shape import REGISTERED

    measured = measure({key: value for key, value in REGISTERED.items() if key.split('/')[0] == collection})
    lines = ',\n'.join(f'{json.dumps(key)}: {json.dumps(value)}' for key, value in measured.items())
    (folder / f'{collection}.json').write_text(f'{{\n{lines}\n}}\n')
