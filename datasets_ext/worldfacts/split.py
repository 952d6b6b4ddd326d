"""Which facts of worldfacts are held out from training, so that its questions test facts that were never taught.

A cell, (entity, relation), is held out as a whole: with all its values, in all languages and wordings. Every word of a
held-out question and of its answer is still met in training, since the split keeps other cells that mention the same
entity and the same values. The choice depends on nothing but the ids: there is no random state.
"""
from collections import Counter
from collections.abc import Iterator
from hashlib import sha256

from datasets_ext.worldfacts.lexicon import Lexicon

Cell = tuple[str, str]

#: The share of all cells that is held out.
HELD_OUT = 0.38


def held_out(lexicon: Lexicon) -> frozenset[Cell]:
    """The cells kept from training, 38% of all (fewer only if the conditions allow no more).

    Cells are taken in the order of the SHA-256 of their ids, each under two conditions:

    * its entity keeps at least half of its cells in training, if it has more than one;
    * its entity and its values are mentioned, as entity or as value, by another training cell. Cells of symmetric
      relations do not count, since ``taught`` may silence them.
    """
    cells = [(entity, relation) for entity, row in lexicon.facts.items() for relation in row]
    left = Counter(entity for entity, _ in cells)
    at_least = {entity: (n + 1) // 2 if n > 1 else 0 for entity, n in left.items()}
    mentions = Counter(key for cell in cells for key in _mentions(lexicon, cell))
    chosen: set[Cell] = set()
    for cell in sorted(cells, key=lambda cell: sha256('|'.join(cell).encode()).digest()):
        entity, relation = cell
        needed, given = {entity, *lexicon.facts[entity][relation]}, _mentions(lexicon, cell)
        if len(chosen) == int(HELD_OUT * len(cells)):
            break
        if left[entity] > at_least[entity] and all(mentions[key] - (key in given) >= 1 for key in needed):
            chosen.add(cell)
            left[entity] -= 1
            mentions.subtract(given)
    return frozenset(chosen)


def taught(lexicon: Lexicon, hidden: frozenset[Cell]) -> Iterator[tuple[Cell, int]]:
    """The facts that training may show, as (cell, position of the value in the cell), in the lexicon's order.

    These are the facts of cells that are not held out, without those of a symmetric relation that a held-out cell
    states from the other side: "France borders Spain" would teach what Spain borders.
    """
    for entity, row in lexicon.facts.items():
        for relation, values in row.items():
            if (entity, relation) in hidden:
                continue
            for position, value in enumerate(values):
                if not (lexicon.relations[relation].symmetric and (value, relation) in hidden):
                    yield (entity, relation), position


def _mentions(lexicon: Lexicon, cell: Cell) -> set[str]:
    """The ids that a cell is sure to show in training: none where its relation is symmetric."""
    entity, relation = cell
    return set() if lexicon.relations[relation].symmetric else {entity, *lexicon.facts[entity][relation]}
