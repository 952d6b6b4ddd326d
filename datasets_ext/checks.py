"""Checks of what users bring: languages and texts, with messages that say where the fault is."""
import re
from collections.abc import Iterable


def check_lang(code: object, where: str) -> str:
    """Returns a language code, or raises a ``ValueError`` that names ``where`` it stands.

    Any ISO 639-1 or 639-3 code is taken: two or three lower-case letters.
    """
    if isinstance(code, str) and re.fullmatch('[a-z]{2,3}', code):
        return code
    raise ValueError(f'{where} has the language {code!r}; a language is an ISO 639-1 code such as "de" or "en"')


def check_text(text: str, where: str, *, blank: bool = False) -> str:
    """Returns a text that can be written as UTF-8 (JSON can spell half a surrogate pair) and is not blank.

    Args:
        text: the text found.
        where: the field it stands in, for the message.
        blank: whether it may be blank.

    Raises:
        ValueError: it is neither.
    """
    if not blank and not text.strip():
        raise ValueError(f'{where} is empty')
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ValueError(f'{where} holds half a surrogate pair: {short(text)}') from None
    return text


def check_id(text: str, where: str) -> str:
    """Returns an id: a text without spaces, since TREC files separate their columns by them."""
    if check_text(text, where).split() != [text]:
        raise ValueError(f'{where} is {short(text)}, which has a space; TREC files cannot hold such an id')
    return text


def short(value: object) -> str:
    """A value for a message, cut to 60 characters."""
    shown = ascii(value) if isinstance(value, str) and not value.isprintable() else repr(value)
    return shown if len(shown) <= 60 else f'{shown[:57]}...'


def listed(values: Iterable[str], limit: int = 8) -> str:
    """Values for a message, the first few of them."""
    values = sorted(values)
    return ', '.join(values[:limit]) + (f' and {len(values) - limit} more' if len(values) > limit else '')
