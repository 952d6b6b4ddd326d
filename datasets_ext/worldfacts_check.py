"""Proof that a worldfacts lexicon has no hole: every cell has a translation, every name means one thing.

Each problem is one sentence that names the file, the language and the id.
"""
import re
import unicodedata
from collections.abc import Iterator
from string import Formatter

from datasets_ext.worldfacts_lexicon import Lexicon, Wordings

_ID = re.compile(r'[a-z]+\.[a-z0-9]+(-[a-z0-9]+)*')
_PLACEHOLDERS = {'ask': ['entity'], 'state': ['entity', 'value']}
_SHOWN = 25


def check(lexicon: Lexicon) -> Lexicon:
    """Returns the lexicon if nothing is wrong with it.

    Raises:
        ValueError: lists what is wrong, at most 25 problems and the number of the others.
    """
    found = problems(lexicon)
    if found:
        more = [f'and {len(found) - _SHOWN} more'] if len(found) > _SHOWN else []
        raise ValueError('\n- '.join(['the worldfacts lexicon has holes; mend these files:', *found[:_SHOWN], *more]))
    return lexicon


def problems(lexicon: Lexicon) -> list[str]:
    """Everything that is wrong with a lexicon, one sentence each, in the order of the files.

    Checked are: ids and their types; that symmetric facts agree from both sides; that in each language every id has a
    name, no two have the same, and none is unknown; that every relation has at least two wordings of each kind, as
    many in every language, none repeated, each with its placeholders and no other.
    """
    if not lexicon.names:
        return ['names has no <lang>.yaml: worldfacts needs at least one language']
    found = list(_in_facts(lexicon))
    ids = {*lexicon.facts, *(v for cells in lexicon.facts.values() for values in cells.values() for v in values)}
    first = min(lexicon.names)
    for lang in sorted(lexicon.names):
        found += _in_names(f'names/{lang}.yaml', lang, lexicon.names[lang], ids)
        found += _in_wordings(f'wordings/{lang}.yaml', lang, lexicon.wordings[lang], lexicon.relations)
        for relation in lexicon.wordings[lang].keys() & lexicon.wordings[first].keys():
            counts = [tuple(map(len, lexicon.wordings[one][relation])) for one in (lang, first)]
            if counts[0] != counts[1]:
                found.append(f'wordings/{lang}.yaml: {relation} has {counts[0][0]} to ask and {counts[0][1]} to state '
                             f'in {lang}, but {counts[1][0]} and {counts[1][1]} in {first}; they must be as many')
    return found


def _in_facts(lexicon: Lexicon) -> Iterator[str]:
    relations, facts = lexicon.relations, lexicon.facts
    for entity, cells in facts.items():
        for relation, values in cells.items():
            cell = f'facts.yaml: {entity}, {relation}'
            if relation not in relations:
                yield f'{cell}: there is no such relation; relations are {", ".join(relations)}'
                continue
            of, kind, symmetric = relations[relation]
            if not _ID.fullmatch(entity) or entity.partition('.')[0] != of:
                yield f'{cell}: the entity must have an id of the form {of}.lower-case-name'
            for value in values:
                if not _ID.fullmatch(value) or value.partition('.')[0] != kind or value == entity:
                    yield f'{cell}: {value} must be the id of another thing, of the form {kind}.lower-case-name'
                elif symmetric and entity not in facts.get(value, {}).get(relation, (entity,)):
                    yield f'{cell}: {value} is there, but {value}, {relation} does not have {entity}'
            if len(set(values)) < len(values):
                yield f'{cell}: a value is there twice'
    used = {relation for cells in facts.values() for relation in cells}
    yield from (f'facts.yaml: relation {relation} has no facts' for relation in relations if relation not in used)


def _in_names(file: str, lang: str, names: dict[str, str], ids: set[str]) -> Iterator[str]:
    yield from (f'{file}: {key} has no name in {lang}' for key in sorted(ids - names.keys()))
    yield from (f'{file}: {key} is named in {lang} but occurs in no fact' for key in sorted(names.keys() - ids))
    owners = {}
    for key, name in names.items():
        if not name.strip() or name != ' '.join(name.split()) or set(name) & set('{}'):
            yield f'{file}: {key} is called {name!r} in {lang}; a name is not blank, has single spaces and no braces'
        same = owners.setdefault(unicodedata.normalize('NFKC', name).casefold(), key)
        if same != key:
            yield f'{file}: {same} and {key} are both called {name!r} in {lang}; give one its fuller name'


def _in_wordings(file: str, lang: str, wordings: dict[str, Wordings], relations: dict) -> Iterator[str]:
    yield from (f'{file}: {relation} has no wordings in {lang}' for relation in relations if relation not in wordings)
    owners = {}
    for relation, templates in wordings.items():
        if relation not in relations:
            yield f'{file}: {relation} is worded in {lang}, but facts.yaml has no such relation'
        for part, placeholders in _PLACEHOLDERS.items():
            if len(getattr(templates, part)) < 2:
                yield f'{file}: {relation} has fewer than 2 wordings to {part} in {lang}'
            for number, template in enumerate(getattr(templates, part)):
                where = f'{file}: {relation}, {part} {number} in {lang}'
                if _placeholders(template) != placeholders:
                    yield f'{where} must have {" and ".join(f"{{{p}}}" for p in placeholders)} once each: {template!r}'
                same = owners.setdefault(template, where)
                if same != where:
                    yield f'{where} repeats {same}: {template!r}'


def _placeholders(template: str) -> list[str] | None:
    """The names in braces, sorted; None where braces do not match or hold more than a name."""
    try:
        parts = list(Formatter().parse(template))
    except ValueError:
        return None
    fields = [(name, spec, conversion) for _, name, spec, conversion in parts if name is not None]
    return None if any(spec or conversion for _, spec, conversion in fields) else sorted(name for name, *_ in fields)
