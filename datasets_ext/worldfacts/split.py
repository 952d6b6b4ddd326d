"""Chooses the facts of worldfacts that are held out from training, so that its questions ask for untaught facts.

A cell, (entity, relation), is held out as a whole: with all its values, in all languages and wordings, and together
with the cells that follow from it or from which it follows. For example, the currency of a country and that of its
capital are either both held out or both taught. Every word of a held-out question and of its answer still occurs in
training, since the split keeps other cells that mention the same entity and the same values. (So a currency of only one
country is always taught: only the two cells that follow from each other mention it.) The choice depends only on the
ids; there is no random state.
"""
from collections import Counter
from collections.abc import Iterator
from hashlib import sha256

from datasets_ext.worldfacts.lexicon import Cell, Lexicon

#: The share of all cells that is held out.
HELD_OUT = 0.38


def held_out(lexicon: Lexicon) -> frozenset[Cell]:
    """The cells kept from training, 38% of all (fewer only if the conditions allow no more).

    Cells that follow from each other form a group. Groups are taken in the order of the least SHA-256 of their cells'
    ids, each under two conditions:

    * every entity keeps at least half of its cells in training, if it has more than one;
    * another training cell mentions each of its entities and values, as entity or as value. Cells of symmetric
      relations do not count, since ``taught`` may leave them out.
    """
    cells = lexicon.cells()
    left = Counter(entity for entity, _ in cells)
    at_least = {entity: (n + 1) // 2 if n > 1 else 0 for entity, n in left.items()}
    mentions = Counter(key for cell in cells for key in _mentions(lexicon, cell))
    chosen: set[Cell] = set()
    for group in sorted(connected(lexicon), key=lambda group: min(map(_rank, group))):
        gone = Counter(entity for entity, _ in group)
        given = Counter(key for cell in group for key in _mentions(lexicon, cell))
        needed = {key for entity, relation in group for key in (entity, *lexicon.facts[entity][relation])}
        if (
            len(chosen) + len(group) <= int(HELD_OUT * len(cells))
            and all(left[entity] - n >= at_least[entity] for entity, n in gone.items())
            and all(mentions[key] > given[key] for key in needed)
        ):
            chosen |= group
            left -= gone
            mentions -= given
    return frozenset(chosen)


def connected(lexicon: Lexicon) -> list[frozenset[Cell]]:
    """All cells, in groups that follow from each other; most groups are one cell."""
    group = {cell: frozenset([cell]) for cell in lexicon.cells()}
    for one, other in lexicon.linked():
        joined = group[one] | group[other]
        group.update(dict.fromkeys(joined, joined))
    return list(dict.fromkeys(group.values()))


def taught(lexicon: Lexicon, hidden: frozenset[Cell]) -> Iterator[tuple[Cell, int]]:
    """The facts that training may show, as (cell, position of the value in the cell), in the lexicon's order.

    These are the facts of cells that are not held out. Facts of a symmetric relation are left out if a held-out cell
    states them from the other side: "France borders Spain" would teach what Spain borders.
    """
    for entity, relation in lexicon.cells():
        if (entity, relation) in hidden:
            continue
        for position, value in enumerate(lexicon.facts[entity][relation]):
            if not (lexicon.relations[relation].symmetric and (value, relation) in hidden):
                yield (entity, relation), position


def _rank(cell: Cell) -> bytes:
    return sha256('|'.join(cell).encode()).digest()


def _mentions(lexicon: Lexicon, cell: Cell) -> set[str]:
    """The ids that a cell certainly shows in training: none if its relation is symmetric."""
    entity, relation = cell
    return set() if lexicon.relations[relation].symmetric else {entity, *lexicon.facts[entity][relation]}
