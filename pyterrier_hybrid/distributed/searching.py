"""Exact search over an index whose rows are held by actors of a Ray cluster: the results of one process."""
import os
import time
import warnings
from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import ExitStack, suppress
from itertools import pairwise

import numpy as np

from pyterrier_hybrid.indexing import MultilingualIndex
from pyterrier_hybrid.indexing.opened import OpenedIndex
from pyterrier_hybrid.indexing.retriever import DenseRetriever
from pyterrier_hybrid.languages import check_languages
from pyterrier_hybrid.ranking.order import from_order_keys, order_keys

from .cluster import capacity, cluster
from .held_rows import HeldRows
from .resources import Resources

#: How often an actor is asked that dies or is not there; over about a minute, as it is started again.
_ATTEMPTS = 12
#: Seconds after which a search that waits says why.
_PATIENCE = 60
#: Results of all actors that are in memory at a time.
_RESULTS = 2**22


class RayIndex:
    """A :class:`~pyterrier_hybrid.MultilingualIndex` whose rows are divided among actors of a Ray cluster.

    Each actor maps an equal range of rows of the folder, which every machine sees at the same path, and searches
    them; this process merges the best results of all actors. An actor that dies, alone or with its machine, is started
    again where there is room, and searches again: every question is answered, and the run is that of one process.

    The first search starts the actors; they end with :meth:`close` or the block. They serve all retrievers of this
    object. If the folder is replaced, they serve the new index from the next search on.

    Example::

        with RayIndex(MultilingualIndex('/shared/miracl.index'), workers=8) as index:
            run = (encoder.query_encoder() >> index.retriever(100))(topics)

    Args:
        index: the index, or its path.
        workers: the number of actors; as many as the cluster holds by default.
        resources: what each actor has, one processor by default. With a GPU, its first selection is made there.
    """

    def __init__(
        self,
        index: MultilingualIndex | str | os.PathLike,
        *,
        workers: int | None = None,
        resources: Resources | None = None,
    ):
        if workers is not None and workers < 1:
            raise ValueError(f'workers is {workers}; there is at least one')
        self.index = index if isinstance(index, MultilingualIndex) else MultilingualIndex(index)
        self.workers = workers
        self.resources = resources or Resources()
        self._stack: ExitStack | None = None

    def retriever(self, num_results: int = 1000, **options: object) -> 'RayRetriever':
        """An exact retriever, with the results and the ``options`` of :meth:`MultilingualIndex.retriever`, except
        ``backend``, ``candidates`` and ``device``.
        """
        return RayRetriever(self, num_results, **options)

    def search(
        self,
        queries: np.ndarray,
        k: int,
        *,
        langs: str | Iterable[str] | None = None,
        progress: Callable[[int], object] = lambda queries: None,
        opened: OpenedIndex | None = None,
    ) -> tuple[np.ndarray, np.ndarray]:
        """The best ``k`` documents of each query by (score descending, docno ascending).

        Args:
            queries: float32, ``(q, d)``, finite.
            k: how many, at least 1.
            langs: a language code of the index or several, to search in these alone; None for all.
            progress: called with the number of queries finished since the last call.
            opened: what ``index.open()`` has returned, whose docids are meant; it is opened here by default.

        Returns:
            docids (int64) and scores (float32), both ``(q, k)``, or fewer columns if there are fewer documents.

        Raises:
            FileNotFoundError: there is no index, or a machine does not see it.
            ValueError: queries of another shape, no results asked for, a language that the index lacks, or the index
                was replaced during the search.
            ChildProcessError: an actor died again and again.
            ModuleNotFoundError, ConnectionError, ValueError: there is no cluster, see :func:`~.cluster.cluster`.
        """
        opened = self.index.open() if opened is None else opened
        queries, width = np.asarray(queries, np.float32), opened.vecs.shape[1]
        if queries.ndim != 2 or queries.shape[1] != width or k < 1:
            raise ValueError(
                f'queries are {queries.shape} and k is {k}; give queries of (q, {width}) and k of 1 or more'
            )
        if not len(queries):
            shape = 0, min(k, len(opened.vecs))
            return np.empty(shape, np.int64), np.empty(shape, np.float32)
        langs = check_languages(langs, opened.languages, f'the index at {self.index.path}')
        actors = self._start()
        spans = list(pairwise(np.linspace(0, len(opened.vecs), len(actors) + 1).astype(int).tolist()))
        step = max(1, _RESULTS // (k * len(actors)))
        keys = []
        for start in range(0, len(queries), step):
            batch = queries[start : start + step]
            found = self._ask(batch, k, langs, spans, opened.fingerprint)
            docids, scores = (np.concatenate(parts, axis=1) for parts in zip(*found))
            keys.append(np.sort(order_keys(scores, opened.docnos.rank[docids]), axis=1)[:, :k])
            progress(len(batch))
        places, scores = from_order_keys(np.concatenate(keys))
        return opened.docnos.order[places].astype(np.int64), scores

    def close(self) -> None:
        """Ends the actors, and the cluster if it was started here."""
        if self._stack is not None:
            self._stack.close()
            self._stack = None

    def __enter__(self) -> 'RayIndex':
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def _start(self) -> list:
        """The actors, started if there are none."""
        if self._stack is None:
            resources = self.resources
            path, device = os.path.abspath(self.index.path), 'cuda' if resources.num_gpus else None
            with ExitStack() as stack:
                ray = stack.enter_context(cluster(resources))
                held = ray.remote(HeldRows).options(
                    num_cpus=resources.num_cpus, num_gpus=resources.num_gpus, max_restarts=-1,
                    scheduling_strategy='SPREAD', runtime_env={'env_vars': resources.environment()},
                )  # fmt: skip
                self._actors = [held.remote(path, device) for _ in range(self.workers or capacity(ray, resources))]
                for actor in self._actors:
                    stack.callback(_end, ray, actor)
                self._stack = stack.pop_all()
        return self._actors

    def _ask(self, queries, k, langs, spans, fingerprint) -> list[tuple[np.ndarray, np.ndarray]]:
        """What each actor finds in its rows."""
        import ray

        sent = ray.put(queries)

        def ask(i: int):
            return self._actors[i].search.remote(sent, k, langs, spans[i], fingerprint)

        found, failures, asked = {}, Counter(), {ask(i): i for i in range(len(spans))}
        while asked:
            done, _ = ray.wait(list(asked), timeout=_PATIENCE)
            if not done:
                warnings.warn(
                    f'{len(asked)} of {len(spans)} actors have not answered a search in {self.index.path} for '
                    f'{_PATIENCE} s. The cluster has room for {capacity(ray, self.resources)}, unless other work holds '
                    'it; if that is too few, add a machine, or make a RayIndex with fewer workers', stacklevel=2,
                )  # fmt: skip
            for reference in done:
                i = asked.pop(reference)
                try:
                    found[i] = ray.get(reference)
                except ray.exceptions.RayTaskError as error:
                    failure = error.cause if isinstance(error.cause, Exception) else error
                    raise failure from (error if failure is not error else None)
                except ray.exceptions.RayActorError as error:
                    failures[i] += 1
                    if failures[i] == _ATTEMPTS:
                        reason = str(error).strip().partition('\n')[0]
                        raise ChildProcessError(
                            f'a search in {self.index.path} was given up: an actor that holds a part of it died or was '
                            f'not there {_ATTEMPTS} times ({reason:.300}). If memory was short, use more workers'
                        ) from error
                    time.sleep(min(10, 0.1 * 2 ** failures[i]))  # it is started again meanwhile
                    asked[ask(i)] = i
        return [found[i] for i in range(len(spans))]

    def __getstate__(self) -> dict:
        return {name: value for name, value in self.__dict__.items() if name != '_actors'} | {'_stack': None}

    def __repr__(self) -> str:
        return f'RayIndex({self.index!r})'


def _end(ray, actor) -> None:
    """Ends an actor, unless its cluster has ended before: ``ray.kill`` would start a new one then."""
    if ray.is_initialized():
        with suppress(ray.exceptions.ActorHandleNotFoundError):  # of an earlier connection
            ray.kill(actor)


class RayRetriever(DenseRetriever):
    """The :class:`~pyterrier_hybrid.indexing.ExactRetriever` of an index whose rows are held by actors.

    Args:
        ray_index: the index. The other arguments are those of the exact retriever.
    """

    schematic = {'label': 'Exact, on Ray'}  # noqa: RUF012 (PyTerrier reads it from the class)

    def __init__(
        self,
        ray_index: RayIndex,
        num_results: int = 1000,
        *,
        langs: str | Iterable[str] | None = None,
        exclude: str | None = None,
        drop_query_vec: bool = False,
        separate: bool = True,
        verbose: bool = False,
    ):
        super().__init__(
            ray_index.index, num_results, langs=langs, exclude=exclude, drop_query_vec=drop_query_vec,
            separate=separate, verbose=verbose,
        )  # fmt: skip
        self.ray_index = ray_index

    def _search(self, opened, queries, k, progress):
        return self.ray_index.search(queries, k, langs=self.langs, progress=progress, opened=opened)

    def __repr__(self) -> str:
        return super().__repr__().replace(repr(self.index), repr(self.ray_index), 1)
