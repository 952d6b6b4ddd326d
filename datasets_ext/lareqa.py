"""XQuAD-R and MLQA-R (LAReQA, arXiv 2004.05484): questions, and the sentences that answer them, in 11 and 7 languages.

Every sentence of every paragraph is a passage, repeated ones included; the relevant one holds the start of the answer.
XQuAD-R is parallel: each of its 1,190 questions exists, and is answered, in all 11 languages. In MLQA-R a question
exists in 2 to 4 of its 7 languages, so ``mlqa-r/<ql>/<dl>`` has those questions of ``ql`` that are answered in ``dl``.

XQuAD-R is CC BY-SA 4.0. **MLQA-R is CC BY-NC 4.0: it must not be used for commercial purposes.**
"""
from functools import lru_cache, partial

from datasets_ext import downloads, squad
from datasets_ext.counts import shipped
from datasets_ext.documentation import Documentation
from datasets_ext.memory import MemoryDocs
from datasets_ext.records import Qrel, Query
from datasets_ext.shape import register as register_shape

#: Collection -> its languages.
LANGUAGES = {
    'xquad-r': ('ar', 'de', 'el', 'en', 'es', 'hi', 'ru', 'th', 'tr', 'vi', 'zh'),
    'mlqa-r': ('ar', 'de', 'en', 'es', 'hi', 'vi', 'zh'),
}


@lru_cache(None)
def load(name: str, lang: str) -> squad.SquadFile:
    """Returns the passages, questions and answers of one language; its file is read once, and fetched if needed."""
    data, path = downloads.read(name, lang)
    return squad.parse(data, lang, str(path))


def _queries(name: str, ql: str) -> list[Query]:
    return load(name, ql).queries


def _qrels(name: str, ql: str, dl: str) -> list[Qrel]:
    return squad.qrels(load(name, ql), load(name, dl), ql, dl)


def register() -> None:
    """Registers ``xquad-r`` (1 + 11 + 121 ids) and ``mlqa-r`` (1 + 7 + 49 ids); reads and downloads nothing."""
    for name, langs in LANGUAGES.items():
        register_shape(
            name,
            docs={lang: MemoryDocs(lambda name=name, lang=lang: load(name, lang).docs, lang) for lang in langs},
            queries=partial(_queries, name),
            qrels=partial(_qrels, name),
            documentation=Documentation(name),
            metadata=shipped(),
        )
