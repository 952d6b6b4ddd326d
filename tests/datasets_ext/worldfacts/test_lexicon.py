"""A lexicon of two countries, read from files, and files that are malformed."""
import shutil

import pytest

from datasets_ext.worldfacts.lexicon import Relation, Wordings, languages, read

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
    ('names/en.yaml', 'country:', 'land:', r'names/en\.yaml: country\.norway is listed under land; move it'),
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
