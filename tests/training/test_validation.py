"""The figures of a validation set, against ir_measures and sentence-transformers' own loss, and by hand."""
from dataclasses import replace
from types import SimpleNamespace

import ir_measures
import numpy as np
import pytest
import torch
from ir_measures import AP, RR, R
from sentence_transformers.sentence_transformer import losses

from pyterrier_hybrid.ranking import grid
from pyterrier_hybrid.training import validation
from pyterrier_hybrid.training.validation import FIGURES, ValidationSet

HOW = {'batch_size': 100, 'temperature': 0.05}


class Given:
    """An encoder of given vectors: text i of a set has row i."""

    def __init__(self, queries, passages):
        self.encode_queries = lambda texts: np.asarray(queries, dtype=np.float32)[: len(texts)]
        self.encode_docs = lambda texts: np.asarray(passages, dtype=np.float32)[: len(texts)]


def a_set(relevant, n_queries: int, n_passages: int, *, langs=None, groups=None) -> ValidationSet:
    """Question i is ``q<i>``, passage i ``p<i>``; without languages and groups if none are given."""
    sizes = n_queries, n_passages
    return ValidationSet(
        'set', [f'q{i}' for i in range(n_queries)], [f'p{i}' for i in range(n_passages)],
        *np.array(sorted(relevant), dtype=np.int64).T, *map(np.array, langs or [[''] * size for size in sizes]),
        *map(np.array, groups or [[0] * size for size in sizes]),
    )  # fmt: skip


@pytest.fixture
def case():
    """30 questions with one to three relevant passages of 50; small integers, so that many scores are equal."""
    rng = np.random.default_rng(3)
    relevant = [(q, int(p)) for q in range(30) for p in rng.choice(50, size=1 + q % 3, replace=False)]
    queries, passages = (rng.integers(-2, 3, (n, 4)).astype(np.float32) for n in (30, 50))
    return SimpleNamespace(relevant=relevant, queries=queries, passages=passages)


@pytest.mark.parametrize('at_a_time', [1, 7 * 50, 1 << 20])
def test_figures_are_those_of_ir_measures(case, monkeypatch, at_a_time):
    """On the whole run, its scores replaced by minus the rank by (-score, place)."""
    monkeypatch.setattr(grid, 'NEAR', at_a_time)
    monkeypatch.setattr(validation, '_SCORES', at_a_time)
    found = a_set(case.relevant, 30, 50).figures(Given(case.queries, case.passages), **HOW)
    run = {
        f'{q}': {f'{p}': -float(rank) for rank, p in enumerate(sorted(range(50), key=lambda p, q=q: (-scores[p], p)))}
        for q, scores in enumerate((case.queries @ case.passages.T).tolist())
    }
    qrels: dict = {}
    for q, p in case.relevant:
        qrels.setdefault(f'{q}', {})[f'{p}'] = 1
    expected = ir_measures.calc_aggregate([AP, R @ 1, R @ 10, RR], qrels, run)
    assert {repr(m): pytest.approx(value) for m, value in expected.items()} == {n: found[n] for n in FIGURES[:-1]}
    assert 0.05 < found['AP'] < found['RR'] < 0.95


def test_loss_is_that_of_training():
    """A pool of one batch: sentence-transformers' in-batch loss on the same vectors, of any length."""
    rng = np.random.default_rng(0)
    queries, passages = (rng.normal(size=(8, 5)).astype(np.float32) for _ in range(2))
    found = a_set([(i, i) for i in range(8)], 8, 8).figures(Given(queries, passages), **HOW)
    theirs = losses.MultipleNegativesRankingLoss(torch.nn.Identity(), scale=1 / HOW['temperature'])
    expected = theirs.compute_loss_from_embeddings([torch.from_numpy(v) for v in (queries, passages)], None)
    assert found['loss'] == pytest.approx(expected.item(), rel=1e-5)


def test_loss_takes_a_batch_of_the_pool(case):
    """Between none of the pool and all of it, and the same each time; alone, a passage is certain."""
    whole, some = a_set(case.relevant, 30, 50), Given(case.queries, case.passages)
    found = [whole.figures(some, batch_size=size, temperature=1.0)['loss'] for size in (1, 10, 10, 50, 60)]
    assert found[0] == 0 and found[1] == found[2] and found[3] == pytest.approx(found[4])
    assert np.log(5) < found[1] < np.log(12) and np.log(30) < found[3] < np.log(55)


def test_other_right_answers_are_not_wrong_ones_in_the_loss():
    vectors = [[1.0, 0.0]], [[1.0, 0.0], [1.0, 0.0]]
    both = a_set([(0, 0), (0, 1)], 1, 2).figures(Given(*vectors), **HOW)
    one = a_set([(0, 0)], 1, 2).figures(Given(*vectors), **HOW)
    assert both['loss'] == 0 and one['loss'] == pytest.approx(np.log(2))


def test_passages_of_the_same_group_are_not_ranked():
    """Passage 0 is the best match and of the question's group, but not its answer: it is neither right nor wrong."""
    vectors = [[1.0, 0.0]], [[1.0, 0.0], [0.6, 0.8], [0.0, 1.0]]
    with_group = a_set([(0, 1)], 1, 3, groups=([7], [7, 7, 8]))
    without = a_set([(0, 1)], 1, 3, groups=([0], [7, 7, 8]))
    assert with_group.figures(Given(*vectors), **HOW)['AP'] == 1.0
    assert without.figures(Given(*vectors), **HOW)['AP'] == 0.5
    loss = [s.figures(Given(*vectors), batch_size=3, temperature=1.0)['loss'] for s in (with_group, without)]
    assert loss[0] == pytest.approx(np.log(1 + np.exp(-0.6))) and loss[1] > loss[0]


def test_means_over_settings_then_kinds():
    """Two monolingual settings (AP 1 and 1/2) and one crosslingual (AP 1/3): (3/4 + 1/3) / 2.

    A pool is the passages in one language: those in the other would all come first.
    """
    queries = [[1, 0], [0, 1], [1, 0]]
    passages = [[3, 0], [2, 0], [1, 0], [0, 8], [0, 9]]
    whole = a_set([(0, 0), (1, 3), (2, 2)], 3, 5, langs=(['de', 'en', 'en'], ['de', 'de', 'de', 'en', 'en']))
    found = whole.figures(Given(queries, passages), **HOW)
    kinds = ['crosslingual', 'monolingual']
    assert [kind for kind, _ in whole.settings] == ['monolingual', 'crosslingual', 'monolingual']
    assert list(found) == whole.figure_names == [*FIGURES, *(f'{kind}_{name}' for kind in kinds for name in FIGURES)]
    assert found['monolingual_AP'] == pytest.approx(3 / 4) and found['crosslingual_AP'] == pytest.approx(1 / 3)
    assert found['AP'] == pytest.approx((3 / 4 + 1 / 3) / 2) and found['monolingual_R@1'] == 0.5


def test_vectors_that_are_not_finite_are_refused():
    """Nothing would score above NaN, and every question's passage come first."""
    broken = np.array([[1.0, np.nan]])
    whole = a_set([(0, 0)], 1, 2)
    with pytest.raises(ValueError, match='vector of question 0 of the validation set is not finite; training has div'):
        whole.figures(Given(broken, np.eye(2)), **HOW)
    with pytest.raises(ValueError, match='vector of passage 1 of the validation set is not finite'):
        whole.figures(Given(np.eye(2)[:1], [[1, 1], [np.inf, 0]]), **HOW)


def test_the_fingerprint_is_of_the_content():
    first = a_set([(0, 0)], 1, 2)
    assert first.fingerprint == a_set([(0, 0)], 1, 2).fingerprint
    de, en = (['de'], ['de', 'de']), (['en'], ['en', 'en'])
    others = [
        a_set([(0, 1)], 1, 2), a_set([(0, 0)], 1, 2, langs=de), a_set([(0, 0)], 1, 2, langs=en),
        a_set([(0, 0)], 1, 2, groups=([1], [1, 2])), a_set([(0, 0)], 1, 3), replace(first, queries=['other']),
    ]  # fmt: skip
    assert len({first.fingerprint, *(other.fingerprint for other in others)}) == 7
