"""Choosing the setting of an approximate index: the cheapest one that finds enough in every language."""
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from pyterrier_hybrid.indexing.backends import Backend, find_backend
from pyterrier_hybrid.indexing.faiss_files import open_backend
from pyterrier_hybrid.languages import QUERY_LANG

if TYPE_CHECKING:
    from pyterrier_hybrid.indexing.index import MultilingualIndex
    from pyterrier_hybrid.indexing.retriever import DenseRetriever

RESCORES = (1.0, 2.0, 4.0, 6.0, 8.0, 12.0, 16.0)
_HALVINGS = 2  # how often the step between an effort that finds too little and one that finds enough is halved
_GAIN = 0.001  # if recall rises by less than this, more effort is not tried


class RecallNotReached(ValueError):
    """No setting finds as much as was asked for.

    Attributes:
        tuning: what was tried, and the best of it.
    """

    def __init__(self, message: str, tuning: 'Tuning'):
        super().__init__(message)
        self.tuning = tuning


@dataclass(frozen=True, eq=False)
class Tuning:
    """The settings that were tried, and the one to take: ``index.retriever(k, backend=tuning.best)``.

    Attributes:
        best: the fastest setting that reaches both recalls; if none does, the one with the best recall in its worst
            language.
        settings: a row for each, exact search first: ``setting``; ``recall``, the mean over queries of the share of the
            exact results that was found; ``least_recall``, that of the language which loses most, and ``least_in``,
            which one; ``reached``; ``seconds`` a query, all of the queries in one batch; ``times_faster`` than exact
            search; ``bytes`` a passage, of FAISS's file, or of the vectors; and two columns of rank distance where
            there were qrels.
        languages: a row for each setting, side (``passages`` or ``queries``) and language: ``recall``, and ``count``,
            of exact results in that language, or of queries.
    """

    best: Backend
    settings: pd.DataFrame = field(repr=False)
    languages: pd.DataFrame = field(repr=False)


def tune(
    index: 'MultilingualIndex',
    topics: pd.DataFrame,
    *,
    backend: str | Backend | Iterable[str | Backend] = 'ivfpq',
    recall: float = 0.95,
    language_recall: float | None = None,
    k: int = 100,
    langs: str | Iterable[str] | None = None,
    qrels: pd.DataFrame | None = None,
    repeat: int = 3,
) -> Tuning:
    """Finds the cheapest approximate search that finds enough of what exact search finds, in every language.

    Recall is the share of the exact first ``k`` that an approximate search finds. An approximate index loses more of
    the passages that are unlike those it was trained on, often those of one language, and a mean hides that. So
    recall is also computed for the passages of each language (over all queries together) and for the queries of each
    language, and the least of these counts as well.

    For 1, 2, 4, 6, 8, 12 and 16 candidates a result, it doubles the effort until recall is reached or no longer rises,
    and then tries two efforts between the last two, by halving. Times are those of the whole retriever on all queries
    in one batch, the least of ``repeat`` runs; they are noisy.

    Args:
        index: a finished index.
        topics: your own queries, ``qid`` and ``query_vec``, and ``query_lang`` if they are in several languages. Some
            hundred are needed for a recall to two digits; a language needs some dozen.
        backend: one or several, by name or with parameters; those that are not there are built.
        recall: the mean recall to reach.
        language_recall: the recall to reach in every language; by default ``recall``.
        k: results per query.
        langs: search in these languages alone.
        qrels: ``qid, docno, label``, for the rank distance with and without the approximation, at the cutoff ``k`` and
            as its expectation over all passages (``pool=``), which needs no depth beyond ``k``. Queries whose relevant
            passages are in fewer than two languages are left out.
        repeat: times that each setting runs.

    Raises:
        RecallNotReached: no setting finds enough; a ValueError that names the best, and holds what was tried.
        ValueError: no topics with a vector; a recall outside of 0 to 1; whatever the retrievers refuse; the index was
            replaced.
    """
    least = recall if language_recall is None else language_recall
    for value in (recall, least):
        if not 0 < value <= 1:
            raise ValueError(f'a recall of {value!r} is asked for; recall is above 0 and at most 1')
    if repeat < 1:
        raise ValueError(f'repeat is {repeat!r}; each setting runs at least once')
    backend = [backend] if isinstance(backend, (str, Backend)) else list(backend)
    if not backend:
        raise ValueError("there is no backend to tune; give one or several, such as backend=['ivf', 'ivfpq']")
    opened = index.open()
    backends = [find_backend(one).fitted(*opened.vecs.shape) for one in backend]
    if 'query_vec' not in topics or topics['query_vec'].isna().all():
        raise ValueError('there are no topics with a query_vec to tune on; give what '
                         'encoder.query_encoder()(topics) returns')  # fmt: skip
    trial = _Trial(index, opened, topics[topics['query_vec'].notna()], k, langs, qrels, repeat)
    tried, fastest = [], np.inf
    for one in backends:
        for rescore in RESCORES:
            for effort in _efforts(one, one.candidates(k), len(opened.vecs), tried):
                setting = one.at(effort, rescore)
                row = trial.run(setting)
                reached = row['recall'] >= recall and row['least_recall'] >= least
                tried.append({'backend': setting, **row, 'reached': reached})
                fastest = min(fastest, row['seconds']) if reached else fastest
                if row['seconds'] > fastest:
                    break
    return _chosen(tried, trial, recall, least)


def _efforts(backend: Backend, count: int, n: int, tried: list[dict]) -> Iterator[int]:
    """Yields efforts to try one after another; reads the last of ``tried`` to know when to stop."""
    effort, most = (1 if backend.EFFORT == 'probes' else count), backend.most(n)
    too_little = effort
    found: list[tuple[float, float]] = []
    while True:
        effort = min(effort, most)
        yield effort
        last = tried[-1]
        if last['reached']:
            enough = effort
            for _ in range(_HALVINGS if found else 0):
                if enough - too_little > 1:
                    middle = (too_little + enough) // 2
                    yield middle
                    too_little, enough = (too_little, middle) if tried[-1]['reached'] else (middle, enough)
            return
        found.append((last['recall'], last['least_recall']))
        # The first efforts say little: if one finds too few candidates, the retriever itself searches with more.
        stuck = len(found) > 6 and max(np.subtract(found[-1], found[-3])) < _GAIN
        if effort == most or stuck:
            return
        too_little, effort = effort, 2 * effort


class _Trial:
    """The results of exact search, and how many of them a setting finds; arguments as for :func:`tune`."""

    def __init__(self, index: 'MultilingualIndex', opened, topics: pd.DataFrame, k: int, langs, qrels, repeat: int):
        self.index, self.opened, self.topics, self.k, self.langs, self.repeat = index, opened, topics, k, langs, repeat
        retriever = index.retriever(k, langs=langs)
        self.pool = len(opened.vecs) if (rows := retriever._rows(opened)) is None else len(rows)
        self._rank_distance = None if qrels is None else RankDistances(index, qrels, k, self.pool, retriever.langs)
        self.seconds, run = self._timed(retriever)
        self.exact = run['docid'].to_numpy().reshape(len(topics), -1)
        self.doc_langs = np.array(opened.languages, dtype=object)[opened.lang_ids[self.exact]]
        self.query_langs = topics[QUERY_LANG].to_numpy(dtype=object) if QUERY_LANG in topics else None
        whole = {'recall': 1.0, 'least_recall': 1.0, 'least_in': '', 'seconds': self.seconds, 'times_faster': 1.0}
        stored = opened.vecs.arrays(slice(1)) if hasattr(opened.vecs, 'arrays') else [opened.vecs[:1]]
        width = sum(array.nbytes for array in stored)  # bytes of one passage
        self.row = {'setting': 'exact', **whole, 'bytes': float(width), **self._distances(run), 'reached': True}
        self.languages: list[dict] = []

    def run(self, setting: Backend) -> dict:
        """Searches with a setting; returns its row of the table."""
        held = open_backend(self.index, setting, self.opened)
        seconds, run = self._timed(self.index.retriever(self.k, langs=self.langs, backend=setting))
        offsets = len(self.opened.vecs) * np.arange(len(self.topics))[:, None]
        found = run['docid'].to_numpy().reshape(self.exact.shape) + offsets
        hits = np.isin(self.exact + offsets, found)
        parts = [('passages', lang, hits[self.doc_langs == lang]) for lang in np.unique(self.doc_langs)]
        if self.query_langs is not None:
            parts += [('queries', lang, hits[self.query_langs == lang].mean(axis=1))
                      for lang in sorted({lang for lang in self.query_langs if isinstance(lang, str)})]  # fmt: skip
        name = repr(setting)
        rows = [{'setting': name, 'side': side, 'lang': lang, 'recall': float(part.mean()), 'count': len(part)}
                for side, lang, part in parts]  # fmt: skip
        self.languages += rows
        worst = min(rows, key=lambda row: row['recall'])
        return {
            'setting': name, 'recall': float(hits.mean()), 'least_recall': worst['recall'],
            'least_in': f'{worst["side"]} in {worst["lang"]}', 'seconds': seconds,
            'times_faster': self.seconds / seconds, 'bytes': held.bytes / len(self.opened.vecs), **self._distances(run),
        }  # fmt: skip

    def _timed(self, retriever: 'DenseRetriever') -> tuple[float, pd.DataFrame]:
        """The seconds a query, the least of all repetitions, and the run."""
        taken = []
        for _ in range(self.repeat):
            start = time.perf_counter()
            run = retriever(self.topics)
            taken.append((time.perf_counter() - start) / len(self.topics))
        if self.index.fingerprint() != self.opened.fingerprint:
            raise ValueError(f'the index at {self.index.path} was replaced while it was tuned; tune it again')
        return min(taken), run

    def _distances(self, run: pd.DataFrame) -> dict[str, float]:
        return {} if self._rank_distance is None else self._rank_distance(run)


class RankDistances:
    """The mean rank distance of runs cut at ``k``, over the queries with relevant passages in several languages.

    ``pool`` passages are searched, in ``langs`` or all languages. Raises ValueError for a judged passage that the index
    does not have, or if no query has relevant passages in two languages.
    """

    def __init__(self, index: 'MultilingualIndex', qrels: pd.DataFrame, k: int, pool: int, langs: Iterable[str] | None):
        from pyterrier_hybrid.measures import Languages, RankDistance
        from pyterrier_hybrid.measures.judgements import read_judgements

        opened = index.open()
        relevant = qrels[qrels['label'] >= 1].drop(columns='iteration', errors='ignore')
        docids = opened.docnos.find(relevant['docno'].to_numpy(dtype=object))
        if (docids < 0).any():
            raise ValueError(f'the qrels judge {relevant["docno"].iloc[int(np.argmin(docids))]!r:.80}, which the index '
                             f'at {index.path} does not have')  # fmt: skip
        codes = np.array(opened.languages, dtype=object)[opened.lang_ids[docids]]
        if langs is not None:
            relevant, codes = relevant[np.isin(codes, list(langs))], codes[np.isin(codes, list(langs))]
        several = pd.Series(codes, dtype=object).groupby(relevant['qid'].to_numpy()).nunique() > 1
        if not several.any():
            raise ValueError('no query of the qrels has relevant passages in two of the languages that are searched, '
                             'which the rank distance is between')  # fmt: skip
        by_docno = Languages(dict(zip(relevant['docno'], codes)))
        self._judgements = read_judgements(relevant[relevant['qid'].isin(several.index[several])])
        self._measures = {f'RankDistance@{k}': RankDistance(langs=by_docno) @ k,
                          f'RankDistance(pool={pool})': RankDistance(langs=by_docno, pool=pool)}  # fmt: skip

    def __call__(self, run: pd.DataFrame) -> dict[str, float]:
        """The means, by the names of the measures."""
        from pyterrier_hybrid.measures.evaluation import Evaluation
        from pyterrier_hybrid.measures.table import read_run

        evaluation = Evaluation(self._judgements, read_run(run))
        return {name: float(measure.evaluate(evaluation).value.mean()) for name, measure in self._measures.items()}


def _chosen(tried: list[dict], trial: _Trial, recall: float, least: float) -> Tuning:
    """Returns the tuning; raises RecallNotReached if no setting finds enough."""
    reached = [row for row in tried if row['reached']]
    best = min(reached, key=lambda row: row['seconds']) if reached else max(tried, key=lambda row: row['least_recall'])
    table = pd.DataFrame([trial.row, *({name: row[name] for name in trial.row} for row in tried)])
    tuning = Tuning(best['backend'], table, pd.DataFrame(trial.languages))
    if not reached:
        raise RecallNotReached(
            f'no setting has a recall of {recall} in the mean and of {least} in every language at k={trial.k}; the '
            f'best is {best["setting"]} with {best["recall"]:.3f} in the mean and {best["least_recall"]:.3f} for '
            f'{best["least_in"]}: ask for less, or give a backend of another shape, such as more code_bytes', tuning,
        )  # fmt: skip
    return tuning
