"""The metadata of ids: counts of documents, questions and judgements, and documentation.

Both are in ir_datasets' own forms, and are read when they are first asked for. ``data/counts/<collection>.json`` holds
the counts, so that no data has to be read for them, one line an id. It has the form of ir_datasets'
``etc/metadata.json``: id -> entity -> ``count`` and ``fields``; ``_ref`` points to an id with the same documents.
``write_counts`` makes it anew from the data.
``data/docs/<collection>.yaml`` has, per id, a ``desc`` in HTML with its links and licence, and ``bibtex_ids``;
``pretty_name`` under ``_``. Ids that differ only in their languages share an entry: ``ql``, ``ql/ql`` or ``ql/dl``,
with ``{ql}`` and ``{dl}`` for the languages' names.
"""
import json
import pkgutil
from collections.abc import Mapping
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from ir_datasets import EntityType
from ir_datasets.datasets.base import Dataset, YamlDocumentation
from ir_datasets.lazy_libs import yaml
from ir_datasets.util import MetadataProvider

#: ISO 639-1 code -> English name: the 18 languages of MIRACL, those of XQuAD-R, MLQA-R and mMARCO.
NAMES = {
    'ar': 'Arabic', 'bn': 'Bengali', 'de': 'German', 'el': 'Greek', 'en': 'English', 'es': 'Spanish', 'fa': 'Persian',
    'fi': 'Finnish', 'fr': 'French', 'hi': 'Hindi', 'id': 'Indonesian', 'it': 'Italian', 'ja': 'Japanese',
    'ko': 'Korean', 'nl': 'Dutch', 'pt': 'Portuguese', 'ru': 'Russian', 'sw': 'Swahili', 'te': 'Telugu', 'th': 'Thai',
    'tr': 'Turkish', 'vi': 'Vietnamese', 'yo': 'Yoruba', 'zh': 'Chinese',
}  # fmt: skip
SPLITS = ('train', 'dev', 'test-a', 'test-b')


@lru_cache(None)
def _all_counts() -> dict[str, dict[str, Any]]:
    tables = sorted(files(__package__).joinpath('data', 'counts').iterdir(), key=lambda table: table.name)
    return {key: value for table in tables for key, value in json.loads(table.read_bytes()).items()}


def shipped() -> MetadataProvider:
    """Returns the counts in ``data/counts``, read when one is first asked for."""
    return MetadataProvider(_all_counts)


class Computed(MetadataProvider):
    """Counts of data sets, by id; each is computed from the records when it is first asked for."""

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


def write_counts(collection: str, datasets: Mapping[str, Dataset], folder: Path) -> None:
    """Counts the records of a collection and writes ``folder/<collection>.json``.

    Args:
        collection: its name.
        datasets: id -> data set, such as ``datasets_ext.shape.REGISTERED``; other collections are left out.
            Documents that several ids share are counted once, at the first.
        folder: ``data/counts``.
    """
    mine = {key: value for key, value in datasets.items() if key.split('/')[0] == collection}
    computed, first, lines = Computed(mine), {}, []
    for key, dataset in mine.items():
        entry = {entity.value: computed.get_metadata(key, entity) for entity in EntityType if dataset.has(entity)}
        shared = first.setdefault(dataset.docs_handler(), key)
        if shared != key:
            entry['docs'] = {'_ref': shared}
        lines.append(f'{json.dumps(key)}: {json.dumps(entry)}')
    (folder / f'{collection}.json').write_text('{\n' + ',\n'.join(lines) + '\n}\n')


class Documentation(YamlDocumentation):
    """The entries of ``data/docs/<name>.yaml``, a collection's, read when one is first asked for."""

    def __init__(self, name: str):
        super().__init__(f'data/docs/{name}.yaml')

    def get_key(self, key: str) -> dict[str, str | list[str]] | None:
        """The entry of an id: '_', ``<ql>`` or ``<ql>/<dl>``, or one that is written out in the file."""
        if self._contents is None:
            self._contents = yaml().load(pkgutil.get_data(__package__, self._file), Loader=yaml().BaseLoader)
        if key in self._contents:
            return self._contents[key]
        values, pattern = {}, []
        for part in key.split('/'):
            kind = 'split' if part in SPLITS else 'ql' if 'ql' not in values else 'dl'
            if part in SPLITS or part in NAMES:
                values[kind] = NAMES.get(part, part)
            pattern.append(kind if part in NAMES or part in SPLITS else part)
        if values.get('ql') == values.get('dl'):
            pattern = ['ql' if part == 'dl' else part for part in pattern]
        entry = self._contents.get('/'.join(pattern))
        if entry is None:
            return None
        desc = entry['desc']
        for kind, value in values.items():
            desc = desc.replace(f'{{{kind}}}', value)
        return {**entry, 'desc': desc}
