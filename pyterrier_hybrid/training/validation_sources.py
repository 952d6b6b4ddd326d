"""The sources of a validation set: held-out pairs, other pairs, a data set, or a SQuAD-format file."""
import os
import warnings
from collections import Counter, defaultdict
from itertools import product
from numbers import Real
from pathlib import Path

import numpy as np

from datasets_ext.opening import irds_dataset, name_of
from datasets_ext.provider import asking_over
from pyterrier_hybrid.encoding.texts import check_texts
from pyterrier_hybrid.pairs.corpus import ParallelPairs
from pyterrier_hybrid.pairs.manifest import MANIFEST
from pyterrier_hybrid.pairs.overlap import occurrences
from pyterrier_hybrid.pairs.protocol import Pairs, PairsSource
from pyterrier_hybrid.pairs.squad import read_squad
from pyterrier_hybrid.pairs.views import hold_out
from pyterrier_hybrid.training.validation import ValidationSet

#: At most this many training texts are searched for texts of the validation set, which takes about a minute.
SEARCHED_TEXTS = 300_000


def open_validation(validation: object, pairs: Pairs) -> tuple[Pairs, ValidationSet | None]:
    """Opens the validation set of ``train(validation=)``.

    Args:
        validation: None; a fraction or number of the pairs, which are then held out (:func:`hold_out`); a
            :class:`ParallelPairs`, or the folder of one; the path of a SQuAD-format file (``.gz`` and ``.xz`` too); a
            data set that asks questions (or a collection in one language), by its id or as an object.
        pairs: a :class:`ParallelPairs`, or a view of one.

    Returns:
        The pairs to train on, and the validation set.

    Raises:
        FileNotFoundError: there is nothing at the path.
        ValueError: an unknown data set, or one without questions, passages or judgements.
        TypeError: something else.
    """
    if validation is None:
        return pairs, None
    if isinstance(validation, Real):  # True too, which hold_out refuses
        rest, held = hold_out(pairs, validation)
        return rest, from_pairs(held, f'{len(held):,} rows held out')
    return pairs, _opened(validation)


def check_validation(validation: object) -> None:
    """Raises what :func:`open_validation` would raise for a path or id, without reading what is there."""
    if isinstance(validation, str | os.PathLike):
        path = _path(validation)
        if path is None:
            irds_dataset(validation)
        elif not path.exists():
            raise FileNotFoundError(f'there is nothing to validate on at {path}')


def _path(validation: str | os.PathLike) -> Path | None:
    """Returns the given path; None for the id of a data set."""
    path = Path(validation)
    return path if path.exists() or isinstance(validation, os.PathLike) or '.json' in path.suffixes else None


def _opened(validation: object) -> ValidationSet:
    if isinstance(validation, str | os.PathLike):
        path = _path(validation)
        if path is not None:
            return from_pairs(ParallelPairs(path), path.name) if (path / MANIFEST).is_file() else from_squad(path)
    elif hasattr(validation, 'sources'):
        return from_pairs(validation, validation.folder.name if hasattr(validation, 'folder') else 'the pairs given')
    return from_dataset(validation)


def from_dataset(dataset: object) -> ValidationSet:
    """A validation set of a data set's questions that have a relevant passage, over all of its passages.

    Args:
        dataset: an id, an ir_datasets data set, or PyTerrier's view of one. A collection without questions of its own
            stands for the questions over it, if they are in one language: ``'squadshifts-new-wiki'`` for
            ``'squadshifts-new-wiki/en'``.

    Raises:
        ValueError: an unknown id; no questions, passages, or judgements; a judged passage that is not there; an empty
            question; half a surrogate pair.
        TypeError: something that is no data set.
    """
    dataset = _with_questions(irds_dataset(dataset))
    name = name_of(dataset)
    texts = {doc.doc_id: doc.default_text() for doc in dataset.docs_iter()}
    relevant: dict[str, set[str]] = defaultdict(set)
    for qrel in dataset.qrels_iter():
        if qrel.relevance >= 1:
            relevant[qrel.query_id].add(qrel.doc_id)
    queries = {query.query_id: query.default_text() for query in dataset.queries_iter() if query.query_id in relevant}
    for query in queries:
        lost = relevant[query] - texts.keys()
        if lost:
            raise ValueError(f'{name} judges {min(lost)!r} relevant to {query!r}, but has no such passage')
    return _without_languages(name, queries, dict(sorted(texts.items())), relevant)


def _with_questions(dataset):
    """Returns the data set itself, or the only one with questions over it."""
    name = name_of(dataset)
    if not dataset.has_queries():
        asking = asking_over(name)
        if len(asking) != 1:
            hint = f'; give one that asks some, such as {next(iter(asking))!r}' if asking else ''
            raise ValueError(f'{name} asks no questions{hint}')
        (dataset,) = asking.values()
    for what in ('docs', 'qrels'):
        if not getattr(dataset, f'has_{what}')():
            raise ValueError(f'{name} has no {what}, so it cannot be validated on')
    return dataset


def from_squad(path: str | os.PathLike) -> ValidationSet:
    """A validation set of a SQuAD-format file's questions, over its paragraphs (or sentences, with sentence breaks).

    Raises FileNotFoundError, or ValueError if it is damaged, not in SQuAD's format, or has no question with an answer.
    """
    parsed = read_squad(path, 'und')  # the language makes no difference here
    return _without_languages(
        Path(path).name, {query.query_id: query.query for query in parsed.queries},
        {doc.doc_id: doc.text for doc in parsed.docs}, {query: {doc} for query, doc in parsed.answers.items()},
    )  # fmt: skip


def _without_languages(name: str, queries: dict[str, str], passages: dict[str, str], relevant: dict) -> ValidationSet:
    """Makes a set from texts by id, and the ids of each question's relevant passages."""
    if not queries:
        raise ValueError(f'{name} has no question with a relevant passage, so it cannot be validated on')
    check_texts([*queries.values()], f'{name}: query', queries, empty=False)
    check_texts([*passages.values()], f'{name}: document', passages)
    place = {doc: at for at, doc in enumerate(passages)}
    judged = [(at, place[doc]) for at, query in enumerate(queries) for doc in sorted(relevant[query])]
    sizes = len(queries), len(passages)
    return ValidationSet(
        name, list(queries.values()), list(passages.values()), *np.array(judged, dtype=np.int64).T,
        *(np.full(size, '') for size in sizes), *(np.zeros(size, dtype=np.int64) for size in sizes),
    )  # fmt: skip


def from_pairs(pairs: Pairs, name: str) -> ValidationSet:
    """A validation set of pairs: every row's question in every language over the passages in every language.

    A pool is all passages in a language, each once. A question asks for the passages of its own rows; its ranking
    leaves out other passages with the same ``passage_ids``, which may answer it too. If all pairs are bitext, each text
    asks for its translations. Raises ValueError if no language has two passages.
    """
    asking = [source for source in pairs.sources if source.kind == 'qa'] or pairs.sources
    queries, passages, judged = _Texts(), _Texts(), set()
    for source in asking:
        for stratum in source.strata:
            rows = range(stratum.start, stratum.stop)
            groups = np.asarray(source.passage_ids[stratum.start : stratum.stop]).tolist()
            asked = {x: queries.add(source, 'query', x, rows, groups) for x in stratum.query_langs}
            answers = {y: passages.add(source, 'passage', y, rows, groups) for y in stratum.passage_langs}
            for (x, questions), (y, found) in product(asked.items(), answers.items()):
                if source.kind == 'qa' or x != y:
                    judged.update(zip(questions, found))
    pools = Counter(passages.langs)
    judged = sorted((query, passage) for query, passage in judged if pools[passages.langs[passage]] > 1)
    if not judged:
        raise ValueError(f'{name}: no language has two passages to choose from; hold out more, or give other pairs')
    return ValidationSet(
        name, queries.texts, passages.texts, *np.array(judged, dtype=np.int64).T,
        *(np.array(side.langs) for side in (queries, passages)),
        *(np.array(side.groups, dtype=np.int64) for side in (queries, passages)),
    )  # fmt: skip


class _Texts:
    """Different texts with their ``langs`` and ``groups``, aligned. A text is kept once for each language and group."""

    def __init__(self):
        self.texts: list[str] = []
        self.langs: list[str] = []
        self.groups: list[int] = []
        self._known: dict[tuple[str, int, str], int] = {}

    def add(self, source: PairsSource, side: str, lang: str, rows: range, groups: list[int]) -> list[int]:
        """Adds texts of a source; returns their positions."""
        found = []
        for group, text in zip(groups, source.texts(side, rows, [lang] * len(rows))):
            at = self._known.setdefault((lang, group, text), len(self.texts))
            if at == len(self.texts):
                self.texts.append(text)
                self.langs.append(lang)
                self.groups.append(group)
            found.append(at)
        return found


def warn_of_shared_texts(validation: ValidationSet, pairs: Pairs, *, verbose: bool = True) -> None:
    """Warns of questions and passages of a validation set that occur in training pairs, with their numbers.

    It does not search given negatives, as they teach no answer; ``pairs.overlap(...)`` lists them too. It does not
    search pairs of more than ``SEARCHED_TEXTS`` texts, and says so if ``verbose``.
    """
    strata = [stratum for source in pairs.sources for stratum in source.strata]
    size = sum((s.stop - s.start) * (len(s.query_langs) + len(s.passage_langs)) for s in strata)
    if size > SEARCHED_TEXTS:
        if verbose:
            print(f'{size:,} training texts are not searched for those of {validation.name}, as it would take long; '
                  'pairs.overlap(...) searches them')  # fmt: skip
        return
    texts = {'question': validation.queries, 'passage': validation.passages}
    wanted = [(what, str(at), text) for what, all_texts in texts.items() for at, text in enumerate(all_texts)]
    found = occurrences(pairs.sources, wanted, verbose=verbose)
    if found is None or not len(found):
        return
    shared = found.groupby('what')['eval_id'].nunique()
    told = ' and '.join(f'{shared[what]:,} of {len(texts[what]):,} {what}s' for what in texts if what in shared)
    warnings.warn(
        f'{told} of {validation.name} occur in the training pairs, for example {found["text"].iloc[0]!r:.80}; its '
        'figures will be too good, and may stop training too late', stacklevel=3,
    )  # fmt: skip
