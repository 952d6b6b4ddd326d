"""Weights: worked by hand, and against bm25s itself; the best documents against a plain sort."""
import random

import bm25s
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyterrier_hybrid.lexical import analyse
from pyterrier_hybrid.lexical.postings import invert
from pyterrier_hybrid.lexical.scoring import best, bm25_model

WORDS = ['house', 'Haus', 'Häuser', 'gehen', 'ging', 'red', 'rot', 'a', 'die', 'number', 'Nummer', '12']


def corpus(n=200, seed=0):
    """Documents in three languages that share words, some of them empty."""
    rng = random.Random(seed)
    texts = [' '.join(rng.choices(WORDS, k=rng.randrange(15))) for _ in range(n)]
    return [{'docno': f'd{i}', 'lang': rng.choice(['de', 'en', 'vi']), 'text': text} for i, text in enumerate(texts)]


def test_by_hand():
    # N = 2, avgdl = 2; cat has df 1, so idf is log(1 + 1.5 / 1.5) = log 2;
    # in document 1 it has tf 2 of dl 3, so its saturation is 2 / (0.9 * (0.6 + 0.4 * 3 / 2) + 2) = 2 / 3.08
    texts = {'1': 'cat cat dog', '2': 'dog'}
    postings = invert({'docno': docno, 'text': text, 'lang': 'en'} for docno, text in texts.items())
    model = bm25_model(postings, k1=0.9, b=0.4)
    assert model.get_scores_from_ids([postings.terms['cat']]) == pytest.approx([np.log(2) * 2 / 3.08, 0])
    twice = model.get_scores_from_ids([postings.terms['cat']] * 2)
    assert twice == pytest.approx([2 * np.log(2) * 2 / 3.08, 0])


@pytest.mark.parametrize(('k1', 'b'), [(0.9, 0.4), (1.2, 0.75), (0.0, 0.0), (2.0, 1.0)])
@pytest.mark.parametrize('langs', [['de'], ['en', 'vi'], ['de', 'en', 'vi']])
def test_bit_for_bit_what_bm25s_gives_on_these_languages_alone(langs, k1, b):
    documents = corpus()
    restricted = invert(documents).restrict(langs)
    model = bm25_model(restricted, k1=k1, b=b)
    alone = sorted((d for d in documents if d['lang'] in langs), key=lambda d: d['docno'])
    oracle = bm25s.BM25(k1=k1, b=b, method='lucene')
    oracle.index([analyse(d['text'], d['lang']) for d in alone], show_progress=False)
    for lang in langs:
        for word in WORDS:
            terms = [*analyse(f'{word} house Nummer', lang), *analyse(word, lang)]
            found = model.get_scores_from_ids([restricted.terms[t] for t in terms if t in restricted.terms])
            expected = oracle.get_scores_from_ids(oracle.get_tokens_ids(terms))
            assert found.dtype == np.float32 and found.tobytes() == expected.tobytes()


def test_restriction_changes_the_statistics():
    documents = corpus()
    pooled = invert(documents)
    haus = pooled.terms['haus']
    in_pool = bm25_model(pooled, k1=0.9, b=0.4).get_scores_from_ids([haus])
    alone = bm25_model(pooled.restrict(['de']), k1=0.9, b=0.4).get_scores_from_ids([haus])
    assert not np.array_equal(in_pool[pooled.doc_langs == pooled.langs.index('de')], alone)


def test_no_terms_at_all_is_no_division_by_zero():
    with np.errstate(all='raise'):
        bm25_model(invert([{'docno': 'd', 'text': '?', 'lang': 'en'}]), k1=0.9, b=0.4)


@pytest.mark.parametrize(('scores', 'k', 'expected'), [
    ([0, 3, 1, 3, 2], 10, [1, 3, 4, 2]),
    ([0, 3, 1, 3, 2], 1, [1]),
    ([2, 1, 2, 3, 2, 2], 3, [3, 0, 2]),
    ([0, 0], 5, []),
    ([], 5, []),
])  # fmt: skip
def test_best_by_hand(scores, k, expected):
    assert best(np.array(scores, dtype=np.float32), k).tolist() == expected


@given(st.lists(st.sampled_from([0.0, 0.5, 1.0, 1.5, 7.0])), st.integers(1, 12))
def test_best_is_a_sort_by_score_then_number(scores, k):
    expected = sorted((i for i, s in enumerate(scores) if s > 0), key=lambda i: (-scores[i], i))[:k]
    assert best(np.array(scores, dtype=np.float32), k).tolist() == expected
