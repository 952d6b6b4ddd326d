"""The lexicon of worldfacts: facts in terms of ids, and the names and wordings of every language.

``facts.yaml`` has the relations, and entity -> relation -> value or list of all values. ``names/<lang>.yaml`` names
every id, grouped by type; ``wordings/<lang>.yaml`` has, per relation, ways to ask (``ask``) and to state (``state``).
The languages are those that have a file in ``names``. ``read`` refuses malformed files;
``tests/datasets_ext/worldfacts/test_shipped_lexicon.py`` finds gaps and contradictions.
"""
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import yaml

#: The lexicon that comes with the package.
SHIPPED = Path(__file__).parents[1] / 'data' / 'worldfacts'


class Relation(NamedTuple):
    """A relation between entities and values.

    Attributes:
        of: the type of its entities; their ids begin with it.
        value: the type of its values.
        symmetric: whether a fact read backwards is the same fact.
        follows: two relations from which the value follows, or None: one from another entity to this one, and one of
            that other entity. The currency of a city follows from (capital, currency): it is the currency of the
            country whose capital the city is.
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
    """All of worldfacts. The order is that of the files, and determines the numbers in document ids.

    A *cell* is an (entity, relation), a *fact* one of its values.

    Attributes:
        relations: name -> relation.
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
                raise ValueError(f'{file}: {key} is listed under {kind}; move it to the group of its type')
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
