"""Checks the statistics of comparisons by simulation: error rates and coverage.

    python benchmarks/statistics_simulation.py --replicates 2000

A replicate draws the differences of two systems for every question in every cell (language setting) of a structure,
from a distribution of known mean. From these it computes, by the same functions, what ``Result.compare`` and
``Result.equivalence`` compute. A question's differences are the sum of a part for the question and a part for the cell,
of equal variance. There are two distributions: normal, and skewed like the differences of average precision between
similar systems: most are 0, a few are large, and more of the large ones are positive.

The program prints shares of the replicates, with their targets in the header. *Plain* is the t test of n/C times the
sum of value/n_c, with n - 1 degrees of freedom.

* type-I error of both t tests and of the randomisation test at .05, if the systems are equal;
* how often TOST at .05 finds systems equivalent that differ by exactly the margin;
* coverage of the 95% intervals: t (used below 50 degrees of freedom), the expanded percentile bootstrap (used from 50
  on), the plain percentile bootstrap, and BCa;
* the mean effect size if the true one is .3;
* the plain test's standard error, as a multiple of ours, if systems differ by one deviation.

A share near .05 of 2,000 replicates has a standard error of .005. Only every fourth replicate is resampled, and only
if there are few enough questions.
"""
import argparse
import time
from collections.abc import Callable

import numpy as np
from scipy import stats

from pyterrier_hybrid.experiment.contributions import by_question
from pyterrier_hybrid.experiment.paired import bootstrap_interval, paired_t, randomization, t_interval, tost

#: Questions of MIRACL's dev splits by language.
MIRACL = (2896, 411, 799, 648, 632, 1271, 343, 350, 960, 860, 213, 1252, 482, 828, 733, 393, 305, 119)
#: Structures with more questions are not resampled.
MOST_RESAMPLED = 1200
RESAMPLES = 1999


def balanced(n: int, cells: int = 11) -> list[np.ndarray]:
    """Every question in every cell, as in XQuAD-R."""
    return [np.arange(n)] * cells


def mlqa_like(n: int, seed: int = 0) -> list[np.ndarray]:
    """Every question in the first of seven cells and in one to three others, as in MLQA-R."""
    rng = np.random.default_rng(seed)
    others = [rng.permutation(6)[: rng.integers(1, 4)] for _ in range(n)]
    return [np.arange(n)] + [np.flatnonzero([cell in of for of in others]) for cell in range(6)]


def nested(sizes: tuple[int, ...]) -> list[np.ndarray]:
    """Nested cells: the questions of each are among those of the next larger one."""
    return [np.arange(size) for size in sizes]


def disjoint(sizes: tuple[int, ...]) -> list[np.ndarray]:
    """Cells without common questions, as in MIRACL."""
    ends = np.cumsum(sizes)
    return [np.arange(end - size, end) for size, end in zip(sizes, ends)]


STRUCTURES: dict[str, list[np.ndarray]] = {
    'balanced, 1,190 questions, 11 cells': balanced(1190),
    'balanced, 50': balanced(50),
    'balanced, 20': balanced(20),
    'balanced, 10': balanced(10),
    'MLQA-like, 1,148 questions, 7 cells': mlqa_like(1148),
    'MLQA-like, 40': mlqa_like(40),
    'MIRACL-like, 13,495 questions, 18 cells': disjoint(MIRACL),
    'MIRACL-like, 5%': disjoint(tuple(size // 20 for size in MIRACL)),
    'nested, cells of 400, 100, 25, 5': nested((400, 100, 25, 5)),
    'nested, 60, 4, 3, 2': nested((60, 4, 3, 2)),
    'disjoint, cells of 200, 50, 10, 5': disjoint((200, 50, 10, 5)),
    'disjoint, 60, 4, 3, 2': disjoint((60, 4, 3, 2)),
}


def normal(rng: np.random.Generator, size: int) -> np.ndarray:
    """Mean 0, variance 1."""
    return rng.standard_normal(size)


def skewed(rng: np.random.Generator, size: int) -> np.ndarray:
    """Mean 0, variance 1. Seven in ten are equal; three quarters of the others are above them, by exponential sizes."""
    drawn = rng.exponential(size=size) * (rng.random(size) < 0.3) * np.where(rng.random(size) < 0.75, 1, -1)
    return (drawn - 0.15) / np.sqrt(0.6 - 0.15**2)


def simulate(
    structure: list[np.ndarray], draw: Callable[[np.random.Generator, int], np.ndarray], replicates: int, seed: int
) -> dict[str, float]:
    """Returns the shares for a structure and a distribution."""
    rng = np.random.default_rng(seed)
    cells = np.repeat(np.arange(len(structure)), [len(of) for of in structure])
    questions = np.unique(np.concatenate(structure), return_inverse=True)[1]
    n, zeros = questions.max() + 1, np.zeros(len(cells))
    found: dict[str, list[float]] = {}

    def note(**shares: float) -> None:
        for name, value in shares.items():
            found.setdefault(name, []).append(value)

    for replicate in range(replicates):
        values = (draw(rng, n)[questions] + draw(rng, len(cells))) / np.sqrt(2)
        sample = by_question(cells, questions, values, zeros)
        differences, df = sample.differences, sample.df
        low, high = t_interval(differences, 0.95, df)
        apart = by_question(cells, questions, values + 1, zeros)
        note(
            plain=paired_t(sample.raw).p < 0.05, t=paired_t(differences, df).p < 0.05, covered=low <= 0 <= high,
            tost=tost(apart.differences, 1.0, df) < 0.05, effect=(sample.difference + 0.3) / sample.deviation,
            wider=apart.raw.std() / apart.differences.std(),
        )  # fmt: skip
        if replicate % 4 == 0 and n <= MOST_RESAMPLED:
            low, high = bootstrap_interval(differences, df, resamples=RESAMPLES, seed=replicate)
            note(bootstrap=low <= 0 <= high)
            for method in ('percentile', 'BCa'):
                low, high = stats.bootstrap(
                    (differences,), np.mean, method=method, n_resamples=RESAMPLES, rng=replicate
                ).confidence_interval  # fmt: skip
                note(**{method: low <= 0 <= high})
        if replicate % 4 == 0 and n <= 100:
            note(randomization=randomization(sample.raw, resamples=RESAMPLES, seed=replicate).p < 0.05)
    return {'n': n, 'df': df, **{name: float(np.mean(values)) for name, values in found.items()}}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--replicates', type=int, default=2000)
    parser.add_argument('--seed', type=int, default=0)
    arguments = parser.parse_args()
    began = time.perf_counter()
    columns = {'plain': 'plain t (.05)', 't': 't (.05)', 'randomization': 'randomisation (.05)', 'tost': 'TOST (.05)',
               'covered': 't interval (.95)', 'bootstrap': 'bootstrap (.95)',
               'percentile': 'percentile (.95)', 'BCa': 'BCa (.95)',
               'effect': 'effect (.3)', 'wider': 'plain error (1)'}  # fmt: skip
    print(f'| structure | differences | df | {" | ".join(columns.values())} |')
    print(f'|---|---|---:|{"---:|" * len(columns)}')
    for name, structure in STRUCTURES.items():
        for draw in (normal, skewed):
            shares = simulate(structure, draw, arguments.replicates, arguments.seed)
            cells = [f'{shares[column]:.3f}'.removeprefix('0') if column in shares else '' for column in columns]
            print(f'| {name} | {draw.__name__} | {shares["df"]:,.1f} | {" | ".join(cells)} |', flush=True)
    print(f'\n{arguments.replicates:,} replicates, seed {arguments.seed}: {time.perf_counter() - began:.0f} s')


if __name__ == '__main__':
    main()
