"""The settings of a multilingual collection."""
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from pyterrier_hybrid.experiment.frames import SETTING_KINDS


class Setting(NamedTuple):
    """Questions in one language over passages in one language, or in all (``doc_lang`` None)."""

    kind: str
    query_lang: str
    doc_lang: str | None

    def __str__(self) -> str:
        return f'questions in {self.query_lang} over passages in {self.doc_lang or "all languages"}'


def list_settings(
    query_langs: Iterable[str], doc_langs: Iterable[str], kinds: Sequence[str] = SETTING_KINDS
) -> list[Setting]:
    """The settings: of the same n languages n monolingual, n(n-1) cross-lingual and n multilingual ones.

    Args:
        query_langs: the questions' languages.
        doc_langs: the passages' languages.
        kinds: which of ``'monolingual'``, ``'crosslingual'``, ``'multilingual'``.

    Raises:
        ValueError: an unknown kind, or none.
    """
    kinds = [kinds] if isinstance(kinds, str) else list(kinds)
    unknown = [kind for kind in kinds if kind not in SETTING_KINDS]
    if unknown or not kinds:
        found = ', '.join(map(repr, unknown)) or 'none'
        raise ValueError(f'settings are some of {", ".join(SETTING_KINDS)}, not {found}')
    query_langs, doc_langs = list(query_langs), list(doc_langs)
    every = [Setting('monolingual' if q == d else 'crosslingual', q, d) for q in query_langs for d in doc_langs]
    every += [Setting('multilingual', q, None) for q in query_langs]
    return [setting for setting in every if setting.kind in kinds]
