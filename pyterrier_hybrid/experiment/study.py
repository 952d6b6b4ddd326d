"""Studies of the mix: an encoder for every mix, seed and amount of data, and one table."""
import json
import os
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from numbers import Real
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyterrier as pt
from ir_measures.measures import Measure

from pyterrier_hybrid.experiment.frames import SETTING_KINDS
from pyterrier_hybrid.experiment.study_plan import MEASURES, plan_study
from pyterrier_hybrid.experiment.study_result import STUDY_FILE, StudyResult, read_study
from pyterrier_hybrid.experiment.study_runs import Study, clear_leftovers, collection_of, complete_all
from pyterrier_hybrid.files import only_one, replace_text
from pyterrier_hybrid.pairs.protocol import Pairs

if TYPE_CHECKING:
    from pyterrier_hybrid.experiment.evaluation_set import EvaluationSet

#: The format of a study. Studies of format 1 were trained on other batches.
FORMAT = 2
TABLE = 'study.csv'


def ratio_study(
    pairs: Pairs,
    folder: str | os.PathLike,
    *,
    mixes: Mapping[str, Mapping[str, float]] | Iterable[Mapping[str, float]],
    seeds: Iterable[int] = (0,),
    dataset: object,
    fractions: float | Iterable[float] = (1.0,),
    measures: Measure | Sequence[Measure] = MEASURES,
    settings: str | Sequence[str] = SETTING_KINDS,
    languages: Iterable[str] | None = None,
    backbone: str | os.PathLike = 'static',
    processes: int = 1,
    ray: bool | Mapping[str, float] = False,
    ignore_identical_ids: bool = False,
    verbose: bool = True,
    **training: Any,
) -> StudyResult:
    """Trains an encoder for every mix, seed and fraction of the data, and evaluates it in all language settings.

    The folder holds ``models/<run>``, ``results/<run>`` (a :class:`Result` each), ``study.json`` and ``study.csv``, the
    table. A run is absent or complete. A study that was stopped, in whatever way, resumes where it was (also inside a
    run, with ``checkpoint_steps``), and one that is finished is read back at once. Mixes, seeds and fractions may be
    added to it; everything else must stay the same.

    Args:
        pairs: a :class:`ParallelPairs`.
        folder: of the study; new, or begun by this function.
        mixes: by name, such as :func:`alphas` and :func:`simplex` return; each mix of a list is named after its shares.
        seeds: of the batches, the initial vectors and the choice of a fraction; each makes a run of every mix.
        dataset: the collection, such as ``'worldfacts'``, see :class:`EvaluationSet`. Other processes are given its id,
            if it has one.
        fractions: of the training data, see :class:`PairsSubset`. With ``steps=`` every run has that many steps;
            without, it trains for one epoch of its own part. The tokenizer of a static backbone sees that part only.
        measures, settings, languages: as in :func:`MultilingualExperiment`. The default measures are AP, nDCG@10, R@10,
            RankDistance and LPR, as on the command line.
        backbone: ``'static'`` or ``'small'``, or the folder or hub name of a checkpoint.
        processes: how many runs are trained at the same time, in processes of their own; they share the processor's
            threads. A script that asks for several needs the guard ``if __name__ == '__main__':``, since every spawned
            process imports it; a data set of your own is registered outside of the guard. The number of threads changes
            the order of float32 sums, and so the last digits.
        ray: run each run on a worker of a Ray cluster, with these resources: ``{'num_cpus': 4, 'num_gpus': 1}``, or
            True for one processor. As many run at the same time as the cluster holds. The cluster is the one that this
            process is connected to, the one at ``RAY_ADDRESS``, or this machine. All machines have to see ``folder``
            and the pairs at the same paths. A run whose worker dies is started again and resumes from its checkpoint.
        ignore_identical_ids: leave a passage out of the ranking of the question that has its id (ArguAna, Quora).
        verbose: show progress bars.
        **training: further arguments of :func:`~pyterrier_hybrid.training.train`.

    Returns:
        A :class:`StudyResult` of the runs asked for.

    Raises:
        ValueError: an unusable argument; a folder whose study was made in another way, with the difference; another
            process is at work on it. Every error of a run begins with the run's name.
        FileExistsError: the folder holds something else, or is a file.
        TypeError: an argument that training does not know, pairs that are not opened, or a backbone in memory.
        ModuleNotFoundError: Ray is asked for and not installed.
        ChildProcessError: a run's process was killed, on Ray again and again.

    Example::

        study = ratio_study(pairs, 'studies/line', mixes=alphas(), seeds=range(3), dataset='xquad-r', steps=3000)
        study.summary().query("setting == 'crosslingual' and measure == 'AP'")
    """
    study = plan_study(
        mixes=mixes, dataset=dataset, seeds=seeds, fractions=fractions, measures=measures, settings=settings,
        backbone=backbone, processes=processes, ray=ray, **training,
    )  # fmt: skip
    if languages is not None:
        languages = (languages,) if isinstance(languages, str) else tuple(languages)
    folder, runs = Path(folder), study.runs
    if not hasattr(pairs, 'sources'):
        raise TypeError(f'pairs is {pairs!r:.80}; open the folder of an import with ParallelPairs(folder)')
    if folder.is_file():
        raise FileExistsError(f'{folder} is a file; give a folder that is new, or that of a study')
    study = replace(study, pairs=pairs, folder=folder, languages=languages, ignore_identical_ids=ignore_identical_ids)
    _check_runs(study)
    try:
        made_with = _made_with(study, collection_of(study.dataset, languages, ignore_identical_ids))
        with only_one(folder):
            folder.mkdir(exist_ok=True)
            record = _recorded(folder, made_with, study.mixes)
            clear_leftovers(folder)
            missing = [run for run in runs if not study.is_done(run)]
            if missing:
                with suppress(FileNotFoundError):  # no run is finished
                    StudyResult.load(folder)  # refuse runs of another study before training
            with pt.tqdm(total=len(runs), initial=len(runs) - len(missing), desc='study', disable=not verbose) as bar:
                for run in complete_all(study, missing, processes, verbose):
                    bar.set_postfix_str(run.name)
                    bar.update()
            finished = StudyResult.load(folder)
            replace_text(folder / TABLE, finished.values.to_csv(index=False))
    finally:
        collection_of.cache_clear()
    return StudyResult.of([finished.results[run.mix, run.fraction, run.seed] for run in runs], record)


def _check_runs(study: Study) -> None:
    """Raises an error, before the first run is trained, if one of the runs cannot be trained."""
    from pyterrier_hybrid.batches import HybridBatches
    from pyterrier_hybrid.training.validation_sources import open_validation

    arguments = study.arguments
    held_out = arguments.validation if isinstance(arguments.validation, Real) else None
    parts = {}
    for run in study.runs:
        if (run.fraction, run.seed) not in parts:
            parts[run.fraction, run.seed] = open_validation(held_out, study.pairs_for(run))[0]
        HybridBatches(
            parts[run.fraction, run.seed], batch_size=arguments.batch_size, mix=run.shares,
            source_temperature=arguments.source_temperature, seed=run.seed,
        )  # fmt: skip


def _made_with(study: Study, collection: 'EvaluationSet') -> dict:
    """The settings that all runs have in common and that must not change, as JSON values."""
    from pyterrier_hybrid.training.backbones import FROM_SCRATCH, content_of, opened_backbone
    from pyterrier_hybrid.training.validation_sources import open_validation

    model = None if study.backbone in FROM_SCRATCH else opened_backbone(study.backbone, 'cpu')
    contents = content_of(study.backbone, model)
    validation = study.arguments.validation
    if validation is not None and not isinstance(validation, Real):
        contents['validation'] = open_validation(validation, study.pairs)[1].record()
    settings = study.arguments.settings(**contents)
    of_all = {name: value for name, value in settings.items() if name not in ('mix', 'seed')}
    made_with = {
        **of_all, 'pairs': study.pairs.fingerprint, 'dataset': collection.name, 'languages': list(collection.codes),
        'questions and passages': collection.fingerprint, 'measures': [repr(measure) for measure in study.measures],
        'settings': list(study.settings),
        'ignore_identical_ids': True if study.ignore_identical_ids else None,  # as a study without this setting has it
    }  # fmt: skip
    return json.loads(json.dumps(made_with, default=float))


def _recorded(folder: Path, made_with: dict, mixes: dict) -> dict:
    """Returns the study's record, and writes it if it is new or has new mixes.

    Raises ValueError for a study with other settings.
    """
    from pyterrier_hybrid.training.checkpoints import differences

    record = read_study(folder)
    if record is None and any(folder.iterdir()):
        raise FileExistsError(f'{folder} holds something that is not a study; give another folder')
    found = record or {'format': FORMAT, 'made_with': made_with, 'mixes': {}}
    if found['format'] != FORMAT:
        raise ValueError(
            f'the study in {folder} was begun by another version of this package, which trained on other batches; read '
            'it with StudyResult.load, and begin the study anew elsewhere'
        )
    known = {name: mix for name, mix in mixes.items() if name in found['mixes']}
    told = '; '.join(filter(None, (differences(found['made_with'], made_with), differences(found['mixes'], known))))
    if told:
        raise ValueError(f'the study in {folder} was begun in another way: {told}. Give what it was, or another folder')
    new = {**found, 'mixes': {**found['mixes'], **mixes}}
    if new != record:
        replace_text(folder / STUDY_FILE, json.dumps(new, indent=1, ensure_ascii=False) + '\n')
    return new
