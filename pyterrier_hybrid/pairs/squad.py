"""Rows from SQuAD-format files that share question ids across languages."""
import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from datasets_ext import squad
from datasets_ext.checks import LeftOut
from pyterrier_hybrid.languages import check_language
from pyterrier_hybrid.pairs.jsonl import DAMAGED, Placed, open_unpacked

#: The most bytes of a decompressed file: a compressed one of a few KB may unpack to more than the memory holds.
_LARGEST = 1 << 31


def squad_rows(files: Mapping[str, str | os.PathLike], source: str, strict: bool = False) -> Iterator[Placed]:
    """Yields one row per question id, with every language that has it.

    Questions come in the order of the first file; those that only later files have follow. The arguments are those of
    ``ParallelPairs.from_squad``.
    """
    if not files:
        raise ValueError('no SQuAD-format file given; map each language to its file')
    questions: dict[str, dict[str, dict[str, str]]] = {}
    left_out = LeftOut(strict)
    for lang, path in files.items():
        check_language(lang, f'the file {path}')
        parsed = read_squad(path, lang, left_out)
        if not parsed.queries:
            raise ValueError(f'{path} has no question with an answer; leave {lang!r} out, or give another file for it')
        passages = {doc.doc_id: doc.text for doc in parsed.docs}
        for query in parsed.queries:
            row = questions.setdefault(query.query_id, {'query': {}, 'positive': {}})
            row['query'][lang] = query.query
            row['positive'][lang] = passages[parsed.answers[query.query_id]]
    left_out.warn(source, stacklevel=7)
    for number, (question, row) in enumerate(questions.items(), 1):
        yield 'question', number, {'id': question, 'source': source, **row}


def read_squad(path: str | os.PathLike, lang: str, left_out: LeftOut | None = None) -> squad.SquadFile:
    """Reads a SQuAD-format file of one language, as ``datasets_ext.squad.parse``; ``.gz`` and ``.xz`` are decompressed.

    Raises:
        FileNotFoundError: no file there.
        ValueError: a damaged file, or one that is not in SQuAD's format.
    """
    return squad.parse(_read(Path(path)), lang, str(path), left_out)


def _read(path: Path) -> bytes:
    if not path.is_file():
        raise FileNotFoundError(f'no SQuAD-format file at {path}')
    try:
        with open_unpacked(path) as file:
            data = file.read(_LARGEST)
    except DAMAGED as error:
        raise ValueError(f'{path} is damaged or cut off: {error}') from error
    if len(data) == _LARGEST:
        raise ValueError(f'{path} has more than {_LARGEST >> 30} GiB; it is no SQuAD-format file, or split it')
    return data
