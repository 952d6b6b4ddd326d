"""Languages in this package: ISO 639-1 codes, and the columns that hold them.

Topics and runs carry the question's language in ``query_lang``; documents are indexed with ``lang``, which becomes
``doc_lang`` in a run (retrievers copy a topic's columns into the run, so a topic column must not be called ``lang``).
A language is never parsed out of an id.
"""
from collections.abc import Iterable

from datasets_ext.about import NAMES
from datasets_ext.checks import check_lang as check_language

__all__ = ['DOC_LANG', 'LANG', 'NAMES', 'QUERY_LANG', 'check_language', 'check_languages']

QUERY_LANG = 'query_lang'
DOC_LANG = 'doc_lang'
LANG = 'lang'


def check_languages(codes: str | Iterable[str] | None, known: Iterable[str], where: str) -> list[str] | None:
    """Checks a choice of languages against the ones there are.

    Args:
        codes: the chosen codes, or one code, or None for no restriction.
        known: the languages that exist.
        where: what is being restricted, for the message (``'the index at x.flex'``).

    Returns:
        The chosen codes, sorted and without repetition; None if ``codes`` is None.

    Raises:
        ValueError: a code that is not there, or an empty choice.
    """
    if codes is None:
        return None
    chosen = sorted({codes} if isinstance(codes, str) else set(codes))
    known = sorted(known)
    if not chosen:
        raise ValueError(f'no language chosen for {where}; give one or more of {", ".join(known)}, or None for all')
    missing = [c for c in chosen if c not in known]
    if missing:
        raise ValueError(f'{where} has no {", ".join(map(repr, missing))}; its languages are {", ".join(known)}')
    return chosen
