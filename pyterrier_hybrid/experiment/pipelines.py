"""Systems that return runs: pipelines, evaluated setting by setting, and existing runs."""
import hashlib
import re
from collections.abc import Callable

import numpy as np
import pandas as pd
import pyterrier as pt

from pyterrier_hybrid.experiment.evaluation_set import EvaluationSet
from pyterrier_hybrid.experiment.setting import Judged, Setting
from pyterrier_hybrid.experiment.systems import System
from pyterrier_hybrid.languages import DOC_LANG, QUERY_LANG
from pyterrier_hybrid.measures.ranking import Ranking, rank_judged
from pyterrier_hybrid.measures.table import Table, read_run

_COLUMNS = ('qid', 'docno', 'score')
WHOLE_POOL_ONLY = (
    'a ranking of the whole pool cannot be cut down to one language after the fact; give (encoder, index), or a '
    'callable of languages that returns a pipeline over them'
)


class PoolSystem(System):
    """A callable that takes a list of languages, or None for all, and returns a pipeline; called once for each pool."""

    kind = 'pipeline'

    def __init__(self, name: str, collection: EvaluationSet, build: Callable):
        super().__init__(name, collection)
        self._build = build
        self._pipelines: dict[str | None, pt.Transformer] = {}
        self._last: tuple[Setting, Table, pd.DataFrame] | None = None
        self._asked = self._answered = 0
        self._is_cut = False
        #: For each kind of setting, the length of the longest list returned, and of the longest possible one.
        self._depths: dict[str, tuple[int, int]] = {}

    def pipeline(self, doc_lang: str | None) -> pt.Transformer:
        """The pipeline over the passages in a language, or in all."""
        if doc_lang not in self._pipelines:
            whole = None if self.collection.is_whole else list(self.collection.languages)
            pipeline = self._build(whole if doc_lang is None else [doc_lang])
            if not isinstance(pipeline, pt.Transformer):
                raise TypeError(
                    f'system {self.name!r}: the callable returned a {type(pipeline).__name__} for {doc_lang or "all"}; '
                    'it takes a list of languages, or None for all, and returns a Transformer'
                )
            self._pipelines[doc_lang] = pipeline
        return self._pipelines[doc_lang]

    def retrieve(self, setting: Setting, judged: Judged) -> pd.DataFrame:
        """The run of a setting's questions, as the system gives it."""
        topics = self.collection.topics(setting.query_lang)
        return self.pipeline(setting.doc_lang)(topics[topics['qid'].isin(judged.qids)].reset_index(drop=True))

    def ranks(self, setting: Setting, judged: Judged) -> tuple[np.ndarray, np.ndarray]:
        ranking, _ = self._ranking(setting, judged, depth=0)
        self._asked += judged.n_queries
        self._answered += np.count_nonzero(ranking.lengths)
        longest, pool = self._depths.get(setting.kind, (0, 0))
        self._depths[setting.kind] = max(longest, int(ranking.lengths.max(initial=0))), max(pool, judged.longest)
        if setting.doc_lang is None:
            self._is_cut |= bool((ranking.lengths + judged.own < judged.pool).any())
        return ranking.ranks, ranking.lengths

    def run(self, setting: Setting, judged: Judged, depth: int | None) -> pd.DataFrame:
        ranking, frame = self._ranking(setting, judged, judged.pool if depth is None else depth)
        found = frame.iloc[ranking.top_rows]
        langs = self.collection.doc_langs.reindex(found['docno'].to_numpy(dtype=object)).to_numpy()
        return found.assign(**{'rank': ranking.top_ranks - 1, DOC_LANG: langs})

    def describe(self) -> dict:
        whole = self._pipelines.get(None, next(iter(self._pipelines.values()), None))
        return {'kind': self.kind, 'pipeline': _lasting(repr(whole))}

    def cut(self) -> int | None:
        return self._depths['multilingual'][0] if self._is_cut else None

    def notes(self) -> list[str]:
        notes = []
        cut = {kind: depth for kind, depth in self._depths.items() if 0 < depth[0] < depth[1]}
        if cut:
            found = ', '.join(f'{n:,} of {pool:,} in the {kind} settings' for kind, (n, pool) in cut.items())
            last = ', and RankDistance assumes that they follow in random order' * ('multilingual' in cut)
            notes.append(
                f'{self.name} did not return all passages for a question, but at most {found}; the others count as not '
                f'retrieved{last}.'
            )
        if self._answered < self._asked:
            notes.append(f'{self.name} returned nothing for {self._asked - self._answered:,} of {self._asked:,} '
                         'questions, over all settings.')  # fmt: skip
        return notes

    def _ranking(self, setting: Setting, judged: Judged, depth: int) -> tuple[Ranking, pd.DataFrame]:
        if self._last is None or self._last[0] != setting:
            frame = self.retrieve(setting, judged)
            self._last = setting, *self._read(frame, setting)
        _, table, frame = self._last
        try:
            ranking = rank_judged(table, list(judged.qids), judged.queries, judged.docnos, depth)
        except ValueError as error:
            raise ValueError(f'system {self.name!r}, {setting}: {error}') from None
        return ranking, frame

    def _read(self, frame: pd.DataFrame, setting: Setting) -> tuple[Table, pd.DataFrame]:
        """Checks a run; returns it as arrays and as a frame. All its passages are of the setting."""
        where = f'system {self.name!r}, {setting}'
        if not isinstance(frame, pd.DataFrame):
            raise TypeError(f'{where}: it returned a {type(frame).__name__}; a pipeline returns a DataFrame')
        missing = [column for column in _COLUMNS if column not in frame.columns]
        if missing:
            raise ValueError(f'{where}: it returned no {", ".join(missing)}, but {", ".join(map(str, frame.columns))}')
        if self.collection.ignore_identical_ids:
            frame = frame[frame['qid'].astype(object) != frame['docno'].astype(object)]  # they may be categories
        try:
            table = read_run(frame)
        except ValueError as error:
            raise ValueError(f'{where}: {error}') from None
        langs = self.collection.doc_langs.reindex(table.doc_ids)
        if langs.isna().any():
            unknown = langs.index[langs.isna()][0]
            raise ValueError(f'{where}: it returned {unknown!r}, which is no passage of {self.collection!r}')
        if setting.doc_lang is not None and (langs != setting.doc_lang).any():
            other = langs.index[langs != setting.doc_lang][0]
            raise ValueError(
                f'{where}: it returned {other!r}, which is in {langs[other]}; the callable must return a pipeline over '
                'the languages that it is given'
            )
        asked = self.collection.topics(setting.query_lang)['qid']
        if len(table.query_ids) and not set(table.query_ids) & set(asked):
            raise ValueError(
                f'{where}: it answers {table.query_ids[0]!r}, which is no question of {self.collection.name} in '
                f'{setting.query_lang}'
            )
        return table, frame


class FixedSystem(PoolSystem):
    """A pipeline over all passages, for the multilingual settings alone."""

    def __init__(self, name: str, collection: EvaluationSet, pipeline: pt.Transformer):
        super().__init__(name, collection, lambda langs: pipeline)

    def refuses(self, setting: Setting) -> str:
        return '' if setting.doc_lang is None else WHOLE_POOL_ONLY


class RunSystem(PoolSystem):
    """An existing run over all passages, for the multilingual settings alone.

    It has ``qid, docno, score``, and ``query_lang`` if a question has one qid in several languages.
    """

    kind = 'run'

    def __init__(self, name: str, collection: EvaluationSet, run: pd.DataFrame):
        super().__init__(name, collection, lambda langs: None)
        missing = [column for column in _COLUMNS if column not in run.columns]
        if missing:
            raise ValueError(f'system {name!r} is a run without {", ".join(missing)}; it has {", ".join(run.columns)}')
        self._run = run
        if QUERY_LANG not in run.columns:
            self._run = run.assign(**{QUERY_LANG: run['qid'].map(self._languages_of_questions())})
        elif run[QUERY_LANG].isna().any():
            qid = run['qid'][run[QUERY_LANG].isna()].iloc[0]
            raise ValueError(f'system {name!r} is a run with a row for question {qid!r} that has no {QUERY_LANG}')
        if not self._run[QUERY_LANG].isin(collection.query_languages).any():
            langs = ', '.join(map(str, run[QUERY_LANG].unique())) if QUERY_LANG in run.columns else ''
            has = f'it has questions in {langs}' if langs else f'it has {len(run)} rows'
            raise ValueError(
                f'system {name!r} is a run without any question of {collection!r}; {has}'
                + (f', the first for {run["qid"].iloc[0]!r}; ids are strings' if len(run) else '')
            )

    def refuses(self, setting: Setting) -> str:
        if setting.doc_lang is not None:
            return WHOLE_POOL_ONLY
        has = (self._run[QUERY_LANG] == setting.query_lang).any()
        return '' if has else f'the run has nothing for questions in {setting.query_lang}'

    def retrieve(self, setting: Setting, judged: Judged) -> pd.DataFrame:
        return self._run[self._run[QUERY_LANG] == setting.query_lang].reset_index(drop=True)

    def describe(self) -> dict:
        rows = self._run[['qid', 'docno', 'score', QUERY_LANG]].astype({'qid': str, 'docno': str, QUERY_LANG: str})
        digest = hashlib.sha256(rows.to_csv(index=False).encode()).hexdigest()[:32]
        return {'kind': 'run', 'rows': len(rows), 'run': digest}

    def _languages_of_questions(self) -> dict[str, str]:
        langs: dict[str, str] = {}
        for lang in self.collection.query_languages:
            for qid in self.collection.topics(lang)['qid']:
                if qid in langs:
                    raise ValueError(
                        f'system {self.name!r} is a run without {QUERY_LANG}, and question {qid!r} is asked in '
                        f'{langs[qid]} and in {lang}; give the run the column {QUERY_LANG}'
                    )
                langs[qid] = lang
        return langs


def _lasting(text: str) -> str:
    """A repr without the parts that differ between equal pipelines: addresses in memory, and the folders of paths."""
    return re.sub(r"'[^']*/([^'/]*)'", r"'\1'", re.sub(r' at 0x[0-9a-f]+', '', text))
