"""The lexicon that comes with the package has no holes; the check is tested on a small one with holes of every kind."""
import copy
import re
import unicodedata
from collections.abc import Iterator
from string import Formatter

import pytest

from datasets_ext.worldfacts.lexicon import Lexicon, Relation, Wordings, read

_ID = re.compile(r'[a-z]+\.[a-z0-9]+(-[a-z0-9]+)*')
_PLACEHOLDERS = {'ask': ['entity'], 'state': ['entity', 'value']}


def test_the_shipped_lexicon_has_no_holes():
    """Whoever adds a language, a fact or a relation runs this: it names each file, language and id to mend."""
    assert problems(read()) == []


def problems(lexicon: Lexicon) -> list[str]:
    """Everything that is wrong with a lexicon, one sentence each, in the order of the files.

    Checked are: ids and their types; that symmetric facts agree from both sides, and cells that follow from each other;
    that in each language every id has a name, no two have the same, and none is unknown; that every relation has at
    least two wordings of each kind, as many in every language, none repeated, each with its placeholders and no other.
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


CAPITAL = Wordings(('Capital of {entity}?', 'Seat of {entity}?'), ('{value} heads {entity}.', '{entity}: {value}.'))
NEIGHBOUR = Wordings(('Next to {entity}?', 'Borders {entity}?'), ('{value} borders {entity}.', '{entity} by {value}.'))
RIGHT = {'capital': CAPITAL, 'neighbour': NEIGHBOUR}
CALLED = {'country.norway': 'Norway', 'country.sweden': 'Sweden', 'city.oslo': 'Oslo'}


@pytest.fixture
def lexicon() -> Lexicon:
    return copy.deepcopy(Lexicon(
        relations={'capital': Relation('country', 'city', False), 'neighbour': Relation('country', 'country', True)},
        facts={'country.norway': {'capital': ('city.oslo',), 'neighbour': ('country.sweden',)},
               'country.sweden': {'neighbour': ('country.norway',)}},
        names={'de': CALLED, 'en': CALLED},
        wordings={'de': RIGHT, 'en': RIGHT},
    ))


def test_a_complete_lexicon_passes(lexicon):
    assert problems(lexicon) == []


def test_one_side_of_a_symmetric_fact_is_enough(lexicon):
    del lexicon.facts['country.sweden']
    assert problems(lexicon) == []


@pytest.mark.parametrize('entity, row, message', [
    ('country.norway', {'capitol': ('city.oslo',)}, 'country.norway, capitol: there is no such relation; relations'),
    ('city.oslo', {'capital': ('city.oslo',)}, 'city.oslo, capital: the entity must have an id of the form country.'),
    ('country.Fiji', {'capital': ('city.oslo',)}, 'country.Fiji, capital: the entity must have an id of the form'),
    ('country.norway', {'capital': ('country.sweden',)}, 'country.norway, capital: country.sweden must be the id'),
    ('country.norway', {'capital': ('city.oslo', 'city.oslo')}, 'country.norway, capital: a value is there twice'),
    ('country.sweden', {'neighbour': ('country.sweden',)}, 'country.sweden, neighbour: country.sweden must be the id'),
    ('country.norway', {'neighbour': ('country.finland',)},
     'country.sweden, neighbour: country.norway is there, but country.norway, neighbour does not have country.sweden'),
])
def test_holes_in_the_facts(lexicon, entity, row, message):
    lexicon.facts[entity] = row
    assert any(problem.startswith(f'facts.yaml: {message}') for problem in problems(lexicon)), problems(lexicon)


def test_what_follows_from_another_cell_must_agree_with_it(lexicon):
    lexicon.relations['sea'] = Relation('country', 'sea')
    lexicon.relations['city-sea'] = Relation('city', 'sea', follows=('capital', 'sea'))
    lexicon.facts['country.norway']['sea'] = ('sea.north',)
    lexicon.facts['city.oslo'] = {'city-sea': ('sea.baltic',)}
    assert list(lexicon.linked()) == [(('country.norway', 'sea'), ('city.oslo', 'city-sea'))]
    assert problems(lexicon)[0] == ('facts.yaml: city.oslo, city-sea must have what country.norway, sea has, since it '
                                    'follows from it')


def test_a_relation_without_facts(lexicon):
    lexicon.relations['currency'] = Relation('country', 'currency', False)
    assert problems(lexicon)[0] == 'facts.yaml: relation currency has no facts'


@pytest.mark.parametrize('key, name, message', [
    ('city.oslo', None, 'names/de.yaml: city.oslo has no name in de'),
    ('city.bergen', 'Bergen', 'names/de.yaml: city.bergen is named in de but occurs in no fact'),
    ('city.oslo', 'NORWAY', "names/de.yaml: country.norway and city.oslo are both called 'NORWAY' in de; give one"),
    ('city.oslo', 'Ｎorway', 'names/de.yaml: country.norway and city.oslo are both called'),
    ('city.oslo', ' ', "names/de.yaml: city.oslo is called ' ' in de"),
    ('city.oslo', 'Oslo\n', "names/de.yaml: city.oslo is called 'Oslo\\n' in de"),
    ('city.oslo', '{Oslo}', "names/de.yaml: city.oslo is called '{Oslo}' in de"),
])
def test_holes_in_the_names(lexicon, key, name, message):
    names = {**CALLED, key: name}
    lexicon.names['de'] = {key: name for key, name in names.items() if name is not None}
    found = problems(lexicon)
    assert len(found) == 1 and found[0].startswith(message), found


@pytest.mark.parametrize('relation, wordings, message', [
    ('capital', None, 'capital has no wordings in en'),
    ('river', Wordings(('a {entity}', 'b {entity}'), ('a {entity} {value}', 'b {entity} {value}')),
     'river is worded in en, but facts.yaml has no such relation'),
    ('capital', CAPITAL._replace(ask=('Capital of {entity}?', 'Capital?')),
     "capital, ask 1 in en must have {entity} once each: 'Capital?'"),
    ('capital', CAPITAL._replace(ask=('Capital of {entity}?', '{entity} {entity}?')), 'capital, ask 1 in en must'),
    ('capital', CAPITAL._replace(ask=('Capital of {entity}?', '{entity} {value}?')), 'capital, ask 1 in en must'),
    ('capital', CAPITAL._replace(state=('{value}.', '{entity} by {value}')),
     "capital, state 0 in en must have {entity} and {value} once each: '{value}.'"),
    ('capital', CAPITAL._replace(state=('{value} {entity}.', '{entity {value}')), 'capital, state 1 in en must'),
    ('capital', CAPITAL._replace(state=('{value} {entity}.', '{entity!r} {value}')), 'capital, state 1 in en must'),
    ('capital', CAPITAL._replace(ask=('{entity}?', '{entity}?')),
     "capital, ask 1 in en repeats wordings/en.yaml: capital, ask 0 in en: '{entity}?'"),
    ('capital', CAPITAL._replace(ask=('a {entity}', 'b {entity}', 'c {entity}')),
     'capital has 3 to ask and 2 to state in en, but 2 and 2 in de; they must be as many'),
])
def test_holes_in_the_wordings(lexicon, relation, wordings, message):
    changed = {**RIGHT, relation: wordings}
    lexicon.wordings['en'] = {key: value for key, value in changed.items() if value is not None}
    found = problems(lexicon)
    assert len(found) == 1 and found[0].startswith(f'wordings/en.yaml: {message}'), found


def test_one_wording_is_too_few(lexicon):
    few = {'capital': CAPITAL._replace(ask=('Capital of {entity}?',)), 'neighbour': NEIGHBOUR}
    lexicon.wordings.update(de=few, en=few)
    assert problems(lexicon) == [f'wordings/{lang}.yaml: capital has fewer than 2 wordings to ask in {lang}'
                                 for lang in ('de', 'en')]


def test_no_language(lexicon):
    (problem,) = problems(lexicon._replace(names={}, wordings={}))
    assert 'worldfacts needs at least one language' in problem
