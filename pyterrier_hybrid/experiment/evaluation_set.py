"""The data of an experiment: questions by language, passages in several languages, and judgements."""
import hashlib
import warnings
from collections.abc import Callable, Iterable, Iterator
from functools import cached_property, wraps

import numpy as np
import pandas as pd

from datasets_ext.opening import in_languages, name_of, open_dataset
from pyterrier_hybrid.experiment.judgements import check_held, checked_qrels, of_questions_in, with_languages
from pyterrier_hybrid.experiment.passages import judged_docnos, read_passages
from pyterrier_hybrid.experiment.questions import is_empty, question_sets
from pyterrier_hybrid.experiment.setting import Judged, Setting
from pyterrier_hybrid.languages import QUERY_LANG, check_languages


def _kept(method: Callable) -> Callable:
    """Caches, on the object, the results of a method of one argument."""

    @wraps(method)
    def get(self: 'EvaluationSet', key: object) -> object:
        if (method, key) not in self._found:
            self._found[method, key] = method(self, key)
        return self._found[method, key]

    return get


class EvaluationSet:
    """Questions in several languages over one pool of passages in several languages.

    Args:
        dataset: a collection's name, ``'xquad-r'``, ``'mlqa-r'``, ``'worldfacts'``, ``'miracl-multi/dev'`` or one of
            your own, with or without ``'hybrid:'`` or ``'irds:'``; what ``pt.get_dataset`` or ``ir_datasets.load``
            returns for it; or another data set whose topics and qrels name their languages, such as
            ``pooled_miracl(['sw', 'yo'], 'dev')``.
        languages: the languages to keep, of questions and passages alike; None for all.
        ignore_identical_ids: leave a passage out of the ranking of the question that has its id, as BEIR does where
            questions are passages of the corpus themselves (ArguAna, Quora).

    Attributes:
        name: the collection's name.
        languages: the passages' languages, sorted.
        query_languages: the questions' languages, sorted.
        is_whole: whether the pool is all of the collection's passages.
        pool_sizes: passages by language: int, indexed by code.

    Raises:
        KeyError: an unknown data set; names the known ones.
        ValueError: a name that is one setting of a collection (``'xquad-r/en'``), a language it does not have, or a
            collection without questions.
    """

    def __init__(
        self, dataset: object, *, languages: Iterable[str] | None = None, ignore_identical_ids: bool = False
    ):
        self._found: dict[tuple, object] = {}
        self._empty: dict[str, set[str]] = {}
        self.ignore_identical_ids = ignore_identical_ids
        self._base = open_dataset(dataset)
        self.name: str = name_of(self._base)
        self._asked = question_sets(self._base, self.name)
        every, asked = None, self._asked.values()
        if languages is not None:
            languages = [languages] if isinstance(languages, str) else list(languages)
            self._base, every = in_languages(self._base, languages)
            asked = [self._asked[lang] for lang in languages if lang in self._asked]
        counts, digests, self._held = read_passages(self._base, self.name, judged_docnos(asked))
        known = sorted({*counts, *self._asked})
        chosen = check_languages(languages, known, f'the collection {self.name}') or known
        self.languages = [lang for lang in chosen if lang in counts]
        self.query_languages = [lang for lang in chosen if lang in self._asked]
        if not self.languages or not self.query_languages:
            missing = 'questions' if self.languages else 'passages'
            raise ValueError(f'{self.name} has no {missing} in {", ".join(chosen)}')
        self._left_out = {*(every or counts)}.difference(self.languages)
        self.is_whole = not self._left_out
        self.pool_sizes = pd.Series(counts)[self.languages]
        self._digests = [digests[lang] for lang in self.languages]
        #: The number of every language. The passages' languages come first.
        self.codes = {lang: i for i, lang in enumerate(dict.fromkeys([*self.languages, *chosen]))}

    def docs(self) -> Iterator[dict]:
        """Yields the passages in the chosen languages: ``docno, text, lang`` and the collection's own fields."""
        yield from (doc for doc in self._base.get_corpus_iter(verbose=False) if doc['lang'] in self.languages)

    @_kept
    def topics(self, lang: str) -> pd.DataFrame:
        """The questions in a language: ``qid, query, query_lang``. Warns of empty ones, which are left out.

        Raises:
            ValueError: two questions of one qid.
        """
        topics = self._asked[lang].get_topics()
        topics = topics.loc[topics[QUERY_LANG] == lang, ['qid', 'query', QUERY_LANG]]
        twice = topics['qid'].duplicated()
        if twice.any():
            raise ValueError(f'{self.name} asks {topics["qid"][twice].iloc[0]!r:.80} twice in {lang}; ids are unique')
        empty = is_empty(topics['query'])
        if empty.any():
            warnings.warn(
                f'{self.name}: {empty.sum()} of {len(topics)} questions in {lang} are empty and left out, the first is '
                f'{topics["qid"][empty].iloc[0]!r:.80}', stacklevel=3,
            )  # fmt: skip
            self._empty[lang] = set(topics['qid'][empty])
        return topics[~empty].reset_index(drop=True)

    @_kept
    def qrels(self, lang: str) -> pd.DataFrame:
        """The judgements of the questions in a language, of passages in the chosen languages, each once.

        Columns ``qid, docno, label`` (int64), ``iteration``, the passage's language, and ``query_lang``. An
        ``iteration`` that says nothing (empty, ``'0'``, ``'Q0'``) becomes the language of the passage, and a missing
        ``query_lang`` that of the question.

        Raises:
            ValueError: a column that is not there, a label that is no whole number, a judgement of a question that is
                not asked, two judgements that contradict each other, an ``iteration`` that is not the passage's
                language, or a relevant passage that the collection does not have.
        """
        asked = self.topics(lang)['qid']
        qrels = of_questions_in(lang, self._asked[lang], self.name)
        qrels = qrels[~qrels['qid'].isin(self._empty.get(lang, ()))]
        if self.ignore_identical_ids:
            qrels = qrels[qrels['qid'].astype(object) != qrels['docno'].astype(object)]
        qrels = with_languages(qrels, self._held, lang, self.name)
        qrels = checked_qrels(qrels[~qrels['iteration'].isin(self._left_out)], asked, lang, self.name)
        check_held(qrels, self._held, lang, self.name)
        return qrels[qrels['iteration'].isin(self.languages)].reset_index(drop=True)

    @_kept
    def relevant(self, lang: str) -> pd.DataFrame:
        """The relevant passages of the questions in a language, in the questions' order.

        Columns ``qid, docno, label``, ``query``, the question's row in :meth:`topics`, and ``lang``, the number of the
        passage's language. Warns of questions that have none: no setting asks them.
        """
        topics = pd.Index(self.topics(lang)['qid'])
        qrels = self.qrels(lang)
        qrels = qrels[qrels['label'] >= 1]
        unanswered = len(topics.difference(qrels['qid']))
        if unanswered:
            warnings.warn(
                f'{self.name}: {unanswered} of {len(topics)} questions in {lang} have no relevant passage and are left '
                'out', stacklevel=3,
            )  # fmt: skip
        langs = qrels['iteration'].map(self.codes).astype(int)
        qrels = qrels.assign(query=topics.get_indexer(qrels['qid']), lang=langs).sort_values('query', kind='stable')
        return qrels[['qid', 'docno', 'label', 'query', 'lang']].astype({'qid': object}).reset_index(drop=True)

    @_kept
    def judged(self, setting: Setting) -> Judged:
        """The relevant passages of one setting."""
        relevant = self.relevant(setting.query_lang)
        langs = relevant['lang'].to_numpy()
        rows = np.arange(len(relevant))
        if setting.doc_lang is not None:
            rows = rows[langs == self.codes[setting.doc_lang]]
        queries, qids = pd.factorize(relevant['qid'].to_numpy()[rows])
        return Judged(
            qids=qids, queries=queries, docnos=relevant['docno'].to_numpy(dtype=object)[rows], langs=langs[rows],
            relevance=relevant['label'].to_numpy()[rows], rows=rows, query_lang=self.codes[setting.query_lang],
            pool=int(self.pool_sizes.sum() if setting.doc_lang is None else self.pool_sizes[setting.doc_lang]),
            own=self._are_passages(qids, setting.doc_lang),
        )  # fmt: skip

    def _are_passages(self, qids: np.ndarray, lang: str | None) -> np.ndarray:
        """Whether each question is itself a passage, in a language or in any, and is left out of its own ranking."""
        if not self.ignore_identical_ids:
            return np.zeros(len(qids), dtype=bool)
        langs = self.doc_langs.reindex(qids)
        return (langs.notna() if lang is None else langs == lang).to_numpy()

    def judgements(self, setting: Setting) -> pd.DataFrame:
        """The judgements of the questions that a setting asks, columns as :meth:`qrels`."""
        qrels = self.qrels(setting.query_lang)
        qrels = qrels[qrels['qid'].isin(self.judged(setting).qids)]
        return qrels if setting.doc_lang is None else qrels[qrels['iteration'] == setting.doc_lang]

    @cached_property
    def doc_langs(self) -> pd.Series:
        """Every passage's language, indexed by docno.

        Raises:
            ValueError: two passages of one docno.
        """
        docnos, langs = [], []  # no pairs, which would take more memory than the docnos
        for doc in self.docs():
            docnos.append(doc['docno'])
            langs.append(doc['lang'])
        langs = pd.Series(langs, index=docnos)
        twice = langs.index.duplicated()
        if twice.any():
            docno = langs.index[twice][0]
            found = ' and in '.join(langs[docno].unique())
            raise ValueError(f'{self.name} has the passage {docno!r:.80} {len(langs[docno])} times, in {found}; docnos '
                             'are unique')  # fmt: skip
        return langs

    @cached_property
    def fingerprint(self) -> str:
        """A digest of the passages, questions and judgements in the chosen languages."""
        digest = hashlib.sha256(''.join(self._digests).encode())
        for lang in self.query_languages:
            for frame in (self.topics(lang), self.qrels(lang)):
                digest.update(repr(list(frame.itertuples(index=False, name=None))).encode())
        return digest.hexdigest()[:32]

    def __repr__(self) -> str:
        return f'EvaluationSet({self.name!r}, languages={list(self.codes)})'


def as_evaluation_set(
    dataset: object, languages: Iterable[str] | None = None, ignore_identical_ids: bool = False
) -> EvaluationSet:
    """Returns an :class:`EvaluationSet` unchanged, or makes one from the data set that a user names."""
    if not isinstance(dataset, EvaluationSet):
        return EvaluationSet(dataset, languages=languages, ignore_identical_ids=ignore_identical_ids)
    if languages is not None:
        raise ValueError('an EvaluationSet has languages of its own; choose them there, not with languages=')
    if ignore_identical_ids and not dataset.ignore_identical_ids:
        raise ValueError('give ignore_identical_ids=True to the EvaluationSet, not beside it')
    return dataset
