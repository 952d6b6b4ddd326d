from collections import Counter
from hashlib import sha256

from hypothesis import given, settings
from hypothesis import strategies as st

from datasets_ext.worldfacts import load
from datasets_ext.worldfacts.lexicon import Lexicon, Relation
from datasets_ext.worldfacts.split import HELD_OUT, connected, held_out, taught

RELATIONS = {'sea': Relation('a', 'b', False), 'side': Relation('a', 'b', False),
             'year': Relation('a', 'b', False), 'near': Relation('a', 'a', True),
             'seat': Relation('a', 'c', False), 'seat-sea': Relation('c', 'b', follows=('seat', 'sea'))}


def lexicon(facts: dict) -> Lexicon:
    return Lexicon(RELATIONS, facts, {}, {})


values = st.lists(st.sampled_from([f'b.{n}' for n in range(6)]), min_size=1, max_size=2, unique=True).map(tuple)
rows = st.dictionaries(st.sampled_from(['sea', 'side', 'year']), values, min_size=1)
seats = st.lists(st.sampled_from([f'c.{n}' for n in range(12)]), max_size=12, unique=True)
worlds = st.lists(rows, min_size=1, max_size=12).map(lambda rows: {f'a.{n}': row for n, row in enumerate(rows)})


@settings(max_examples=150, deadline=None)
@given(worlds, seats, st.sets(st.tuples(st.integers(0, 11), st.integers(0, 11)), max_size=12), st.randoms())
def test_conditions_hold_in_any_world(facts, seats, borders, random):
    seat = dict(zip(list(facts), seats))
    for entity, city in seat.items():
        facts[entity]['seat'] = (city,)
        if 'sea' in facts[entity]:
            facts[city] = {'seat-sea': facts[entity]['sea'], 'year': ('b.0',)}
    for a, b in borders:
        if a != b and {f'a.{a}', f'a.{b}'} <= facts.keys():
            for one, other in ((a, b), (b, a)):
                near = facts[f'a.{one}'].get('near', ())
                facts[f'a.{one}']['near'] = tuple(dict.fromkeys([*near, f'a.{other}']))
    world = lexicon(facts)
    hidden = held_out(world)
    cells = {(entity, relation) for entity, row in facts.items() for relation in row}
    assert hidden <= cells and len(hidden) <= HELD_OUT * len(cells)
    shown = [(cell[0], facts[cell[0]][cell[1]][position], cell[1]) for cell, position in taught(world, hidden)]
    seen = {key for entity, value, _ in shown for key in (entity, value)}
    for entity, relation in hidden:
        assert {entity, *facts[entity][relation]} <= seen
        total, kept = len(facts[entity]), sum((entity, other) not in hidden for other in facts[entity])
        assert total == 1 or 2 * kept >= total
    for entity, city in seat.items():
        assert ((entity, 'sea') in hidden) == ((city, 'seat-sea') in hidden)
    for entity, value, relation in shown:
        assert (entity, relation) not in hidden
        assert relation != 'near' or (value, 'near') not in hidden
    shuffled = list(facts.items())
    random.shuffle(shuffled)
    assert held_out(lexicon(dict(shuffled))) == hidden


def test_a_value_that_occurs_once_is_never_held_out():
    facts = {f'a.{n}': {'sea': (f'b.{n}',), 'side': ('b.left',), 'year': ('b.1945',)} for n in range(10)}
    hidden = held_out(lexicon(facts))
    assert len(hidden) == 10 and 'sea' not in {relation for _, relation in hidden}


def test_what_follows_is_held_out_together():
    row = {'sea': ('b.baltic',), 'side': ('b.left',), 'year': ('b.1945',)}
    world = lexicon({'a.norway': {**row, 'seat': ('c.oslo',)}, 'a.bhutan': {**row, 'seat': ('c.thimphu',)},
                     'c.oslo': {'seat-sea': ('b.baltic',), 'year': ('b.1945',)}, 'c.thimphu': {'year': ('b.1945',)}})
    pair = frozenset({('a.norway', 'sea'), ('c.oslo', 'seat-sea')})
    assert [group for group in connected(world) if len(group) > 1] == [pair]
    assert sum(map(len, connected(world))) == 11


def test_taught_leaves_out_the_other_side_of_a_symmetric_fact():
    world = lexicon({'a.norway': {'near': ('a.sweden', 'a.finland')}, 'a.sweden': {'near': ('a.norway',)},
                     'a.finland': {'near': ('a.norway',), 'sea': ('b.baltic',)}})
    assert list(taught(world, frozenset({('a.sweden', 'near')}))) == [
        (('a.norway', 'near'), 1), (('a.finland', 'near'), 0), (('a.finland', 'sea'), 0)]


def test_every_relation_of_the_shipped_lexicon_is_both_taught_and_asked():
    world = load()
    hidden = held_out(world)
    asked = Counter(relation for _, relation in hidden)
    kept = Counter(relation for (_, relation), position in taught(world, hidden) if position == 0)
    assert asked.keys() == kept.keys() == world.relations.keys()
    assert min(asked.values()) >= 10 and min(kept.values()) >= 10


def test_every_country_of_the_shipped_lexicon_keeps_half_of_its_cells():
    world = load()
    hidden = held_out(world)
    for entity, row in world.facts.items():
        if entity.startswith('country.'):
            assert sum((entity, relation) not in hidden for relation in row) >= max(len(row) / 2, 3), entity


def test_the_split_is_the_same_in_every_release():
    hidden = held_out(load())
    assert {relation for entity, relation in hidden if entity == 'country.france'} == {'capital', 'currency', 'sea'}
    assert sha256(repr(sorted(hidden)).encode()).hexdigest().startswith('dd7b8f54eb7d30ce'), (
        'the facts or the rule changed, and with them what is held out: models trained before have seen test facts')
