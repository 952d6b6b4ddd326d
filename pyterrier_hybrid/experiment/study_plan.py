"""What a study will run: every combination of mixes, fractions and seeds, checked before pairs are opened."""
import os
from collections.abc import Iterable, Mapping
from operator import index

from ir_measures import AP, R

from datasets_ext.opening import open_dataset
from pyterrier_hybrid.distributed import Resources
from pyterrier_hybrid.distributed.cluster import import_ray
from pyterrier_hybrid.experiment.cells import check_measures
from pyterrier_hybrid.experiment.frames import SETTING_KINDS
from pyterrier_hybrid.experiment.setting import list_settings
from pyterrier_hybrid.experiment.study_mixes import mix_name
from pyterrier_hybrid.experiment.study_runs import Run, Study
from pyterrier_hybrid.measures import LPR, RankDistance

#: What a study measures by default.
MEASURES = (AP, R @ 10, RankDistance, LPR)
#: The length of a run's name, at most; file systems take 255 bytes, and partial folders need some of them.
_LONGEST = 200


def plan_study(
    *, mixes, dataset, seeds=(0,), fractions=(1.0,), measures=MEASURES, settings=SETTING_KINDS, backbone='static',
    processes=1, ray=False, **training,
) -> Study:  # fmt: skip
    """A study without pairs and folder, from arguments of :func:`ratio_study` that are checked as far as they can be.

    It raises what that raises. A mistyped argument costs no import of pairs if this is called before.
    """
    from pyterrier_hybrid.training.arguments import TrainingArguments
    from pyterrier_hybrid.training.validation_sources import check_validation

    if processes < 1:
        raise ValueError(f'processes is {processes}; it takes at least 1')
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
    return Study(
        mixes, runs, dataset, tuple(measures), settings, os.fspath(backbone), training, arguments[0], resources
    )  # fmt: skip


def _resources(ray: bool | Mapping[str, float], processes: int) -> Resources | None:
    """What each run is given on a Ray cluster; None if it does not run on one."""
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
    if len({str(name) for name in mixes}) < len(mixes):
        raise ValueError(f'two mixes are called alike, as text: {", ".join(map(repr, mixes)):.200}; rename one of them')
    return {
        str(name): {str(getattr(kind, 'value', kind)): float(share) for kind, share in mix.items() if share}
        for name, mix in mixes.items()
    }


def _seed(seed: object) -> int:
    """A seed as an int, if it is a whole number."""
    try:
        return index(seed)
    except TypeError:
        raise ValueError(f'the seed {seed!r:.80} is no whole number; give seeds such as seeds=[0, 1, 2]') from None


def _runs(mixes: Mapping[str, Mapping[str, float]], fractions: Iterable[float], seeds: Iterable[int]) -> list[Run]:
    """Every combination, once."""
    fractions, seeds = sorted({float(f) for f in fractions}, reverse=True), list(dict.fromkeys(map(_seed, seeds)))
    if not fractions or not seeds:
        raise ValueError(f'there are no {"seeds" if fractions else "fractions"}; a study needs at least one')
    outside = [part for part in fractions if not 0 < part <= 1]
    if outside:
        raise ValueError(f'the fraction of the pairs is {outside[0]:g}; it must be above 0, and at most 1')
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
