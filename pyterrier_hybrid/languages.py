"""Languages as this package speaks of them: ISO 639-1 codes, and the columns that carry them.

Topics and runs carry the question's language in ``query_lang``; documents are indexed with ``lang``, which becomes
``doc_lang`` in a run (retrievers copy a topic's columns into the run, so a topic column must not be called ``lang``).
A language is never parsed out of an id.
"""
from collections.abc import Iterable

QUERY_LANG = 'query_lang'
DOC_LANG = 'doc_lang'
LANG = 'lang'

#: ISO 639-1 code -> English name: the 18 languages of MIRACL, those of XQuAD-R, MLQA-R and mMARCO.
NAMES = {
    'ar': 'Arabic', 'bn': 'Bengali', 'de': 'German', 'el': 'Greek', 'en': 'English', 'es': 'Spanish', 'fa': 'Persian',
    'fi': 'Finnish', 'fr': 'French', 'hi': 'Hindi', 'id': 'Indonesian', 'it': 'Italian', 'ja': 'Japanese',
    'ko': 'Korean', 'nl': 'Dutch', 'pt': 'Portuguese', 'ru': 'Russian', 'sw': 'Swahili', 'te': 'Telugu', 'th': 'Thai',
    'tr': 'Turkish', 'vi': 'Vietnamese', 'yo': 'Yoruba', 'zh': 'Chinese',
}  # fmt: skip


def check_language(code: object, where: str) -> str:
    """Returns ``code`` if it looks like a language code, otherwise raises a ``ValueError`` that names ``where``.

    Any two- or three-letter lower-case code is accepted (a user's data may be in a language this package has no table
    for); what is refused is what is surely not one: a missing value, a name, another case.

    Args:
        code: the value found.
        where: what carried it, for the message (``"document 'd1'"``).
    """
    if isinstance(code, str) and 2 <= len(code) <= 3 and code.isascii() and code.isalpha() and code.islower():
        return code
    raise ValueError(f'{where} has the language {code!r:.80}; a language is an ISO 639-1 code such as "de" or "en"')


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
