"""What was run, exactly: provenance and versions as nested lists of names and values."""
from collections.abc import Mapping

from .markup import element, text


def configuration(provenance: Mapping) -> str:
    """JSON values as markup: mappings become definition lists, in their order; short ones of numbers a line."""
    return _mapping(provenance)


def _mapping(values: Mapping) -> str:
    pairs = (element('dt', text(key)) + element('dd', _value(value)) for key, value in values.items())
    return element('dl', '\n'.join(pairs))


def _value(value: object) -> str:
    if isinstance(value, Mapping):
        if value and all(not isinstance(v, Mapping | list) for v in value.values()) and _is_counts(value):
            return text(', '.join(f'{key} {v:,}' for key, v in value.items()))
        return _mapping(value) if value else 'none'
    if isinstance(value, list | tuple):
        if any(isinstance(v, Mapping | list) for v in value):
            return element('ul', *(element('li', _value(v)) for v in value))
        return text(', '.join(map(str, value))) if value else 'none'
    if value is None:
        return 'none'
    return text({True: 'yes', False: 'no'}[value] if isinstance(value, bool) else value)


def _is_counts(values: Mapping) -> bool:
    return all(isinstance(v, int) and not isinstance(v, bool) for v in values.values())
