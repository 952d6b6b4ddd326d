"""Parallel pairs: the corpus that training draws its batches from."""
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from pyterrier_hybrid.digests import check_contents, check_sizes
from pyterrier_hybrid.files import read_whole
from pyterrier_hybrid.pairs.base import BasePairs
from pyterrier_hybrid.pairs.describing import PairsDescription, describe_sources
from pyterrier_hybrid.pairs.identity import HASHES, KnownNegatives
from pyterrier_hybrid.pairs.importing import import_pairs
from pyterrier_hybrid.pairs.irds import irds_rows
from pyterrier_hybrid.pairs.jsonl import Placed, jsonl_files, read_jsonl
from pyterrier_hybrid.pairs.manifest import MANIFEST, REMEDY, read_manifest
from pyterrier_hybrid.pairs.source import Source
from pyterrier_hybrid.pairs.squad import squad_rows


class ParallelPairs(BasePairs):
    """Queries and passages in several languages, or texts and their translations, in a folder on disk.

    The folder has a memory-mapped table for each source and a manifest, written last. Opening it reads the manifest
    and maps the files, so it takes no longer for 40 million rows than for 40. If the folder is replaced, opened pairs
    stay as they were.

    Example::

        pairs = ParallelPairs.from_jsonl('data/train', 'runs/pairs')
        pairs = ParallelPairs('runs/pairs')        # from then on
        print(pairs.describe())
        pairs['mkqa'].texts('query', [0, 7], ['de', 'en'])
    """

    def __init__(self, folder: str | os.PathLike):
        """Opens a folder that ``from_jsonl``, ``from_rows``, ``from_irds`` or ``from_squad`` has written.

        Raises:
            FileNotFoundError: no pairs at ``folder``, or a file of them is missing.
            ValueError: a manifest of another format, or a file that is damaged, as far as its size and structure show;
                :meth:`verify` shows all damage.
        """
        self.folder = Path(folder).absolute()
        self._manifest, sources, self._known = read_whole(self.folder, MANIFEST, self._open)
        super().__init__(sources)

    def _open(self) -> tuple[dict, list[Source], KnownNegatives | None]:
        manifest = read_manifest(self.folder)
        check_sizes(self.folder, manifest['files'], REMEDY)
        known = KnownNegatives(self.folder) if HASHES in manifest['files'] else None
        return manifest, [Source(self.folder, entry) for entry in manifest['sources']], known

    @classmethod
    def from_jsonl(
        cls,
        sources: str | os.PathLike | Iterable[str | os.PathLike],
        folder: str | os.PathLike,
        *,
        derive: Callable[[Iterable[Mapping]], Iterable[Mapping]] | None = None,
        overwrite: bool = False,
        verbose: bool = True,
    ) -> 'ParallelPairs':
        """Imports JSON lines in the interchange format (see :mod:`~pyterrier_hybrid.pairs.rows`).

        A row that repeats an earlier one (same source, id and content) is skipped and counted.

        Args:
            sources: one path or several: files, plain or compressed (``.gz``, ``.xz``), or folders of
                ``*.jsonl[.gz|.xz]``.
            folder: where the pairs go.
            derive: makes further rows out of each row, such as :func:`inverse_cloze`; messages about them name the
                line they were made from.
            overwrite: replace a pairs folder that is there; it stays in place until the new one is complete.
            verbose: show a progress bar.

        Raises:
            FileNotFoundError: a path that does not exist, or a folder with no such file.
            FileExistsError: ``folder`` exists.
            ValueError: a malformed line, an id used twice with different content, or no row at all; names the file and
                the line. Nothing is left behind.
        """
        placed = read_jsonl(jsonl_files(sources))
        if derive is not None:
            placed = _with_derived(placed, derive)
        return cls._imported(lambda _: placed, folder, overwrite, verbose)

    @classmethod
    def from_rows(
        cls, rows: Iterable[Mapping], folder: str | os.PathLike, *, overwrite: bool = False, verbose: bool = True
    ) -> 'ParallelPairs':
        """Imports rows of the interchange format from memory or a generator; otherwise as ``from_jsonl``.

        Messages count the rows from 1.
        """
        placed = (('row', number, row) for number, row in enumerate(rows, 1))
        return cls._imported(lambda _: placed, folder, overwrite, verbose)

    @classmethod
    def from_irds(
        cls,
        datasets: Iterable[str | Mapping[str, str]],
        folder: str | os.PathLike,
        *,
        strict: bool = False,
        overwrite: bool = False,
        verbose: bool = True,
    ) -> 'ParallelPairs':
        """Imports the judged pairs of ir_datasets' training sets: a question and each of its relevant passages.

        Example::

            from pyterrier_hybrid.pairs.irds import MMARCO, MR_TYDI

            ParallelPairs.from_irds([MMARCO['en'], MMARCO['de'], MR_TYDI['ar']], 'runs/pairs')

        Args:
            datasets: ids. Those of MS MARCO and mMARCO with the same split are translations of each other: they become
                one source, joined on question and passage ids. Every other id is a source of its own, in the language
                that ir_datasets states; a mapping ``{lang: id}`` states it, and joins several into one source. Where
                ir_datasets states two, as of WikiCLIR, questions are in the one and passages in the other.
            folder, overwrite, verbose: as in ``from_jsonl``.
            strict: refuse a judgement of a question or passage that has no text. By default it is left out, and one
                warning counts and names such judgements.

        Raises:
            ValueError: a data set of unknown language, without judgements, questions or passages; two for one language.
        """
        return cls._imported(lambda aside: irds_rows(datasets, aside, strict, verbose), folder, overwrite, verbose)

    @classmethod
    def from_squad(
        cls,
        files: Mapping[str, str | os.PathLike],
        folder: str | os.PathLike,
        *,
        source: str = 'squad',
        strict: bool = False,
        overwrite: bool = False,
        verbose: bool = True,
    ) -> 'ParallelPairs':
        """Imports SQuAD-format files, one per language, joined on their question ids.

        The passage is the paragraph, or the sentence with the answer where a file has ``sentence_breaks`` (LAReQA's
        files). Questions that are marked impossible are left out. The files are read whole.

        Args:
            files: language to path; ``.gz`` and ``.xz`` are decompressed.
            folder, overwrite, verbose: as in ``from_jsonl``.
            source: the name of the source.
            strict: refuse faults of a file, such as an answer that is not in its paragraph. By default, what is wrong
                is left out, and one warning counts and names it.

        Raises:
            FileNotFoundError: a path that does not exist.
            ValueError: a file that is not in SQuAD's format; names the file and the place in it.
        """
        return cls._imported(lambda _: squad_rows(files, source, strict), folder, overwrite, verbose)

    @classmethod
    def _imported(cls, read: Callable, folder, overwrite: bool, verbose: bool) -> 'ParallelPairs':
        import_pairs(read, folder, overwrite=overwrite, verbose=verbose)
        return cls(folder)

    @property
    def fingerprint(self) -> str:
        """32 hex digits of the content: every text, id and passage, and the place of every row in its table.

        It is that of the import; :meth:`verify` checks that the files have not changed since.
        """
        return self._manifest['fingerprint']

    def __repr__(self) -> str:
        return f'ParallelPairs({str(self.folder)!r}: {len(self):,} rows, {len(self._sources)} sources)'

    def __reduce__(self):
        return _reopened, (self.folder, self.fingerprint)

    def negative_passages(self, texts: Sequence[str]) -> np.ndarray:
        """The passages that have the same text as given negatives.

        Args:
            texts: n given negatives, of any rows.

        Returns:
            int64 (n,): numbers as in a source's ``passage_ids``; -1 for a text that no row has.
        """
        return np.full(len(texts), -1) if self._known is None else self._known.passages(texts)

    def verify(self) -> None:
        """Reads all files and checks that none has changed since the import, which takes about a second for each GB.

        Opening only checks the sizes. ``train`` verifies its pairs: a run that resumes on other texts is another run.

        Raises:
            FileNotFoundError: a file is missing.
            ValueError: a file has changed; names it.
        """
        check_contents(self.folder, self._manifest['files'], REMEDY)

    def describe(self) -> PairsDescription:
        """Statistics, as data frames: pairs per source and language, coverage matrix, lengths. No text is read."""
        return describe_sources(self._manifest['sources'], self._manifest['repeated_rows_skipped'])


def _reopened(folder: Path, fingerprint: str) -> ParallelPairs:
    pairs = ParallelPairs(folder)
    if pairs.fingerprint != fingerprint:
        raise ValueError(f'the pairs at {folder} have been replaced while they were in use; open them again')
    return pairs


def _with_derived(placed: Iterable[Placed], derive: Callable) -> Iterator[Placed]:
    """Yields each row, then the rows derived from it. The importer checks a row before it asks for the next one."""
    for label, number, row in placed:
        yield label, number, row
        yield from ((label, number, further) for further in derive([row]))
