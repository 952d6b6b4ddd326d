"""Checks of users' data: JSON, languages, texts and ids, with messages that say where the fault is.

A fault either raises an error, or is left out, counted and named in one warning (``LeftOut``).
"""
import json
import re
import reprlib
import warnings
from collections.abc import Iterable


class LeftOut:
    """Collects the faults of a file that a reader leaves out or corrects, for one warning.

    Args:
        strict: whether to raise an error for the first fault instead.
    """

    def __init__(self, strict: bool = False):
        self.strict = strict
        self.found: dict[str, list[str]] = {}

    def add(self, kind: str, name: str, refusal: str) -> None:
        """Notes a fault. ``name`` is an id or a place; ``kind`` says in the plural what is wrong.

        Raises:
            ValueError: ``refusal``, if reading is strict.
        """
        if self.strict:
            raise ValueError(refusal)
        self.found.setdefault(kind, []).append(name)

    def warn(self, where: str, stacklevel: int = 3) -> None:
        """Gives one warning of all faults, if there are any; by default at the line that called the caller."""
        if self.found:
            parts = '; '.join(f'{kind}: {len(names)} ({listed(names, 3)})' for kind, names in self.found.items())
            warnings.warn(f'{where} has faults, which are left out or corrected: {parts}. strict=True raises an error '
                          'instead', stacklevel=stacklevel)


class _Twice(ValueError):
    """A field occurs twice in one JSON object."""


def _fields(pairs: list[tuple[str, object]]) -> dict[str, object]:
    record = dict(pairs)
    if len(record) < len(pairs):
        names = [name for name, _ in pairs]
        raise _Twice(next(short(name) for n, name in enumerate(names) if name in names[:n]))
    return record


_DECODER = json.JSONDecoder(object_pairs_hook=_fields)


def parse_json(data: bytes | str, where: str) -> object:
    """Returns a JSON value. No object in it may have a field twice, since readers disagree on which one counts.

    Raises:
        ValueError: it is not JSON in UTF-8, or such an object; begins with ``where``.
    """
    try:
        return _DECODER.decode(data.decode('utf-8-sig') if isinstance(data, bytes) else data)
    except _Twice as error:
        raise ValueError(f'{where} has the field {error} twice in one object; leave one of them out') from None
    except RecursionError:
        raise ValueError(f'{where} is not readable: its JSON is nested too deeply') from None
    except ValueError as error:
        raise ValueError(f'{where} is not JSON ({error}); it may have been cut short') from error


def check_lang(code: object, where: str) -> str:
    """Returns ``code`` if it looks like a language code, otherwise raises a ``ValueError`` that names ``where``.

    It accepts any two or three lower-case letters (data may be in a language that no table here has), and refuses
    values that cannot be a code: a missing value, a name, another case.

    Args:
        code: the value found.
        where: the thing that has the code, for the message (``"document 'd1'"``).
    """
    if isinstance(code, str) and re.fullmatch('[a-z]{2,3}', code):
        return code
    raise ValueError(f'{where} has the language {short(code)}; a language is an ISO 639-1 code such as "de" or "en"')


def check_text(text: str, where: str, *, blank: bool = False) -> str:
    """Returns the text; raises a ``ValueError``, which begins with ``where``, if it is blank or cannot be UTF-8.

    (JSON can spell half a surrogate pair, which UTF-8 cannot have.) With ``blank``, a blank text is allowed.
    """
    if not blank and not text.strip():
        raise ValueError(f'{where} is empty')
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ValueError(f'{where} holds half a surrogate pair: {short(text)}') from None
    return text


def check_id(value: object, where: str) -> str:
    """Returns an id: a text without spaces, since spaces separate the columns of TREC files.

    A whole number, which some files have, becomes its digits.
    """
    text = str(value) if type(value) is int else value
    if not isinstance(text, str):
        raise ValueError(f'{where} is {short(value)}; it must be text or a whole number')
    if check_text(text, where).split() != [text]:
        raise ValueError(f'{where} is {short(text)}, which has a space; TREC files cannot hold such an id')
    return text


def check_unjudged(choice: str) -> None:
    """Raises a ``ValueError`` unless the choice for questions that nobody judged is 'drop' or 'keep'."""
    if choice not in ('drop', 'keep'):
        raise ValueError(f"unjudged={short(choice)} is no choice; questions that nobody judged are dropped ('drop') or "
                         f"kept ('keep')")


def short(value: object) -> str:
    """A value for a message, cut to 60 characters; an id may have megabytes."""
    if isinstance(value, str):
        shown = (repr if value[:60].isprintable() else ascii)(value[:60])
        return shown if len(value) < 60 and len(shown) <= 60 else f'{shown[:57]}...'
    shown = reprlib.repr(value)
    return shown if len(shown) <= 60 else f'{shown[:57]}...'


def listed(values: Iterable[str], limit: int = 8) -> str:
    """Texts for a message, sorted: the first few of them, each cut to 60 characters."""
    values = sorted(values)
    shown = (value if len(value) <= 60 and value.isprintable() else short(value) for value in values[:limit])
    return ', '.join(shown) + (f' and {len(values) - limit} more' if len(values) > limit else '')
