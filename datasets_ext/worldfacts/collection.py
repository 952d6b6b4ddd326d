"""worldfacts: an embedded collection in 11 languages, generated from a lexicon of facts, names and wordings.

Each entity (a country, a city, a language) has an article; its sentences are the passages. A fact is stated in every
wording and for every value, a symmetric one (X borders Y) in both articles, and all these sentences are relevant to the
questions about it. Questions are about held-out facts only (``datasets_ext.worldfacts.split``), training pairs about
the others. The collection is small, regular and synthetic: with it, the whole package runs and is tested without any
download, but it says little about real retrieval.

Document ids are ``<lang>/<article>.<sentence>``, with the same numbers in every language. Question ids are
``<entity>|<relation>|<number of the wording>``. Generation has no random state: the same lexicon gives the same bytes.
"""
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import count

from datasets_ext.about import Documentation, shipped
from datasets_ext.shape import Doc, MemoryDocs, Qrel, Query
from datasets_ext.shape import register as register_shape
from datasets_ext.worldfacts.lexicon import Cell, Lexicon, languages, read
from datasets_ext.worldfacts.split import connected, held_out, taught

#: The text between two sentences of an article, in languages that do not have a space there.
_BETWEEN = {'zh': ''}


@lru_cache(1)
def load() -> Lexicon:
    """Returns the lexicon of the package, which is read once."""
    return read()


def documents(lexicon: Lexicon, lang: str) -> list[Doc]:
    """The passages of one language, article by article, in the lexicon's order.

    ``title`` is the entity's name, ``context`` the whole article, of which ``text`` is an exact part.
    """
    names, docs = lexicon.names[lang], []
    for article, (entity, row) in enumerate(lexicon.facts.items()):
        texts = [
            text
            for relation, values in row.items()
            for value in values
            for text in _fill(lexicon, lang, lexicon.wordings[lang][relation].state, entity, value)
        ]
        context = _BETWEEN.get(lang, ' ').join(texts)
        docs += [Doc(f'{lang}/{article}.{n}', text, context, names[entity], lang) for n, text in enumerate(texts)]
    return docs


def questions(lexicon: Lexicon, lang: str, cells: Sequence[Cell]) -> list[Query]:
    """The questions of one language about these cells, in every wording."""
    return [
        Query(f'{entity}|{relation}|{n}', text, lang)
        for entity, relation in cells
        for n, text in enumerate(_fill(lexicon, lang, lexicon.wordings[lang][relation].ask, entity))
    ]


def judgements(lexicon: Lexicon, ql: str, dl: str, cells: Sequence[Cell]) -> list[Qrel]:
    """The relevant passages in ``dl`` of the questions in ``ql``: every value of the cell, in every wording.

    A fact of a symmetric relation is stated in two articles: that of France, too, says what Spain borders.
    """
    ids = _document_ids(lexicon, dl)
    return [
        Qrel(f'{entity}|{relation}|{n}', doc_id, 1, dl, ql)
        for entity, relation in cells
        for n in range(len(lexicon.wordings[ql][relation].ask))
        for value in lexicon.facts[entity][relation]
        for doc_id in ids[lexicon.fact_id(entity, relation, value)]
    ]


@lru_cache(1)
def asked_cells() -> tuple[Cell, ...]:
    """The cells that the questions are about: those held out from training, in the lexicon's order."""
    lexicon = load()
    hidden = held_out(lexicon)
    return tuple(cell for cell in lexicon.cells() if cell in hidden)


def pairs(lexicon: Lexicon, langs: Sequence[str], hidden: frozenset[Cell]) -> Iterator[dict]:
    """Yields the rows of ``training_pairs``: every wording of the question with every statement of a taught fact."""
    questions_of = {cell: '|'.join(min(group)) for group in connected(lexicon) for cell in group}
    for (entity, relation), position in taught(lexicon, hidden):
        value = lexicon.facts[entity][relation][position]
        asked = {lang: _fill(lexicon, lang, lexicon.wordings[lang][relation].ask, entity) for lang in langs}
        stated = {lang: _fill(lexicon, lang, lexicon.wordings[lang][relation].state, entity, value) for lang in langs}
        statements = len(stated[langs[0]])
        for n in range(len(asked[langs[0]])):
            for m in range(statements):
                yield {
                    'id': f'{entity}|{relation}|{n}|{position * statements + m}',
                    'source': 'worldfacts',
                    'query': {lang: texts[n] for lang, texts in asked.items()},
                    'positive': {lang: texts[m] for lang, texts in stated.items()},
                    'query_id': questions_of[entity, relation],
                    'passage_id': lexicon.fact_id(entity, relation, value),
                }


def training_pairs(langs: str | Sequence[str] | None = None) -> Iterator[dict]:
    """Yields the pairs to train on, in the interchange format of parallel corpora.

    Every way to ask for a fact that is not held out, with every way to state each of its values:
    ``{'id', 'source': 'worldfacts', 'query': {lang: text}, 'positive': {lang: text}, 'query_id', 'passage_id'}``. All
    rows about a cell, and about one that follows from it, have one ``query_id``; all statements of a fact have one
    ``passage_id``, also when it is stated from its other side. Rows joined by such ids never meet in a batch, so no
    row's passage answers the question of another row there.

    Args:
        langs: the languages of the rows, or one; all by default.

    Raises:
        ValueError: a language that worldfacts does not have, or none.
    """
    lexicon = load()
    chosen = [langs] if isinstance(langs, str) else list(dict.fromkeys(lexicon.names if langs is None else langs))
    unknown = [lang for lang in chosen if lang not in lexicon.names]
    if unknown or not chosen:
        raise ValueError(f'worldfacts has no {", ".join(map(repr, unknown)) or "pairs without a language"}; '
                         f'its languages are {", ".join(lexicon.names)}')
    return pairs(lexicon, chosen, frozenset(asked_cells()))


def register() -> None:
    """Registers ``worldfacts``, ``worldfacts/<ql>`` and ``worldfacts/<ql>/<dl>``; reads nothing."""
    register_shape(
        'worldfacts',
        docs={lang: MemoryDocs(lambda lang=lang: documents(load(), lang), lang) for lang in languages()},
        queries=lambda ql: questions(load(), ql, asked_cells()),
        qrels=lambda ql, dl: judgements(load(), ql, dl, asked_cells()),
        qrel_defs={1: 'states the fact, or one of its values'},
        documentation=Documentation('worldfacts'),
        metadata=shipped(),
    )


def _fill(lexicon: Lexicon, lang: str, templates: Sequence[str], entity: str, value: str | None = None) -> list[str]:
    """Puts names into templates; those of questions have no place for a value."""
    names = lexicon.names[lang]
    return [template.format(entity=names[entity], value=names.get(value)) for template in templates]


def _document_ids(lexicon: Lexicon, lang: str) -> dict[str, list[str]]:
    """Returns fact -> the ids of the passages that state it, from either side. Ids are those of ``documents``."""
    ids = {}
    for article, (entity, row) in enumerate(lexicon.facts.items()):
        number = count()
        for relation, values in row.items():
            for value in values:
                ids.setdefault(lexicon.fact_id(entity, relation, value), []).extend(
                    f'{lang}/{article}.{next(number)}' for _ in lexicon.wordings[lang][relation].state)
    return ids
