"""The folder of a page's figures: it holds those of the page as it is now, and what is not ours stays in it.

A manifest in the folder says which files a report wrote, by a digest of their content. What an earlier report left over
is deleted; a file that no report wrote, or that was changed since, is never deleted and never written over.
"""
import hashlib
import json
from collections.abc import Mapping
from pathlib import Path

MANIFEST = 'manifest.json'


class FigureFiles:
    """The figures of a page, to be written beside it.

    First :meth:`write`, then the page, then :meth:`clean`: a page never lacks a figure, and after a crash at any moment
    the manifest names whatever was written.

    Args:
        page: the page's path; the folder is ``<its name>_figures``.
        files: the files' content, by name.

    Raises:
        FileExistsError: the folder is another page's, or holds a file under the name of a figure that no report wrote.
        ValueError: a damaged manifest.
    """

    def __init__(self, page: Path, files: Mapping[str, bytes]):
        self.folder = page.with_name(f'{page.stem}_figures')
        self._page, self._files = page.name, files
        self._known = self._read()
        for name, content in files.items():
            path = self.folder / name
            if path.exists() and not self._is_ours(name) and not (path.is_file() and path.read_bytes() == content):
                raise FileExistsError(
                    f'{path} was not written by a report, or was changed since; move it away, or give the page another '
                    'name'
                )

    def write(self) -> None:
        """Writes the figures, and before them the manifest of these and the earlier ones."""
        if not self._files:
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        digests = {name: _digest(content) for name, content in self._files.items()}
        both = {name: [*self._known.get(name, []), digests[name]] for name in digests}
        self._keep({**self._known, **both})
        for name, content in self._files.items():
            (self.folder / name).write_bytes(content)

    def clean(self) -> None:
        """Deletes what an earlier report left over; the folder too, if that was all."""
        leftovers = [name for name in self._known if name not in self._files and self._is_ours(name)]
        for name in leftovers:
            (self.folder / name).unlink()
        if self._files:
            self._keep({name: [_digest(content)] for name, content in self._files.items()})
        elif self._known:
            (self.folder / MANIFEST).unlink()
            if not any(self.folder.iterdir()):
                self.folder.rmdir()

    def _is_ours(self, name: str) -> bool:
        """Whether a file is as a report wrote it."""
        path = self.folder / name
        return name in self._known and path.is_file() and _digest(path.read_bytes()) in self._known[name]

    def _read(self) -> dict[str, list[str]]:
        """The digests of what was written before, by file name."""
        path = self.folder / MANIFEST
        if not path.exists():
            return {}
        try:
            record = json.loads(path.read_text(encoding='utf-8'))
            page, known = record['page'], {name: list(digests) for name, digests in record['files'].items()}
        except (ValueError, KeyError, TypeError, AttributeError):
            raise ValueError(f'{path} is damaged; move the folder away, and write the report again') from None
        if page != self._page:
            raise FileExistsError(f'{self.folder} holds the figures of {page}; give this page another name')
        if any(Path(name).name != name for name in known):
            raise ValueError(f'{path} names files outside of its folder; move the folder away')
        return known

    def _keep(self, digests: Mapping[str, list[str]]) -> None:
        record = {'page': self._page, 'files': dict(sorted(digests.items()))}
        replace_file(self.folder / MANIFEST, json.dumps(record, indent=1) + '\n')


def replace_file(path: Path, content: str) -> None:
    """Writes a text file in one step: a reader sees the old one or the new one."""
    partial = path.with_name(f'{path.name}.partial')
    partial.write_text(content, encoding='utf-8')
    partial.replace(path)


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
