"""Chance beside a figure: over all questions in its row, and over the figure's own questions in a note."""
import pandas as pd
import pytest

from datasets_ext import shape
from datasets_ext.shape import Doc, MemoryDocs, Qrel, Query
from pyterrier_hybrid.experiment import MultilingualExperiment
from pyterrier_hybrid.measures import LPR, RankDistance

LANGS = ('de', 'en', 'es', 'fr')


@pytest.fixture(scope='module')
def dataset() -> str:
    """Eight questions; four are relevant in two languages, LPR's chance 1/2, four in all, chance 1/4."""
    docs = {lang: [Doc(f'{lang}/{i}', 'text', '', '', lang) for i in range(8)] for lang in LANGS}
    shape.register(
        'uneven', docs={lang: MemoryDocs(lambda lang=lang: docs[lang], lang) for lang in LANGS},
        query_langs=['de', 'en'], queries=lambda ql: [Query(f'q{i}', 'why', ql) for i in range(8)],
        qrels=lambda ql, dl: [
            Qrel(f'q{i}', f'{dl}/{i}', 1, dl, ql) for i in range(8) if i >= 4 or dl in ('de', 'en')
        ],
    )  # fmt: skip
    return 'uneven'


def run(ql: str, questions=range(4, 8)) -> pd.DataFrame:
    """Each language first for one of q4 to q7, so that none is preferred; q0 to q3 find what is relevant in de."""
    found = {i: LANGS[i % 4:] + LANGS[:i % 4] if i >= 4 else ('de',) for i in questions}
    rows = [(f'q{i}', f'{lang}/{i}', -float(rank)) for i, langs in found.items() for rank, lang in enumerate(langs)]
    return pd.DataFrame(rows, columns=['qid', 'docno', 'score']).assign(query_lang=ql)


def noted(systems, dataset, measures) -> list[str]:
    """What a result says of questions and chance."""
    result = MultilingualExperiment(systems, dataset, measures, settings='multilingual', verbose=False)
    assert result.chance.groupby('measure')['value'].mean()['LPR'] == pytest.approx((4 / 2 + 4 / 4) / 8)
    return [note for note in result.notes if 'by chance' in note]


def test_a_figure_over_fewer_questions_has_chance_over_the_same(dataset):
    few = pd.concat([run('de'), run('en')])
    whole = pd.concat([run('de', range(8)), run('en', range(8))])
    said = 'is over 8 of 16 questions; among these the value by chance is 0.250 (0.250 in de, 0.250 in en).'
    assert noted({'few': few, 'whole': whole, 'same': few}, dataset, [LPR]) == [f'LPR of few, same {said}']
    one = pd.concat([run('de'), run('en', range(8))])
    assert noted({'one': one}, dataset, [LPR]) == [
        'LPR of one is over 12 of 16 questions; among these the value by chance is 0.312 (0.250 in de).'
    ]


def test_a_run_without_a_language_has_chance_over_the_others(dataset):
    assert noted({'german': run('de', range(8))}, dataset, [LPR, RankDistance(norm=True)]) == [
        'LPR of german is over 8 of 16 questions; among these the value by chance is 0.375.',
        'RankDistance(norm=True) of german is over 8 of 16 questions; among these the value by chance is 1.000.',
    ]
