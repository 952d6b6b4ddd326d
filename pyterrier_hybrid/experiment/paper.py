"""The paper's figures for its own data sets, for comparison with those of an experiment."""
from functools import cache
from importlib.resources import files

import pandas as pd

SOURCE = 'arXiv 2408.10536'
#: The systems of the paper's tables by (init, batching), in their order.
SYSTEMS = {
    (init, batching): f'{model}, {name}'
    for init, model in (('xlm-r', 'XLM-R'), ('labse', 'LaBSE'))
    for batching, name in (('mono', 'X-X-mono'), ('cross', 'X-Y'), ('hybrid', 'hybrid'))
}


@cache
def paper_results() -> pd.DataFrame:
    """Every figure of the paper on XQuAD-R and MLQA-R.

    Returns:
        Columns ``dataset, init, measure, query_lang, setting, batching, value``; ``query_lang`` is ``mean`` in the
        rows that average over the question languages, as the paper prints them.
    """
    with (files('pyterrier_hybrid.experiment') / 'data' / 'paper_results.csv').open(encoding='utf-8') as file:
        return pd.read_csv(file, comment='#')


def paper_values(dataset: str, measure: str, setting: str) -> pd.DataFrame:
    """The paper's values of a measure in a kind of setting of a data set.

    Returns:
        A row per system of :data:`SYSTEMS`, a column per question language and ``mean``; empty where the paper has
        none.
    """
    every = paper_results()
    rows = every[(every['dataset'] == dataset) & (every['measure'] == measure) & (every['setting'] == setting)]
    wide = rows.pivot(index=['init', 'batching'], columns='query_lang', values='value')
    wide = wide.reindex([system for system in SYSTEMS if system in wide.index])
    return wide.set_axis([SYSTEMS[system] for system in wide.index], axis='index')


def comparable(dataset: str, languages: list[str]) -> bool:
    """Whether an experiment is on a whole data set of the paper, since a pool of fewer languages is another task."""
    known = set(paper_values(dataset, 'AP', 'multilingual').columns) - {'mean'}
    return bool(known) and known == set(languages)
