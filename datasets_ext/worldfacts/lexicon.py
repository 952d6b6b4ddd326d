"""The lexicon of worldfacts: facts written in ids, and the names and wordings of every language.

``facts.yaml`` has the relations, and entity -> relation -> value or list of all values. ``names/<lang>.yaml`` names
every id, grouped by type; ``wordings/<lang>.yaml`` has, per relation, ways to ask (``ask``) and to state (``state``).
The languages are those that have a file in ``names``. ``read`` refuses what is malformed, ``check`` what is missing or
contradicts itself.
"""
import re
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from string import Formatter
from typing import NamedTuple

import yaml

#: The lexicon that comes with the package.
SHIPPED = Path(__file__).parents[1] / 'data' / 'worldfacts'

_ID = re.compile(r'[a-z]+\.[a-z0-9]+(-[a-z0-9]+)*')
_PLACEHOLDERS = {'ask': ['entity'], 'state': ['entity', 'value']}
_SHOWN = 25


class Relation(NamedTuple):
    """What a relation relates.

    Attributes:
        of: the type of its entities, which is what their ids begin with.
        value: the type of its values.
        symmetric: whether a fact read backwards is the same fact.
        follows: (relation to the entity, relation of that entity) from which the value follows, or None. The currency
            of a city follows (capital, currency): it is the currency of the country whose capital the city is.
    """

    of: str
    value: str
    symmetric: bool = False
    follows: tuple[str, str] | None = None


class Wordings(NamedTuple):
    """The templates of a relation in one language: ``ask`` with ``{entity}``, ``state`` with ``{value}`` as well."""

    ask: tuple[str, ...]
    state: tuple[str, ...]


Cell = tuple[str, str]


class Lexicon(NamedTuple):
    """All of worldfacts. Order is that of the files, and decides the numbers in document ids.

    A *cell* is an (entity, relation), a *fact* one of its values.

    Attributes:
        relations: name -> what it relates.
        facts: entity -> relation -> all values.
        names: language -> id -> name.
        wordings: language -> relation -> templates.
    """

    relations: dict[str, Relation]
    facts: dict[str, dict[str, tuple[str, ...]]]
    names: dict[str, dict[str, str]]
    wordings: dict[str, dict[str, Wordings]]

    def cells(self) -> list[Cell]:
        """All (entity, relation), in order."""
        return [(entity, relation) for entity, row in self.facts.items() for relation in row]

    def fact_id(self, entity: str, relation: str, value: str) -> str:
        """The name of a fact; one of a symmetric relation has the same name from both sides."""
        ends = sorted((entity, value)) if self.relations[relation].symmetric else (entity, value)
        return f'{ends[0]}|{relation}|{ends[1]}'

    def linked(self) -> Iterator[tuple[Cell, Cell]]:
        """Yields the pairs of cells that have the same values because one follows from the other."""
        for relation, (_, _, _, follows) in self.relations.items():
            via, same = follows or (None, None)
            for entity, row in self.facts.items() if follows else ():
                for other in row.get(via, ()) if same in row else ():
                    if relation in self.facts.get(other, {}):
                        yield (entity, same), (other, relation)


class _Loader(getattr(yaml, 'CBaseLoader', yaml.BaseLoader)):
    """Reads every scalar as text (a name may look like a number or a truth value), and refuses repeated keys."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict:
        seen = set()
        for key, _ in node.value:
            if key.value in seen:
                raise yaml.constructor.ConstructorError(None, None, f'{key.value!r} occurs twice', key.start_mark)
            seen.add(key.value)
        return super().construct_mapping(node, deep)


def languages(folder: Path = SHIPPED) -> list[str]:
    """The languages that the lexicon has, sorted; reads no file."""
    return sorted(path.stem for path in (folder / 'names').glob('*.yaml'))


def read(folder: Path = SHIPPED) -> Lexicon:
    """Reads a lexicon.

    Args:
        folder: where its files lie; the one that comes with the package by default.

    Raises:
        FileNotFoundError: ``facts.yaml`` or a language's wordings are not there.
        ValueError: a file that is not of the form above; names the file and the place in it.
    """
    relations, facts = _facts(folder)
    langs = languages(folder)
    return Lexicon(
        relations,
        facts,
        {lang: _names(folder, f'names/{lang}.yaml') for lang in langs},
        {lang: _wordings(folder, f'wordings/{lang}.yaml') for lang in langs},
    )


def _facts(folder: Path) -> tuple[dict[str, Relation], dict[str, dict[str, tuple[str, ...]]]]:
    content = _parse(folder, 'facts.yaml')
    for part in ('relations', 'facts'):
        _mapping(content.get(part), f'facts.yaml: {part}')
    relations = {}
    for name, entry in content['relations'].items():
        entry = _mapping(entry, f'facts.yaml: relation {name}')
        if not {'of', 'value'} <= entry.keys() <= set(Relation._fields):
            raise ValueError(f'facts.yaml: relation {name} has the fields {", ".join(entry)}; it needs `of` and '
                             f'`value`, and may have `symmetric` and `follows`')
        follows = _texts(entry['follows'], f'facts.yaml: relation {name}, follows') if 'follows' in entry else None
        relations[name] = Relation(entry['of'], entry['value'], entry.get('symmetric') == 'true', follows)
    facts = {}
    for entity, cells in content['facts'].items():
        cells = _mapping(cells, f'facts.yaml: {entity}')
        facts[entity] = {relation: _texts(values, f'facts.yaml: {entity}, {relation}')
                         for relation, values in cells.items()}
    return relations, facts


def _names(folder: Path, file: str) -> dict[str, str]:
    names = {}
    for kind, group in _parse(folder, file).items():
        for key, name in _mapping(group, f'{file}: {kind}').items():
            if key.partition('.')[0] != kind:
                raise ValueError(f'{file}: {key} stands under {kind}; move it to the group of its type')
            if not isinstance(name, str):
                raise ValueError(f'{file}: {key} is {name!r}; a name is one text')
            names[key] = name
    return names


def _wordings(folder: Path, file: str) -> dict[str, Wordings]:
    wordings = {}
    for relation, entry in _parse(folder, file).items():
        entry = _mapping(entry, f'{file}: {relation}')
        if entry.keys() != {'ask', 'state'}:
            raise ValueError(f'{file}: {relation} has {", ".join(entry)}; it needs `ask` and `state`, both lists')
        wordings[relation] = Wordings(*(_texts(entry[k], f'{file}: {relation}, {k}') for k in Wordings._fields))
    return wordings


def _parse(folder: Path, file: str) -> dict:
    path = folder / file
    if not path.is_file():
        raise FileNotFoundError(f'worldfacts has no {file}; it is needed at {path}')
    try:
        content = yaml.load(path.read_bytes(), _Loader)
    except yaml.YAMLError as error:
        raise ValueError(f'{file} is not valid YAML: {error}') from error
    return _mapping(content, file)


def _mapping(node: object, where: str) -> dict:
    if not isinstance(node, dict) or not node:
        raise ValueError(f'{where} is {node!r}; it must be a mapping with something in it')
    return node


def _texts(node: object, where: str) -> tuple[str, ...]:
    """A text, or a list of them, as a tuple."""
    texts = tuple(node) if isinstance(node, list) else (node,)
    if not texts or not all(isinstance(text, str) and text for text in texts):
        raise ValueError(f'{where} is {node!r}; it must be a text, or a list of texts')
    return texts


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

    Checked are: ids and their types; that symmetric facts agree from both sides, and cells that follow from each other;
    that in each language every id has a
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
            of, kind, symmetric, _ = relations[relation]
            if not _ID.fullmatch(entity) or entity.partition('.')[0] != of:
                yield f'{cell}: the entity must have an id of the form {of}.lower-case-name'
            for value in values:
                if not _ID.fullmatch(value) or value.partition('.')[0] != kind or value == entity:
                    yield f'{cell}: {value} must be the id of another thing, of the form {kind}.lower-case-name'
                elif symmetric and entity not in facts.get(value, {}).get(relation, (entity,)):
                    yield f'{cell}: {value} is there, but {value}, {relation} does not have {entity}'
            if len(set(values)) < len(values):
                yield f'{cell}: a value is there twice'
    for (entity, relation), (other, same) in lexicon.linked():
        if facts[entity][relation] != facts[other][same]:
            yield f'facts.yaml: {other}, {same} must have what {entity}, {relation} has, since it follows from it'
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
