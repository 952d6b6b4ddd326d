"""One run of a study: an encoder trained on one mix, and its evaluation; and many runs over several processes."""
import os
import shutil
import signal
import tempfile
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import lru_cache
from multiprocessing import active_children, get_context, parent_process
from pathlib import Path
from threading import Thread
from urllib.parse import quote

from .result import Result


@dataclass(frozen=True)
class Run:
    """A run's place in the study.

    Attributes:
        mix: the mix's name.
        shares: the mix itself.
        fraction: of the pairs' passages.
        seed: of everything random.
    """

    mix: str
    shares: dict[str, float]
    fraction: float
    seed: int

    @property
    def name(self) -> str:
        """The name of its folders."""
        part = '' if self.fraction == 1 else f'-data{self.fraction:g}'
        return f'{quote(self.mix, safe=" ,+=")}{part}-seed{self.seed}'


@dataclass(frozen=True)
class Study:
    """What the runs of a study have in common, as it is sent to every process: see :func:`ratio_study`."""

    pairs: object
    folder: Path
    dataset: str
    languages: tuple[str, ...] | None
    measures: tuple
    settings: tuple[str, ...]
    backbone: str
    training: dict

    def model_folder(self, run: Run) -> Path:
        """The folder of the trained encoder, absent or complete."""
        return self.folder / 'models' / run.name

    def result_folder(self, run: Run) -> Path:
        """The folder of the evaluation, absent or complete."""
        return self.folder / 'results' / run.name

    def is_done(self, run: Run) -> bool:
        """Whether a run is trained and evaluated."""
        return self.result_folder(run).is_dir()

    def pairs_for(self, run: Run):
        """The pairs that a run is trained on."""
        from .study_subset import PairsSubset

        return self.pairs if run.fraction == 1 else PairsSubset(self.pairs, run.fraction, seed=run.seed)


def complete(study: Study, run: Run, verbose: bool) -> None:
    """Trains and evaluates what is missing of a run."""
    from pyterrier_hybrid.encoding import HybridEncoder
    from pyterrier_hybrid.indexing import MultilingualIndex
    from pyterrier_hybrid.training import train

    from .settings import MultilingualExperiment

    model = study.model_folder(run)
    if model.is_dir():
        encoder = HybridEncoder(model, device=study.training.get('device'))
    else:
        model.parent.mkdir(exist_ok=True)
        encoder = train(
            study.pairs_for(run), model, backbone=study.backbone, mix=run.shares, seed=run.seed, resume=True,
            verbose=verbose, **study.training,
        )  # fmt: skip
    collection = _collection(study.dataset, study.languages)
    with tempfile.TemporaryDirectory(dir=study.folder, prefix='.index-') as temporary:
        index = MultilingualIndex(Path(temporary) / 'index.flex', verbose=verbose)
        (encoder.doc_encoder() >> index).index(collection.docs())
        result = MultilingualExperiment(
            {run.mix: (encoder, index)}, collection, study.measures, settings=study.settings, verbose=verbose
        )
    place = {'mix': run.mix, 'shares': run.shares, 'fraction': run.fraction, 'seed': run.seed}
    replace(result, provenance={**result.provenance, 'run': place}).save(study.result_folder(run))


def complete_all(study: Study, runs: list[Run], processes: int, verbose: bool) -> Iterator[Run]:
    """Completes runs, in this process or in several, and yields each when it is done.

    After the first error no further run is begun; those that are under way in other processes are brought to their end.
    Ctrl-C ends them at once.
    """
    if processes == 1 or len(runs) < 2:
        for run in runs:
            complete(study, run, verbose)
            yield run
        return
    processes, others = min(processes, len(runs)), set(active_children())
    with _threads_shared(processes):
        executor = ProcessPoolExecutor(processes, mp_context=get_context('spawn'), initializer=_obey_parent)
        try:
            done = {executor.submit(complete, study, run, False): run for run in runs}
            for future in as_completed(done):
                future.result()
                yield done[future]
        except BrokenProcessPool:
            raise ChildProcessError(
                f'one of the {processes} processes of the study in {study.folder} was killed, perhaps for want of '
                'memory; begin it again with fewer, what was finished is kept'
            ) from None
        except KeyboardInterrupt:
            for child in set(active_children()) - others:
                child.terminate()
            raise
        finally:
            executor.shutdown(cancel_futures=True)


def load_all(study: Study, runs: Iterable[Run]) -> list[Result]:
    """The results of finished runs."""
    return [Result.load(study.result_folder(run)) for run in runs]


def clear_leftovers(folder: Path) -> None:
    """Removes what killed processes have left behind: indexes, and encoders that were being saved."""
    for path in (*folder.glob('.index-*'), *folder.glob('models/*.training-*')):
        shutil.rmtree(path, ignore_errors=True)


@contextmanager
def _threads_shared(processes: int) -> Iterator[None]:
    """Gives each of the processes begun meanwhile its part of the threads that this one would use.

    Through the environment, because numpy's and torch's thread pools read it when they are loaded, before any code of
    ours runs in a new process.
    """
    before = os.environ.get('OMP_NUM_THREADS')
    threads = int(before) if before and before.isdigit() else len(os.sched_getaffinity(0))
    os.environ['OMP_NUM_THREADS'] = str(max(1, threads // processes))
    try:
        yield
    finally:
        if before is None:
            del os.environ['OMP_NUM_THREADS']
        else:
            os.environ['OMP_NUM_THREADS'] = before


def _obey_parent() -> None:
    """Leaves Ctrl-C to the process that began this one, and ends when it does: no killed study goes on unseen."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    Thread(target=lambda: (parent_process().join(), os._exit(1)), daemon=True).start()


@lru_cache(maxsize=1)
def _collection(dataset: str, languages: tuple[str, ...] | None):
    """The collection, read once in a process."""
    from .evaluation_set import EvaluationSet

    return EvaluationSet(dataset, languages=languages)
