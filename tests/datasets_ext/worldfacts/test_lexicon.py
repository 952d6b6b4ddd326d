"""A lexicon of two countries: read from files, and with holes of every kind."""
import copy
import shutil

import pytest

from datasets_ext.worldfacts.lexicon import Lexicon, Relation, Wordings, check, languages, problems, read

FACTS = '''
relations:
  capital: {of: country, value: city}
  neighbour: {of: country, value: country, symmetric: true}
facts:
  country.norway: {capital: city.oslo, neighbour: [country.sweden]}
  country.sweden: {neighbour: country.norway}
'''
NAMES = '''
country: {country.norway: Norway, country.sweden: 'Sweden'}
city: {city.oslo: no}
'''
WORDINGS = '''
capital:
  ask: ['Capital of {entity}?', 'Seat of {entity}?']
  state: ['{value} is the capital of {entity}.', 'The capital of {entity} is {value}.']
neighbour:
  ask: ['Next to {entity}?', 'Borders {entity}?']
  state: ['{value} borders {entity}.', 'Next to {entity} is {value}.']
'''


@pytest.fixture
def folder(tmp_path):
    for name, text in {'facts.yaml': FACTS, 'names/en.yaml': NAMES, 'wordings/en.yaml': WORDINGS}.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text, encoding='utf-8')
    return tmp_path


def test_read(folder):
    lexicon = read(folder)
    assert lexicon.relations == {'capital': Relation('country', 'city', False),
                                 'neighbour': Relation('country', 'country', True)}
    assert lexicon.facts == {
        'country.norway': {'capital': ('city.oslo',), 'neighbour': ('country.sweden',)},
        'country.sweden': {'neighbour': ('country.norway',)}}
    assert lexicon.names == {'en': {'country.norway': 'Norway', 'country.sweden': 'Sweden', 'city.oslo': 'no'}}
    assert lexicon.wordings['en']['capital'] == Wordings(
        ('Capital of {entity}?', 'Seat of {entity}?'),
        ('{value} is the capital of {entity}.', 'The capital of {entity} is {value}.'))


def test_a_relation_that_follows(folder):
    text = FACTS.replace('neighbour: {', 'sea: {of: city, value: sea, follows: [capital, coast]}\n  neighbour: {')
    (folder / 'facts.yaml').write_text(text)
    assert read(folder).relations['sea'] == Relation('city', 'sea', False, ('capital', 'coast'))


def test_languages_are_those_with_names(folder):
    shutil.copy(folder / 'names/en.yaml', folder / 'names/de.yaml')
    assert languages(folder) == ['de', 'en']
    with pytest.raises(FileNotFoundError, match=r'worldfacts has no wordings/de\.yaml; it is needed at .*de\.yaml'):
        read(folder)


def test_no_facts(folder):
    (folder / 'facts.yaml').unlink()
    with pytest.raises(FileNotFoundError, match=r'worldfacts has no facts\.yaml'):
        read(folder)


@pytest.mark.parametrize('file, old, new, message', [
    ('facts.yaml', FACTS, '', r'facts\.yaml is .*; it must be a mapping'),
    ('facts.yaml', FACTS, 'relations: [', r'facts\.yaml is not valid YAML'),
    ('facts.yaml', 'relations:', 'kinds:', r'facts\.yaml: relations is None; it must be a mapping'),
    ('facts.yaml', ', value: city', '', 'relation capital has the fields of; it needs `of` and `value`'),
    ('facts.yaml', 'value: city', 'value: city, kind: x', 'relation capital has the fields of, value, kind; it needs'),
    ('facts.yaml', 'city.oslo', '[]', r'facts\.yaml: country\.norway, capital is \[\]; it must be a text'),
    ('facts.yaml', 'city.oslo', '{a: b}', r'facts\.yaml: country\.norway, capital is .*; it must be a text'),
    ('facts.yaml', 'country.sweden:', 'country.norway:', "not valid YAML: 'country.norway' occurs twice"),
    ('names/en.yaml', 'country:', 'land:', r'names/en\.yaml: country\.norway stands under land; move it'),
    ('names/en.yaml', 'Norway', '[Norway]', r"names/en\.yaml: country\.norway is \['Norway'\]; a name is one text"),
    ('names/en.yaml', NAMES, 'country: Norway', r"names/en\.yaml: country is 'Norway'; it must be a mapping"),
    ('wordings/en.yaml', 'ask:', 'question:', 'capital has question, state; it needs `ask` and `state`'),
    ('wordings/en.yaml', "'Next to {entity}?'", "''", r'wordings/en\.yaml: neighbour, ask is .*, or a list of texts'),
])
def test_malformed_files(folder, file, old, new, message):
    text = (folder / file).read_text(encoding='utf-8')
    (folder / file).write_text(text.replace(old, new), encoding='utf-8')
    with pytest.raises(ValueError, match=message):
        read(folder)


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
    assert problems(lexicon) == [] and check(lexicon) is lexicon


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
    with pytest.raises(ValueError, match=r'the worldfacts lexicon has holes; mend these files:\n- names/de\.yaml'):
        check(lexicon)


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
    with pytest.raises(ValueError, match='worldfacts needs at least one language'):
        check(lexicon._replace(names={}, wordings={}))


def test_many_holes_are_cut_short(lexicon):
    lexicon.names['en'] = {f'city.c{n}': f'C {n}' for n in range(40)}
    with pytest.raises(ValueError, match='- and 18 more'):
        check(lexicon)
