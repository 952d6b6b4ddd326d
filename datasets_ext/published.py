"""Published collections in SQuAD's format, downloaded when they are first used: XQuAD-R, MLQA-R and SQuADShifts.

A collection is an entry of ``data/downloads.json``, with a file for each of its languages, documentation in
``data/docs`` and counts in ``data/counts``. No collection needs code of its own.

* XQuAD-R and MLQA-R (LAReQA, arXiv 2004.05484): every sentence of every paragraph is a passage, repeated ones included;
  the relevant one holds the start of the answer. XQuAD-R is parallel: each of its 1,190 questions exists, and is
  answered, in all 11 languages. In MLQA-R a question exists in 2 to 4 of its 7 languages, so ``mlqa-r/<ql>/<dl>`` has
  those questions of ``ql`` that are answered in ``dl``. XQuAD-R is CC BY-SA 4.0. **MLQA-R is CC BY-NC 4.0: it must not
  be used for commercial purposes.**
* SQuADShifts' new-Wikipedia questions (ICML 2020, arXiv 2004.14444): 7,938 English questions, each with the Wikipedia
  paragraph that holds its answer. Hybrid batch training (arXiv 2408.10536) stops early by the loss on these pairs,
  ``ParallelPairs.from_irds(['squadshifts-new-wiki/en'], folder)``. CC BY 4.0.
"""
from functools import lru_cache

from datasets_ext import downloads, squad
from datasets_ext.about import Documentation, shipped
from datasets_ext.docs import MemoryDocs
from datasets_ext.shape import register as register_shape

#: Collection -> its languages.
LANGUAGES = {name: tuple(files) for name, files in downloads.table().items()}


@lru_cache(None)
def load(name: str, lang: str) -> squad.SquadFile:
    """Returns the passages, questions and answers of one language. Its file is read once, and fetched if needed."""
    data, path = downloads.read(name, lang)
    return squad.parse(data, lang, str(path))


def register() -> None:
    """Registers every collection; downloads nothing."""
    for name, langs in LANGUAGES.items():
        register_shape(
            name,
            docs={lang: MemoryDocs(lambda name=name, lang=lang: load(name, lang).docs, lang) for lang in langs},
            queries=lambda ql, name=name: load(name, ql).queries,
            qrels=lambda ql, dl, name=name: squad.qrels(load(name, ql).queries, load(name, dl), ql, dl),
            documentation=Documentation(name),
            metadata=shipped(),
        )
