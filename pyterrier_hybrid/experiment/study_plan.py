"""Plans a study: every combination of mixes, fractions and seeds, checked before pairs are opened."""
import os
from collections.abc import Iterable, Mapping
from numbers import Integral, Real
from operator import index

import ir_measures

import pyterrier_hybrid.measures  # noqa: F401  (registers the language-bias measures)
from datasets_ext.opening import open_dataset
from pyterrier_hybrid.batches.mixes import check_mix
from pyterrier_hybrid.distributed import Resources
from pyterrier_hybrid.distributed.cluster import import_ray
from pyterrier_hybrid.experiment.cells import check_measures
from pyterrier_hybrid.experiment.frames import DEFAULT_MEASURES, SETTING_KINDS
from pyterrier_hybrid.experiment.setting import list_settings
from pyterrier_hybrid.experiment.study_dataset import sendable
from pyterrier_hybrid.experiment.study_mixes import mix_name
from pyterrier_hybrid.experiment.study_runs import Run, Study

#: The default measures of a study.
MEASURES = tuple(map(ir_measures.parse_measure, DEFAULT_MEASURES))
#: The most bytes of a run's name. File systems allow 255, and the names of partial folders need some of these.
_LONGEST = 200


def plan_study(
    *, mixes, dataset, seeds=(0,), fractions=(1.0,), measures=MEASURES, settings=SETTING_KINDS, backbone='static',
    processes=1, ray=False, **training,
) -> Study:  # fmt: skip
    """Returns a study without pairs and folder, and checks the arguments of :func:`ratio_study` as far as possible.

    It raises what :func:`ratio_study` raises. Call it before pairs are imported, so that a wrong argument is found
    first.
    """
    from pyterrier_hybrid.training.arguments import TrainingArguments
    from pyterrier_hybrid.training.validation_sources import check_validation

    if not isinstance(processes, Integral) or processes < 1:
        raise ValueError(f'processes is {processes!r:.80}; it is a whole number of at least 1')
    if not isinstance(backbone, str | os.PathLike):
        raise TypeError(
            f"backbone is a {type(backbone).__name__}; a study starts every run from the same one: give 'static', or "
            'save the model and give its folder'
        )
    if 'resume' in training:
        raise TypeError('a study resumes by itself: call it again with the same folder, without resume=')
    resources, mixes = _resources(ray, processes), _named(mixes)
    runs = _runs(mixes, fractions, seeds)
    arguments = [TrainingArguments(backbone=backbone, mix=run.shares, seed=run.seed, **training) for run in runs]
    check_validation(arguments[0].validation)
    measures = check_measures(measures, dense=True)
    settings = (settings,) if isinstance(settings, str) else tuple(settings)
    list_settings([], [], settings)
    open_dataset(dataset)
    if processes > 1 or resources is not None:
        dataset = sendable(dataset, ray=resources is not None)
    return Study(
        mixes, runs, dataset, tuple(measures), settings, os.fspath(backbone), training, arguments[0], resources
    )  # fmt: skip


def _resources(ray: bool | Mapping[str, float], processes: int) -> Resources | None:
    """The resources of each run on a Ray cluster; None if it does not run on one."""
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
    """Returns mixes by name, their shares as plain floats."""
    if isinstance(mixes, str) or not isinstance(mixes, Iterable):
        raise ValueError(f'mixes is {mixes!r:.80}; give mixes by name or as a list, for example mixes=alphas()')
    named = isinstance(mixes, Mapping)
    given = list(mixes.values() if named else mixes)
    if not given:
        raise ValueError('there are no mixes; give some, for example mixes=alphas()')
    if not all(isinstance(mix, Mapping) for mix in given):
        raise ValueError(
            'mixes takes several mixes, by name or as a list; each maps kinds of batches to shares, such as '
            "{'monolingual': 0.5, 'crosslingual': 0.5}; to study one, give mixes=[mix]"
        )
    for mix in given:
        check_mix(mix)
    mixes = mixes if named else {mix_name(mix): mix for mix in given}
    if len({str(name) for name in mixes}) < len(mixes):
        raise ValueError(f'two mixes are called alike, as text: {", ".join(map(repr, mixes)):.200}; rename one of them')
    return {
        str(name): {str(getattr(kind, 'value', kind)): float(share) for kind, share in mix.items() if share}
        for name, mix in mixes.items()
    }


def _seed(seed: object) -> int:
    """Returns a seed as an int; raises ValueError if it is not a whole number."""
    try:
        return index(seed)
    except TypeError:
        raise ValueError(f'the seed {seed!r:.80} is no whole number; give seeds such as seeds=[0, 1, 2]') from None


def _fraction(part: object) -> float:
    if not isinstance(part, Real) or not 0 < part <= 1:
        told = f'{part:g}' if isinstance(part, Real) else f'{part!r:.80}'
        raise ValueError(f'the fraction of the pairs is {told}; it must be a number above 0, and at most 1')
    return float(part)


def _runs(mixes: Mapping[str, Mapping[str, float]], fractions: Iterable[float], seeds: Iterable[int]) -> list[Run]:
    """Returns every combination once; raises ValueError for names that cannot be folders side by side."""
    fractions = [fractions] if isinstance(fractions, Real) else fractions
    for name, values in (('fractions', fractions), ('seeds', seeds)):
        if isinstance(values, str) or not isinstance(values, Iterable):
            raise ValueError(f'{name} is {values!r:.80}; give several numbers, or [{values!r:.80}] for one')
    fractions = sorted(dict.fromkeys(map(_fraction, fractions)), reverse=True)
    seeds = list(dict.fromkeys(map(_seed, seeds)))
    if not fractions or not seeds:
        raise ValueError(f'there are no {"seeds" if fractions else "fractions"}; a study needs at least one')
    runs = [Run(name, dict(mix), part, seed) for part in fractions for seed in seeds for name, mix in mixes.items()]
    folders: dict[str, Run] = {}
    for run in runs:
        if len(os.fsencode(run.name)) > _LONGEST:
            raise ValueError(f'the mix {run.mix!r:.80} has too long a name for a folder; give it a shorter one')
        other = folders.setdefault(run.name.casefold(), run)
        if other is not run:
            raise ValueError(
                f'the mixes {other.mix!r} and {run.mix!r} differ in case alone, which some file systems ignore; rename '
                'one of them'
            )
    return runs
