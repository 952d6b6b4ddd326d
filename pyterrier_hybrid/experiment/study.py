"""What the ratio of the mix does: an encoder for every mix, seed and amount of data, and one table."""
import inspect
import json
import os
from collections.abc import Iterable, Mapping, Sequence
from numbers import Real
from pathlib import Path
from typing import Any

import pyterrier as pt
from ir_measures import AP, R

from pyterrier_hybrid.distributed import Resources
from pyterrier_hybrid.distributed.cluster import import_ray
from pyterrier_hybrid.experiment.frames import SETTING_KINDS
from pyterrier_hybrid.experiment.study_mixes import mix_name
from pyterrier_hybrid.experiment.study_result import STUDY_FILE, StudyResult, read_study
from pyterrier_hybrid.experiment.study_runs import Run, Study, clear_leftovers, complete_all
from pyterrier_hybrid.files import only_one, replace_text
from pyterrier_hybrid.measures import LPR, RankDistance
from pyterrier_hybrid.pairs.protocol import Pairs

FORMAT = 1
TABLE = 'study.csv'
#: Of the name of a run's folder; file systems take 255, of which partial folders need some.
MOST_BYTES = 200
#: Arguments of training that do not change what is trained.
WITHOUT_EFFECT = ('checkpoint_steps', 'device', 'report_to')


def ratio_study(
    pairs: Pairs,
    folder: str | os.PathLike,
    *,
    mixes: Mapping[str, Mapping[str, float]] | Iterable[Mapping[str, float]],
    seeds: Iterable[int] = (0,),
    dataset: str,
    fractions: Iterable[float] = (1.0,),
    measures: Sequence = (AP, R @ 10, RankDistance, LPR),
    settings: Sequence[str] = SETTING_KINDS,
    languages: Iterable[str] | None = None,
    backbone: str = 'static',
    processes: int = 1,
    ray: bool | Mapping[str, float] = False,
    verbose: bool = True,
    **training: Any,
) -> StudyResult:
    """Trains an encoder for every mix, seed and fraction of the data, and evaluates it in all language settings.

    The folder holds ``models/<run>``, ``results/<run>`` (a :class:`Result` each), ``study.json`` and ``study.csv``, the
    table. Runs are absent or complete: a study that was stopped, in whatever way, continues where it was (inside a run
    too, with ``checkpoint_steps``), and one that is finished is read back at once. Mixes, seeds and fractions may be
    added to it; everything else must stay.

    Args:
        pairs: a :class:`ParallelPairs`.
        folder: of the study; new, or begun by this function.
        mixes: by name, such as :func:`alphas` and :func:`simplex` give; of a list, each is named after its shares.
        seeds: of the batches, the initial vectors and the choice of a fraction; each makes a run of every mix.
        dataset: the collection's name, such as ``'worldfacts'``.
        fractions: of the training data, see :class:`PairsSubset`. With ``steps=`` all train for as long; without, each
            trains for one epoch of what it has. A static backbone's tokenizer sees no more than this either.
        measures, settings, languages: as in :func:`MultilingualExperiment`.
        backbone: ``'static'`` or ``'small'``, or a checkpoint's folder or hub name.
        processes: how many runs at a time, in processes of their own; they share the processor's threads. A script that
            asks for several needs the guard ``if __name__ == '__main__':``, as every spawned process reads it anew.
            The number of threads changes the order of float32 sums, and so the last digits.
        ray: give each run to a worker of a Ray cluster, with so much for itself: ``{'num_cpus': 4, 'num_gpus': 1}``, or
            True for one processor. As many go on at a time as the cluster holds; it is the one this process is
            connected to, that at ``RAY_ADDRESS``, or this machine. All machines have to see ``folder`` and the pairs at
            the same paths. A run whose worker dies is begun again, and goes on from its checkpoint.
        verbose: show progress bars.
        **training: further arguments of :func:`~pyterrier_hybrid.training.train`.

    Returns:
        A :class:`StudyResult` of the runs asked for.

    Raises:
        ValueError: an unusable argument; a folder whose study was made in another way, with the difference; another
            process is at work in it. Of a run, as every error of one, with the run's name.
        FileExistsError: the folder holds something else.
        TypeError: an argument that training does not know, or a backbone in memory.
        ModuleNotFoundError: Ray is asked for and not installed.
        ChildProcessError: a run's process was killed, on Ray again and again.

    Example::

        study = ratio_study(pairs, 'studies/line', mixes=alphas(), seeds=range(3), dataset='xquad-r', steps=3000)
        study.summary().query("setting == 'crosslingual' and measure == 'AP'")
    """
    from .evaluation_set import EvaluationSet

    if processes < 1:
        raise ValueError(f'processes is {processes}; it takes at least 1')
    resources = _resources(ray, processes)
    languages = None if languages is None else tuple(languages)
    folder = Path(folder)
    mixes = _named(mixes)
    study = Study(
        pairs, folder, dataset, languages, tuple(measures), tuple(settings), _backbone_name(backbone), training
    )
    runs = _runs(mixes, fractions, seeds)
    _check_runs(study, runs)
    collection = EvaluationSet(dataset, languages=languages)
    made_with = _configuration(study, collection)
    with only_one(folder):
        folder.mkdir(exist_ok=True)
        record = _recorded(folder, made_with, mixes)
        clear_leftovers(folder)
        missing = [run for run in runs if not study.is_done(run)]
        with pt.tqdm(total=len(runs), initial=len(runs) - len(missing), desc='study', disable=not verbose) as bar:
            for run in complete_all(study, missing, processes, resources, verbose):
                bar.set_postfix_str(run.name)
                bar.update()
        finished = StudyResult.load(folder)
        replace_text(folder / TABLE, finished.values.to_csv(index=False))
    return StudyResult.of([finished.results[run.mix, run.fraction, run.seed] for run in runs], record)


def _resources(ray: bool | Mapping[str, float], processes: int) -> Resources | None:
    """What each run is given on a Ray cluster; None where it is not to run on one."""
    if ray is False:
        return None
    if processes > 1:
        raise ValueError(f'processes is {processes}, and ray is given; on a Ray cluster, ray says how many runs fit')
    given = {} if ray is True else dict(ray)
    unknown = [name for name in given if name not in ('num_cpus', 'num_gpus')]
    if unknown:
        raise ValueError(f'ray has {unknown[0]!r}; a run on a Ray cluster is given num_cpus and num_gpus')
    resources = Resources(**given)
    import_ray()
    return resources


def _named(mixes) -> dict[str, dict[str, float]]:
    """Mixes by name, their shares as plain floats."""
    if not isinstance(mixes, Mapping):
        mixes = {mix_name(mix): mix for mix in mixes}
    if not mixes:
        raise ValueError('there are no mixes; give some, for example mixes=alphas()')
    if not all(isinstance(mix, Mapping) for mix in mixes.values()):
        raise ValueError('mixes takes several mixes, by name or as a list; to study one, give mixes=[mix]')
    return {str(name): {str(k): float(v) for k, v in mix.items() if v} for name, mix in mixes.items()}


def _backbone_name(backbone) -> str:
    if not isinstance(backbone, str | os.PathLike):
        raise TypeError(
            f"backbone is a {type(backbone).__name__}; a study starts every run from the same one: give 'static', or "
            'save the model and give its folder'
        )
    return os.fspath(backbone)


def _runs(mixes: Mapping[str, Mapping[str, float]], fractions: Iterable[float], seeds: Iterable[int]) -> list[Run]:
    """Every combination, once."""
    fractions, seeds = sorted({float(f) for f in fractions}, reverse=True), list(dict.fromkeys(map(int, seeds)))
    if not fractions or not seeds:
        raise ValueError(f'there are no {"seeds" if fractions else "fractions"}; a study needs at least one')
    runs = [Run(name, dict(mix), part, seed) for part in fractions for seed in seeds for name, mix in mixes.items()]
    folders: dict[str, Run] = {}
    for run in runs:
        if len(os.fsencode(run.name)) > MOST_BYTES:
            raise ValueError(f'the mix {run.mix!r:.80} has too long a name for a folder; give it a shorter one')
        other = folders.setdefault(run.name.casefold(), run)
        if other is not run:
            raise ValueError(f'the mixes {other.mix!r} and {run.mix!r} differ in case alone, and not in the names of '
                             'folders on every system; call one of them otherwise')  # fmt: skip
    return runs


def _check_runs(study: Study, runs: list[Run]) -> None:
    """Refuses what no run could be trained with, before the first is."""
    from pyterrier_hybrid.batches import HybridBatches
    from pyterrier_hybrid.training import train
    from pyterrier_hybrid.training.validation_sources import open_validation

    arguments = inspect.signature(train).bind(
        study.pairs, study.folder, backbone=study.backbone, mix={}, seed=0, resume=True, verbose=False, **study.training
    )
    arguments.apply_defaults()
    given = arguments.arguments
    subsets = {}
    for run in runs:
        if (run.fraction, run.seed) not in subsets:
            held_out = given['validation'] if isinstance(given['validation'], Real) else None
            subsets[run.fraction, run.seed] = open_validation(held_out, study.pairs_for(run))[0]
        HybridBatches(
            subsets[run.fraction, run.seed], batch_size=given['batch_size'], mix=run.shares,
            source_temperature=given['source_temperature'], seed=run.seed,
        )  # fmt: skip


def _configuration(study: Study, collection) -> dict:
    """What all runs have in common, and must stay as it is: JSON values."""
    from pyterrier_hybrid.training.backbones import FROM_SCRATCH

    if study.backbone in FROM_SCRATCH:
        backbone = study.backbone
    else:
        from pyterrier_hybrid.encoding import HybridEncoder

        backbone = HybridEncoder(study.backbone, normalize=True, device='cpu', dtype='float32').model_name
    training = {name: value for name, value in sorted(study.training.items()) if name not in WITHOUT_EFFECT}
    if not isinstance(training.get('validation'), Real | None):
        from pyterrier_hybrid.training.validation_sources import open_validation

        validation = open_validation(training['validation'], study.pairs)[1]
        training['validation'] = {'name': validation.name, 'fingerprint': validation.fingerprint}
    return {
        'pairs': study.pairs.fingerprint, 'dataset': study.dataset,
        'languages': list(collection.codes), 'questions and passages': collection.fingerprint,
        'measures': [repr(measure) for measure in study.measures], 'settings': list(study.settings),
        'backbone': backbone,
        'training': training,
    }  # fmt: skip


def _recorded(folder: Path, made_with: dict, mixes: dict) -> dict:
    """The study's record, written if it is new or has new mixes.

    Raises:
        FileExistsError: the folder holds something else than a study.
        ValueError: a study made in another way.
    """
    record = read_study(folder)
    if record is None and any(folder.iterdir()):
        raise FileExistsError(f'{folder} holds something that is not a study; give another folder')
    found = record or {'format': FORMAT, 'made_with': made_with, 'mixes': {}}
    if found.get('format') != FORMAT:
        raise ValueError(f'{folder / STUDY_FILE} is of another format than {FORMAT}; begin the study anew elsewhere')
    made_with = json.loads(json.dumps(made_with))  # as it was written, so that tuples equal lists
    now = {**made_with, **made_with['training'], 'mixes': mixes}
    then = {**found['made_with'], **found['made_with']['training'], 'mixes': {**mixes, **found['mixes']}}
    then['mixes'] = {name: then['mixes'][name] for name in mixes}
    for name in sorted({*now, *then} - {'training'}):
        if now.get(name) != then.get(name):
            raise ValueError(
                f'the study in {folder} was begun with {name} {then.get(name, "left out")!r:.120}, which is now '
                f'{now.get(name, "left out")!r:.120}; give what it was, or another folder'
            )
    new = {**found, 'mixes': {**found['mixes'], **mixes}}
    if new != record:
        replace_text(folder / STUDY_FILE, json.dumps(new, indent=1, ensure_ascii=False) + '\n')
    return new
