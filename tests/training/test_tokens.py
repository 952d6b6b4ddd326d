"""Kept token ids, against the tokenization of the backbone itself."""
import pytest
import torch

from pyterrier_hybrid.encoding.backbones import static_backbone
from pyterrier_hybrid.training import tokens
from pyterrier_hybrid.training.tokens import CachedTokens

TEXTS = ['a green door', 'ein grünes Tor', '', 'a green door', '绿色的门']


@pytest.fixture(scope='module')
def bag():
    return static_backbone(TEXTS, vocab_size=60, dimension=4)[0]


class Counting:
    """A tokenizer that remembers what it was asked."""

    def __init__(self, tokenizer):
        self.tokenizer, self.asked = tokenizer, []

    def encode_batch_fast(self, texts, **arguments):
        self.asked += texts
        return self.tokenizer.encode_batch_fast(texts, **arguments)


@pytest.mark.parametrize('prompt', [None, '', 'Query: '])
def test_ids_and_offsets_are_the_backbones(bag, prompt):
    cached = CachedTokens(bag.tokenizer)
    for texts in (TEXTS, TEXTS[::-1], TEXTS[2:3]):
        expected = bag.preprocess(texts, prompt=prompt)
        found = cached(texts, prompt=prompt, task='query')
        assert found.keys() == expected.keys()
        for name, values in expected.items():
            assert torch.equal(found[name], values)
            assert found[name].dtype == values.dtype


def test_a_text_is_tokenized_once(bag):
    counting = Counting(bag.tokenizer)
    cached = CachedTokens(counting)
    cached(TEXTS)
    cached([*TEXTS, 'new'])
    assert counting.asked == ['a green door', 'ein grünes Tor', '', '绿色的门', 'new']


def test_when_it_is_full_it_begins_anew(bag, monkeypatch):
    monkeypatch.setattr(tokens, 'MOST_TEXTS', 2)
    counting = Counting(bag.tokenizer)
    cached = CachedTokens(counting)
    cached(['one', 'two'])
    for _ in range(2):
        assert torch.equal(cached(['two', 'three'])['input_ids'], bag.preprocess(['two', 'three'])['input_ids'])
    assert counting.asked == ['one', 'two', 'three', 'two']
