"""SQuADShifts' new-Wikipedia questions (ICML 2020, arXiv 2004.14444): English validation pairs.

Hybrid batch training (arXiv 2408.10536) stops early by the loss on SQuADShifts. As training pairs they are
``ParallelPairs.from_irds(['squadshifts-new-wiki/en'], folder)``: 7,938 questions, each with the Wikipedia paragraph
that holds its answer. It is an ordinary collection of one language otherwise. Licence: CC BY 4.0.
"""
from functools import lru_cache

from datasets_ext import downloads, squad
from datasets_ext.counts import shipped
from datasets_ext.documentation import Documentation
from datasets_ext.memory import MemoryDocs
from datasets_ext.shape import register as register_shape

NAME = 'squadshifts-new-wiki'
LANG = 'en'


@lru_cache(1)
def load() -> squad.SquadFile:
    """Returns the paragraphs, questions and answers; the file is read once, and fetched if needed."""
    data, path = downloads.read(NAME, LANG)
    return squad.parse(data, LANG, str(path))


def register() -> None:
    """Registers the collection, with its questions as ``squadshifts-new-wiki/en``; reads and downloads nothing."""
    register_shape(
        NAME,
        docs={LANG: MemoryDocs(lambda: load().docs, LANG)},
        queries=lambda ql: load().queries,
        qrels=lambda ql, dl: squad.qrels(load(), load(), ql, dl),
        documentation=Documentation(NAME),
        metadata=shipped(),
    )
