"""What a study found: a figure for every mix, amount of data, seed, kind of setting and measure."""
import json
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from pyterrier_hybrid.batches import Kind
from pyterrier_hybrid.experiment.result import Result
from pyterrier_hybrid.experiment.storage import RESULT_FILE

#: Written when a study begins: what all of its runs have in common, and its mixes by name.
STUDY_FILE = 'study.json'
#: The columns of a mix's shares.
SHARES = tuple(kind.value for kind in Kind)
RUN = ('mix', *SHARES, 'fraction', 'seed')


@dataclass(frozen=True, eq=False)
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

    def summary(self) -> pd.DataFrame:
        """Over the seeds: columns ``mix``, its shares, ``fraction, setting, measure, mean, std, n``.

        ``std`` is the standard deviation of a sample (n - 1), NaN for one seed.
        """
        keys = [column for column in self.values.columns if column not in ('seed', 'value')]
        grouped = self.values.groupby(keys, sort=False)['value']
        return grouped.agg(mean='mean', std='std', n='size').reset_index()

    @classmethod
    def load(cls, folder: str | Path) -> 'StudyResult':
        """Reads the finished runs of a study, which may still be going on.

        Raises:
            FileNotFoundError: no study in the folder, or none of its runs is finished.
        """
        folder = Path(folder)
        record = read_study(folder)
        if record is None:
            raise FileNotFoundError(f'there is no study in {folder}: it has no {STUDY_FILE}')
        results = [Result.load(path.parent) for path in sorted((folder / 'results').glob(f'*/{RESULT_FILE}'))]
        if not results:
            raise FileNotFoundError(f'no run of the study in {folder} is finished yet')
        return cls.of(results, record)

    @classmethod
    def of(cls, results: list[Result], record: dict) -> 'StudyResult':
        """Puts the results of runs together: in the order of the mixes, then by fraction and seed.

        Args:
            results: each with ``provenance['run']``, which has ``mix, fraction, seed``.
            record: the study's.
        """
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


def read_study(folder: Path) -> dict | None:
    """The record of the study in a folder; None if there is none.

    Raises:
        ValueError: a damaged record.
    """
    path = folder / STUDY_FILE
    if not path.is_file():
        return None
    try:
        return json.loads(path.read_text(encoding='utf-8'))
    except ValueError as error:
        raise ValueError(f'{path} is not JSON ({error}): the study is damaged; begin it anew elsewhere') from None
