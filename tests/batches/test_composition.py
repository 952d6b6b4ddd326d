"""What is said of batches before any is trained on: preview and describe, against what is drawn."""
from collections import Counter, defaultdict

import numpy as np
import pytest

from pyterrier_hybrid.batches.hybrid import HybridBatches
from pyterrier_hybrid.batches.kinds import Kind

HALF = {'monolingual': 0.5, 'crosslingual': 0.5}
ALL = {'monolingual': 0.4, 'crosslingual': 0.3, 'multilingual': 0.2, 'mixed': 0.1}


def test_preview(uneven):
    plan = HybridBatches(uneven, batch_size=16, mix=ALL)
    table = plan.preview(30)
    assert list(table.columns) == ['step', 'kind', 'source', 'query_lang', 'passage_lang', 'pairs']
    naive = Counter()
    for step in range(30):
        batch = plan.batch(step)
        for name, *pair in zip(batch.sources, batch.query_langs, batch.passage_langs):
            naive[(step, batch.kind.value, name, *pair)] += 1
    assert {tuple(row[:-1]): row[-1] for row in table.itertuples(index=False)} == naive
    assert plan.preview(np.int64(30)).equals(table) and plan.preview(np.arange(30)).equals(table)
    assert plan.preview([5, 7]).equals(table[table.step.isin([5, 7])].reset_index(drop=True))
    assert plan.preview(0).empty and list(plan.preview(0).columns) == list(table.columns)


def test_describe(uneven):
    table = HybridBatches(uneven, batch_size=16, mix=HALF).describe().set_index(['kind', 'source'])
    expected = {
        ('monolingual', 'faq'): (600, 0, 3, ''),
        ('monolingual', 'qa'): (96, 0, 2, ''),
        ('monolingual', 'talks'): (0, 224, 0, 'bitext serves no monolingual batch'),
        ('monolingual', 'tiny'): (22, 0, 2, ''),
        ('monolingual', 'least'): (14, 0, 2, ''),
        ('crosslingual', 'faq'): (480, 120, 6, '120 rows fit no language pair of this kind'),
        ('crosslingual', 'qa'): (96, 0, 2, ''),
        ('crosslingual', 'talks'): (224, 0, 6, ''),
        ('crosslingual', 'tiny'): (0, 22, 0, f'there are no {Kind.CROSSLINGUAL.rule.needs}'),
        ('crosslingual', 'least'): (0, 14, 0, 'fewer than 16 passages: de-en 5, en-de 5'),
    }
    columns = ['rows', 'never_drawn', 'language_pairs', 'left_out']
    assert {key: tuple(row) for key, row in zip(table.index, table[columns].itertuples(index=False))} == expected
    np.testing.assert_allclose(table['probability'].groupby('kind').sum(), 0.5)
    np.testing.assert_allclose(table.loc[('crosslingual', 'talks'), 'probability'], 0.5 * 224 / 800)


def test_describe_of_a_run(uneven):
    plan = HybridBatches(uneven, batch_size=16, mix=[(0, {'monolingual': 1.0}), (10, {'crosslingual': 1.0})])
    for steps, cross in {10: 0.0, 20: 0.5, 100: 0.9, None: 1 - 10 / len(plan)}.items():
        shares = plan.describe(steps).groupby('kind')['probability'].sum()
        np.testing.assert_allclose(shares[['crosslingual', 'monolingual']], [cross, 1 - cross])
    with pytest.raises(ValueError, match='steps is 0; a run has at least 1 step'):
        plan.describe(0)


ONE_LANGUAGE = {
    'a': [('ar de', 'ar de', 10), ('ar', 'ar', 5)],  # too few in Arabic
    'b': [('de en', 'de en', 12), ('fr', 'fr', 10)],
    'c': [('en fr', 'en fr', 10)],
}
TWO_LANGUAGES = {
    'a': [('de', 'en', 14)],
    'b': [('de', 'en', 12), ('en fr', 'en fr', 9)],
    'c': [('en fr', 'en fr', 10)],
}


@pytest.mark.parametrize(('kind', 'strata', 'expected'), [
    ('monolingual', ONE_LANGUAGE, {'a': 10 / 22 / 3, 'b': (2 * 12 / 22 + 10 / 20) / 3, 'c': (10 / 22 + 10 / 20) / 3}),
    ('mixed', ONE_LANGUAGE, {'a': 10 / 22 / 3, 'b': (2 * 12 / 22 + 10 / 20) / 3, 'c': (10 / 22 + 10 / 20) / 3}),
    ('crosslingual', TWO_LANGUAGES, {'a': 14 / 26 / 3, 'b': (12 / 26 + 2 * 9 / 19) / 3, 'c': 2 * 10 / 19 / 3}),
])  # fmt: skip
def test_probabilities_of_small_sources_pooled(bare, kind, strata, expected):
    """Languages are uniform, so a small source's share is not its share of the rows."""
    pairs = bare(**{name: ('qa', each) for name, each in strata.items()})
    drawn, seeds, steps = Counter(), 60, 25
    for seed in range(seeds):
        plan = HybridBatches(pairs, batch_size=16, mix={kind: 1.0}, seed=seed)
        for step in range(steps):
            drawn.update(plan.batch(step).sources)
    stated = plan.describe().set_index('source')['probability'].to_dict()
    for name, share in stated.items():
        assert abs(drawn[name] / (16 * seeds * steps) - share) < 0.015
    assert stated == pytest.approx(expected)


def test_describe_is_true_of_what_is_drawn(uneven):
    plan = HybridBatches(uneven, batch_size=16, mix=ALL, source_temperature=0.5)
    drawn, pairs = Counter(), defaultdict(set)
    for step in range(40 * len(plan)):
        batch = plan.batch(step)
        drawn.update((batch.kind.value, name) for name in batch.sources)
        for name, *pair in zip(batch.sources, batch.query_langs, batch.passage_langs):
            pairs[batch.kind.value, name].add(tuple(pair))
    table = plan.describe().set_index(['kind', 'source'])
    total = sum(drawn.values())
    for key, row in table.iterrows():
        assert (drawn[key] > 0) == (row['rows'] > 0)
        assert abs(drawn[key] / total - row['probability']) < 0.02
    assert all(len(pairs[key]) <= table.loc[key, 'language_pairs'] for key in pairs)


def test_languages_too_small_are_named_five_at_most(bare):
    langs = ['aa', 'bb', 'cc', 'dd', 'ee', 'ff', 'gg']
    pairs = bare(faq=('qa', [('de', 'de', 40), *((lang, lang, 9 - i) for i, lang in enumerate(langs))]))
    (row,) = HybridBatches(pairs, batch_size=20, mix={'monolingual': 1.0}).describe().itertuples()
    assert row.left_out == 'fewer than 20 passages: gg 3, ff 4, ee 5, dd 6, cc 7 and 2 more'
    assert row.too_few == {(lang, lang): 9 - i for i, lang in enumerate(langs)} and row.absent == []


def test_languages_without_pairs_are_named_five_at_most(bare):
    langs = ['aa', 'bb', 'cc', 'dd', 'ee', 'ff', 'gg']
    pairs = bare(faq=('qa', [('de en', 'de en', 40), *((lang, lang, 20) for lang in langs)]))
    table = HybridBatches(pairs, batch_size=20, mix={'crosslingual': 1.0}).describe()
    assert table['left_out'][0] == '140 rows fit no language pair of this kind; ' \
        'no pair of this kind: aa, bb, cc, dd, ee and 2 more'  # fmt: skip
    assert table['absent'][0] == langs and table['too_few'][0] == {}


@pytest.mark.parametrize(('kind', 'reason'), [
    ('monolingual', 'no pair of this kind: en, th'),
    ('mixed', 'no pair of this kind: en, th'),
    ('crosslingual', 'fewer than 8 passages: vi-de 3; no pair of this kind: zh'),
    ('multilingual', 'fewer than 8 passages: vi-de 3, zh 5'),
])  # fmt: skip
def test_languages_without_pairs_are_named(bare, kind, reason):
    strata = [('de th', 'de en', 12), ('de', 'de', 9), ('vi', 'de', 3), ('zh', 'zh', 5)]
    if kind in ('monolingual', 'mixed'):
        strata = strata[:2]
    table = HybridBatches(bare(faq=('qa', strata)), batch_size=8, mix={kind: 1.0}).describe()
    assert table['left_out'].tolist() == [reason]
