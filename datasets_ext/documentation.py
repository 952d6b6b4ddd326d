"""Documentation of the data sets, in ir_datasets' own YAML form.

``data/docs/<name>.yaml`` has what the files in ir_datasets' ``docs`` folder have: per id a ``desc`` in HTML, with its
links and licence, and ``bibtex_ids``; ``pretty_name`` under ``_``. Ids that differ only in their languages are not
written out: ``ql``, ``ql/ql`` and ``ql/dl`` stand for them, with ``{ql}`` and ``{dl}`` for the languages' names.
"""
import pkgutil

from ir_datasets.datasets.base import YamlDocumentation
from ir_datasets.lazy_libs import yaml

NAMES = {
    'ar': 'Arabic', 'bn': 'Bengali', 'de': 'German', 'el': 'Greek', 'en': 'English', 'es': 'Spanish', 'fa': 'Persian',
    'fi': 'Finnish', 'fr': 'French', 'hi': 'Hindi', 'id': 'Indonesian', 'it': 'Italian', 'ja': 'Japanese',
    'ko': 'Korean', 'nl': 'Dutch', 'pt': 'Portuguese', 'ru': 'Russian', 'sw': 'Swahili', 'te': 'Telugu', 'th': 'Thai',
    'tr': 'Turkish', 'vi': 'Vietnamese', 'yo': 'Yoruba', 'zh': 'Chinese',
}  # fmt: skip
SPLITS = ('train', 'dev', 'test-a', 'test-b')


class Documentation(YamlDocumentation):
    """The entries of ``data/docs/<name>.yaml``, read when one is first asked for.

    Args:
        name: the collection.
    """

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
