"""The result of a study: a figure for every mix, amount of data, seed, kind of setting and measure."""
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from pyterrier_hybrid.batches import Kind
from pyterrier_hybrid.experiment.paired import check_level
from pyterrier_hybrid.experiment.result import Result
from pyterrier_hybrid.experiment.storage import RESULT_FILE, verify_result
from pyterrier_hybrid.experiment.study_alike import check_alike
from pyterrier_hybrid.experiment.study_runs import Run
from pyterrier_hybrid.measures.facts import Facts
from pyterrier_hybrid.stored import check_fields, read_json

#: The file, written when a study begins, with the settings that its runs have in common, and its mixes by name.
STUDY_FILE = 'study.json'
#: The columns of a mix's shares.
SHARES = tuple(kind.value for kind in Kind)


@dataclass(frozen=True, eq=False, repr=False)
class StudyResult:
    """The outcome of :func:`~pyterrier_hybrid.experiment.ratio_study`.

    Attributes:
        values: one row per run, kind of setting and measure: ``mix`` (its name), ``monolingual, crosslingual,
            multilingual, mixed`` (its shares), ``fraction`` (of the training data), ``seed``, ``setting``, ``measure``,
            ``value`` (the mean over the settings of the kind).
        results: each run's :class:`Result`, by (mix, fraction, seed); its system is called as its mix.
        dataset: the collection's name.
        measures: their names, in the order given.
        provenance: what all runs have in common; JSON values.
    """

    values: pd.DataFrame
    results: dict[tuple[str, float, int], Result]
    dataset: str
    measures: list[str]
    provenance: dict

    @property
    def facts(self) -> dict[str, Facts]:
        """What a reader has to know of each measure (direction, unit, range), by its name."""
        return next(iter(self.results.values())).facts

    def summary(self, level: float = 0.95) -> pd.DataFrame:
        """The mean over the seeds, their standard deviation, and an interval of the mean.

        ``std`` is the standard deviation of the seeds, as of a sample (n - 1). Every table of a study has it as "±"
        after a mean. ``low`` and ``high`` bound the mean over all possible seeds: Student's t interval, cut at the ends
        of the measure's range. For two seeds (``n``) it is very wide, since it has one degree of freedom: at 95%, it is
        12.7 standard errors to either side.

        Args:
            level: of confidence, of the interval.

        Returns:
            Columns ``mix``, its shares, ``fraction, setting, measure, mean, std, low, high, n``; the three are NaN for
            a single seed.

        Raises:
            ValueError: a level outside 0 to 1.
        """
        check_level(level)
        keys = [column for column in self.values.columns if column not in ('seed', 'value')]
        return over_seeds(self.values, keys, self.facts, level)

    def __repr__(self) -> str:
        mixes, seeds = (self.values[column].nunique() for column in ('mix', 'seed'))
        return f'<StudyResult on {self.dataset}: {len(self.results)} runs of {mixes} mixes and {seeds} seeds>'

    def _repr_html_(self) -> str:
        from pyterrier_hybrid.experiment.exports import html
        from pyterrier_hybrid.experiment.study_values import study_table

        return html(study_table(self.values))

    @staticmethod
    def verify(folder: str | Path) -> None:
        """Checks that no file of the finished runs of a study has changed: encoders, results.

        Raises:
            FileNotFoundError: no study in the folder, or none of its runs is finished.
            ValueError: a file is missing or has changed, with its name; or a run is of an earlier version without
                digests.
        """
        from pyterrier_hybrid.training.record import verify_run

        for path in _open_study(Path(folder))[1]:
            verify_result(path)
            verify_run(path.parents[1] / 'models' / path.name)

    @classmethod
    def load(cls, folder: str | Path) -> 'StudyResult':
        """Reads the finished runs of a study, which may still be going on.

        Raises:
            FileNotFoundError: there is none.
            ValueError: one is damaged, with file and field; or the folder of a run has another name than the run, or is
                of another study, with the difference.
        """
        record, finished = _open_study(Path(folder))
        runs = {path: _read_run(path) for path in finished}
        _check_mixes(runs.values(), record)
        check_alike(runs, record)
        return cls.of([*runs.values()], record)

    @classmethod
    def of(cls, results: list[Result], record: dict) -> 'StudyResult':
        """Puts the results of runs together: in the order of the mixes, then by fraction and seed.

        Args:
            results: each with ``provenance['run']``, which has ``mix, fraction, seed``, a mix of the study's.
            record: the study's.

        Raises:
            ValueError: a mix that is none of the study's, or a run of another study, with the difference.
        """
        _check_mixes(results, record)
        check_alike({f'the run {run_of(result).name}': result for result in results}, record)
        order = {name: place for place, name in enumerate(record['mixes'])}
        runs = {(run['mix'], run['fraction'], run['seed']): r for r in results for run in [r.provenance['run']]}
        runs = {key: runs[key] for key in sorted(runs, key=lambda key: (order[key[0]], *key[1:]))}
        frames = []
        for (name, fraction, seed), result in runs.items():
            shares = {kind: float(record['mixes'][name].get(kind, 0)) for kind in SHARES}
            means = result.table().loc[name].rename('value').dropna().reset_index()[['setting', 'measure', 'value']]
            run = pd.DataFrame({'mix': name, **shares, 'fraction': fraction, 'seed': seed}, index=means.index)
            frames.append(run.join(means))
        first = next(iter(runs.values()))
        return cls(pd.concat(frames, ignore_index=True), runs, first.dataset, first.measures, record)


def over_seeds(
    values: pd.DataFrame, keys: list[str], facts: Mapping[str, Facts], level: float = 0.95
) -> pd.DataFrame:
    """Means and intervals over the seeds by ``keys``, ``measure`` among them; see :meth:`StudyResult.summary`."""
    from scipy.stats import t

    found = values.groupby(keys, sort=False)['value'].agg(mean='mean', std='std', n='size').reset_index()
    reach = t.ppf((1 + level) / 2, found['n'] - 1) * found['std'] / found['n'] ** 0.5
    least, most = ([getattr(facts[measure], end) for measure in found['measure']] for end in ('low', 'high'))
    found.insert(len(found.columns) - 1, 'low', np.maximum(found['mean'] - reach, least))
    found.insert(len(found.columns) - 1, 'high', np.minimum(found['mean'] + reach, most))
    return found


def read_study(folder: Path) -> dict | None:
    """The record of the study in a folder; None if there is none. Raises ValueError, with the field, for damage."""
    path, remedy = folder / STUDY_FILE, 'the study is damaged; restore this file from a copy, or begin anew elsewhere'
    record = read_json(path)
    if record is None:
        return None
    check_fields(record, {'format': int, 'made_with': dict, 'mixes': dict}, path, remedy)
    for name, mix in record['mixes'].items():
        if not isinstance(mix, dict) or not mix or not all(_is_share(*share) for share in mix.items()):
            raise ValueError(f'{path} has {mix!r:.80} for the mix {name!r:.80}: {remedy}')
    return record


def _open_study(folder: Path) -> tuple[dict, list[Path]]:
    """The record of a study, and the folders of the results of its finished runs."""
    record = read_study(folder)
    if record is None:
        raise FileNotFoundError(f'there is no study in {folder}: it has no {STUDY_FILE}')
    finished = [path.parent for path in sorted((folder / 'results').glob(f'[!.]*/{RESULT_FILE}'))]
    if not finished:
        raise FileNotFoundError(f'no run of the study in {folder} is finished yet')
    return record, finished


def run_of(result: Result) -> Run:
    """The run of a study to which a result belongs."""
    run = result.provenance['run']
    return Run(run['mix'], run.get('shares', {}), run['fraction'], run['seed'])


def _check_mixes(results: Iterable[Result], record: dict) -> None:
    """Raises ValueError for a result of a mix that the study does not have."""
    unknown = {result.provenance['run']['mix'] for result in results} - record['mixes'].keys()
    if unknown:
        raise ValueError(f'a result is of the mix {min(unknown)!r:.80}, which {STUDY_FILE} does not have; move its '
                         'folder out of the study')  # fmt: skip


def _is_share(kind: str, share: object) -> bool:
    return kind in SHARES and type(share) in (int, float) and 0 <= share <= 1


def _read_run(folder: Path) -> Result:
    """Reads the result of a run; raises ValueError if it does not say which run it is, or has another's name."""
    result = Result.load(folder)
    run = result.provenance.get('run')
    if not isinstance(run, Mapping):
        raise ValueError(f'{folder / RESULT_FILE} does not say in provenance which run of a study it is; move it away')
    check_fields(run, {'mix': str, 'fraction': float}, folder / RESULT_FILE, 'move the folder away')
    if run['mix'] not in result.systems or not isinstance(run.get('seed'), int):
        raise ValueError(f'{folder / RESULT_FILE} has the run {dict(run)!r:.120}, which it does not hold; move the '
                         'folder away')  # fmt: skip
    if run_of(result).name != folder.name:
        raise ValueError(f'{folder} holds the run {run_of(result).name}; give the folder this name, or move it away if '
                         'it is a copy')  # fmt: skip
    return result
