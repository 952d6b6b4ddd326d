"""Hard negatives: given wrong answers to a batch's questions. None is a right answer to another of its questions."""
from collections.abc import Sequence
from itertools import cycle, islice

import numpy as np

from pyterrier_hybrid.batches.hybrid import Batch, HybridBatches
from pyterrier_hybrid.keyed import key_of, permute, uniform
from pyterrier_hybrid.pairs.protocol import Pairs, PairsSource

_TRIES = 64


def batch_negatives(batches: HybridBatches, batch: Batch, count: int) -> np.ndarray:
    """Draws hard negatives for every pair of a batch, each in the language of the pair's passage.

    ``count`` of a row's given negatives are drawn. A negative that is the passage of a row of the batch is left out
    first, in whatever language, even if it is a translation that only another row has. If a row has too few, they are
    filled up with other passages of the batch's sources (of all sources, if these have none), drawn at random. A filler
    is not a passage of the batch nor, if possible, one of the row's own negatives, and none is used twice before all
    were used.

    Args:
        batches: the plan.
        batch: one of its batches.
        count: negatives for each pair, at least 1.

    Returns:
        Texts, object array (count, batch_size): a function of the plan's seed and the batch's step.

    Raises:
        ValueError: there is no passage to fill up with.
    """
    given = _given(batches, batch, count)
    fillers: dict[str, list[str]] = {}
    for lang in dict.fromkeys(batch.passage_langs):
        short = [own for own, at in zip(given, batch.passage_langs) if at == lang and len(own) < count]
        if short:
            missing, spare = sum(count - len(own) for own in short), max(map(len, short))
            drawn = _fillers(batches, batch, lang, missing + spare)
            fillers[lang] = drawn[missing:] + drawn[:missing]
    texts = [
        (*own, *(_taken(fillers[lang], own) for _ in range(count - len(own))))
        for own, lang in zip(given, batch.passage_langs)
    ]
    negatives = np.empty((count, len(batch)), dtype=object)
    negatives[:] = list(zip(*texts))
    return negatives


def _taken(fillers: list[str], own: list[str]) -> str:
    """Removes and returns the last filler that is not among a row's own negatives; the last of all if there is none."""
    at = next((i for i in reversed(range(len(fillers))) if fillers[i] not in own), -1)
    return fillers.pop(at)


def _given(batches: HybridBatches, batch: Batch, count: int) -> list[list[str]]:
    """Draws up to ``count`` of each row's own negatives, in its passage's language, without the batch's passages."""
    given: list[list[str]] = [[]] * len(batch)
    for name, slots in _by_source(batch.sources).items():
        rows, langs = [batch.rows[s] for s in slots], [batch.passage_langs[s] for s in slots]
        for slot, texts in zip(slots, batches.pairs[name].negatives(rows, langs)):
            given[slot] = texts
    texts = list(dict.fromkeys(text for texts in given for text in texts))
    answers = np.isin(batches.pairs.negative_passages(texts), _passages(batches.pairs, batch))
    right = {text for text, answer in zip(texts, answers) if answer}
    chosen = []
    for slot, texts in enumerate(given):
        usable = [text for text in dict.fromkeys(texts) if text not in right]
        if len(usable) > count:
            order = np.argsort(uniform(np.arange(len(usable)), key_of(batches.seed, 'negatives', batch.step, slot)))
            usable = [usable[i] for i in order[:count].tolist()]
        chosen.append(usable)
    return chosen


def _passages(pairs: Pairs, batch: Batch) -> np.ndarray:
    """The passages of a batch: int64 (batch_size,), in no particular order."""
    slots = _by_source(batch.sources)
    return np.concatenate([pairs[name].passage_ids[[batch.rows[s] for s in at]] for name, at in slots.items()])


def _fillers(batches: HybridBatches, batch: Batch, lang: str, missing: int) -> list[str]:
    """Draws ``missing`` passages in a language that are not in the batch: of its sources, or of all if these have none.

    They repeat if there are fewer. Raises ValueError if there is none.
    """
    pairs, slots = batches.pairs, _by_source(batch.sources)
    seen = set(_passages(pairs, batch).tolist())
    key = key_of(batches.seed, 'fillers', batch.step, lang)
    own = [source for source in pairs.sources if source.name in slots]
    texts = _drawn(own, lang, missing, seen, key) or _drawn(pairs.sources, lang, missing, seen, key)
    if not texts:
        raise ValueError(
            f'step {batch.step}: beside the passages of the batch there is none in {lang!r} to fill up its negatives '
            'with; use a smaller batch_size, or no negatives'
        )
    return list(islice(cycle(texts), missing))


def _drawn(sources: Sequence[PairsSource], lang: str, missing: int, seen: set[int], key: int) -> list[str]:
    """Draws up to ``missing`` different passages in a language, none of them ``seen``, in a keyed random order."""
    seen, texts = set(seen), []
    ranges = [(source, s) for source in sources for s in source.strata if lang in s.passage_langs]
    ends = np.cumsum([s.stop - s.start for _, s in ranges])
    for begin in range(0, int(ends[-1]), _TRIES):
        tries = np.arange(begin, min(begin + _TRIES, int(ends[-1])))
        for place in permute(tries, ends[-1], key).tolist():
            at = int(np.searchsorted(ends, place, side='right'))
            source, stratum = ranges[at]
            row = stratum.stop - int(ends[at]) + place
            passage = int(source.passage_ids[row])
            if passage not in seen:
                seen.add(passage)
                texts += source.texts('passage', [row], [lang])
                if len(texts) == missing:
                    return texts
    return texts


def _by_source(names: Sequence[str]) -> dict[str, list[int]]:
    """Groups the slots of a batch by source."""
    slots: dict[str, list[int]] = {}
    for slot, name in enumerate(names):
        slots.setdefault(name, []).append(slot)
    return slots
