"""Texts for a tokenizer, languages evened out."""
from collections import Counter
from types import SimpleNamespace

from pyterrier_hybrid.pairs.balanced import balanced_texts


def pairs_of(texts):
    return SimpleNamespace(iter_texts=lambda: iter(texts))


def test_a_small_language_keeps_all_its_texts_and_a_large_one_its_share():
    texts = [('de', 'x' * 10)] * 1000 + [('th', 'y' * 10)] * 20
    kept = Counter(text[0] for text in balanced_texts(pairs_of(texts), characters=500))
    assert kept == {'x': 50, 'y': 20}


def test_every_nth_text_in_order():
    texts = [('de', f'{i:02}') for i in range(10)] + [('en', 'aa')]
    assert list(balanced_texts(pairs_of(texts), characters=8)) == ['00', '03', '06', '09', 'aa']
    assert list(balanced_texts(pairs_of(texts), characters=20)) == [text for _, text in texts]


def test_real_pairs(corpus):
    assert list(balanced_texts(corpus)) == [text for _, text in corpus.iter_texts()]
    assert len(list(balanced_texts(corpus, characters=300))) < 100
