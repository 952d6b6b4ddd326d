"""The runs of a study. Each trains and evaluates an encoder, in this process, in several, or on a Ray cluster."""
import os
import re
import signal
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import closing, contextmanager, nullcontext
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from multiprocessing import active_children, get_context, parent_process
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from ir_measures.measures import Measure

from pyterrier_hybrid.distributed import Resources, on_ray
from pyterrier_hybrid.distributed.resources import processors
from pyterrier_hybrid.experiment.storage import RESULT_FILE
from pyterrier_hybrid.experiment.study_dataset import check_known
from pyterrier_hybrid.publishing import discard, scratch, scratches

if TYPE_CHECKING:
    from pyterrier_hybrid.experiment.evaluation_set import EvaluationSet
    from pyterrier_hybrid.training.arguments import TrainingArguments

#: Seconds to wait until a shared file system shows what another machine has written; NFS takes up to a minute.
SEEN_WITHIN = 90
#: The name from which the names of the indexes' working folders are made; nothing is written to it.
INDEX = 'index'


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
        """The name of its folders, different for every run."""
        # -data or -seed follow the mix's name, so they must not occur in it.
        mix = re.sub('-(?=data|seed)', '%2D', quote(self.mix, safe=' ,+='))
        mix = re.sub(r'^\.', '%2E', mix)  # otherwise the folder would be hidden
        short = f'{self.fraction:g}'
        part = '' if self.fraction == 1 else f'-data{short if float(short) == self.fraction else repr(self.fraction)}'
        return f'{mix}{part}-seed{self.seed}'


@dataclass(frozen=True)
class Study:
    """A study: its runs and what they have in common, see :func:`ratio_study`; sent to every process.

    Attributes:
        mixes: by name, their shares as floats.
        runs: every combination, once.
        training: further arguments of :func:`train`.
        arguments: of the training of the first run, checked; the others differ in mix and seed alone.
        resources: of each run on a Ray cluster; None for none.
    """

    mixes: dict[str, dict[str, float]]
    runs: list[Run]
    dataset: object
    measures: tuple[Measure, ...]
    settings: tuple[str, ...]
    backbone: str
    training: dict[str, Any]
    arguments: 'TrainingArguments'
    resources: Resources | None
    pairs: Any = None
    folder: Path = Path()
    languages: tuple[str, ...] | None = None
    ignore_identical_ids: bool = False

    def model_folder(self, run: Run) -> Path:
        """The folder of the trained encoder, absent or complete."""
        return self.folder / 'models' / run.name

    def result_folder(self, run: Run) -> Path:
        """The folder of the evaluation, absent or complete."""
        return self.folder / 'results' / run.name

    def is_done(self, run: Run) -> bool:
        """Whether a run is trained and evaluated."""
        return (self.result_folder(run) / RESULT_FILE).is_file()

    def pairs_for(self, run: Run):
        """The pairs that a run is trained on."""
        from pyterrier_hybrid.pairs import PairsSubset

        return self.pairs if run.fraction == 1 else PairsSubset(self.pairs, run.fraction, seed=run.seed)


def complete(study: Study, run: Run, verbose: bool) -> None:
    """Trains and evaluates an encoder, unless that is done already; the message of an error begins with the run."""
    from pyterrier_hybrid.experiment.multilingual import MultilingualExperiment
    from pyterrier_hybrid.indexing import MultilingualIndex
    from pyterrier_hybrid.training import train
    from pyterrier_hybrid.training.record import verify_run

    with _named(run):
        check_known(study.dataset, ray=study.resources is not None)
        model = study.model_folder(run)
        model.parent.mkdir(exist_ok=True)
        if model.is_dir():
            verify_run(model)
        encoder = train(  # for a finished run, this only reads the encoder and removes remaining checkpoints
            study.pairs_for(run), model, backbone=study.backbone, mix=run.shares, seed=run.seed, resume=True,
            verbose=verbose, **study.training,
        )  # fmt: skip
        collection = collection_of(study.dataset, study.languages, study.ignore_identical_ids)
        work = scratch(study.folder / INDEX)
        try:
            index = MultilingualIndex(work / 'index.flex', verbose=verbose)
            (encoder.doc_encoder() >> index).index(collection.docs())
            result = MultilingualExperiment(
                {run.mix: (encoder, index)}, collection, study.measures, settings=study.settings, verbose=verbose
            )
        finally:
            discard(work)
        place = {'mix': run.mix, 'shares': run.shares, 'fraction': run.fraction, 'seed': run.seed}
        replace(result, provenance={**result.provenance, 'run': place}).save(study.result_folder(run))


def complete_all(study: Study, runs: list[Run], processes: int, verbose: bool) -> Iterator[Run]:
    """Completes runs, in this process, in several, or on a Ray cluster, and yields each run when it is done.

    After the first error no further run is started, and runs in other processes are completed. Ctrl-C ends them at
    once.
    """
    if study.resources is not None:  # one task for each run; all machines see the folders at the same paths
        from pyterrier_hybrid.encoding.precision import one_precision

        folders = [study.folder, _folder(study.pairs), *([study.backbone] if os.path.isdir(study.backbone) else [])]
        work = partial(complete, study, verbose=False)
        tasks = on_ray(work, runs, resources=study.resources, folders=folders, name=lambda run: f'run {run.name}')
        with nullcontext() if study.resources.num_gpus else one_precision(), closing(tasks):
            for run, _ in tasks:
                _wait_for_result(study.result_folder(run))
                yield run
        return
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
                f'one of the {processes} processes of the study in {study.folder} was killed, perhaps because '
                'memory was short; start the study again with fewer processes, finished runs are kept'
            ) from None
        except (KeyboardInterrupt, SystemExit):  # Ctrl-C and SIGTERM
            for child in set(active_children()) - others:
                child.terminate()
            raise
        finally:
            executor.shutdown(cancel_futures=True)


def _wait_for_result(folder: Path) -> None:
    """Waits until this machine sees what another one has written, at most :data:`SEEN_WITHIN` seconds."""
    deadline = time.monotonic() + SEEN_WITHIN
    # List the parent folder: that asks the file server, while a client may cache for a while that a folder is absent.
    while not folder.parent.is_dir() or folder.name not in os.listdir(folder.parent):
        if time.monotonic() > deadline:
            raise FileNotFoundError(
                f'run {folder.name} was finished on a machine of the Ray cluster, but its result is not in '
                f'{folder.parent}; this folder must be the same on all machines, so put it on a file system that they '
                'share'
            )
        time.sleep(0.5)


def clear_leftovers(folder: Path) -> None:
    """Removes indexes that killed processes have left. Training and saving remove their own leftovers."""
    for leftover in scratches(folder / INDEX):
        discard(leftover)


def _folder(pairs) -> Path:
    """The folder of pairs; for a view, that of the underlying pairs."""
    return pairs.folder if hasattr(pairs, 'folder') else _folder(pairs.pairs)


@contextmanager
def _named(run: Run) -> Iterator[None]:
    """Puts the run's name before the message of an error."""
    try:
        yield
    except Exception as error:
        if len(error.args) == 1 and isinstance(error.args[0], str):
            error.args = (f'run {run.name}: {error.args[0]}',)
        raise


@contextmanager
def _threads_shared(processes: int) -> Iterator[None]:
    """A block in which every process that is started gets its share of the threads that this process would use.

    It sets an environment variable, because numpy's and torch's thread pools read it when they are loaded, which is
    before any code of this package runs in a new process.
    """
    before = os.environ.get('OMP_NUM_THREADS')
    threads = int(before) if before and before.isdigit() else processors()
    os.environ['OMP_NUM_THREADS'] = str(max(1, threads // processes))
    try:
        yield
    finally:
        if before is None:
            del os.environ['OMP_NUM_THREADS']
        else:
            os.environ['OMP_NUM_THREADS'] = before


def _obey_parent() -> None:
    """Leaves Ctrl-C to the parent process, and ends this process when the parent ends, even if that was killed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    Thread(target=lambda: (parent_process().join(), os._exit(1)), daemon=True).start()


@lru_cache(maxsize=1)
def collection_of(
    dataset: object, languages: tuple[str, ...] | None, ignore_identical_ids: bool = False
) -> 'EvaluationSet':
    """Returns the collection, which every process reads once. :func:`ratio_study` clears this cache at its end."""
    from pyterrier_hybrid.experiment.evaluation_set import EvaluationSet

    return EvaluationSet(dataset, languages=languages, ignore_identical_ids=ignore_identical_ids)
