"""Encoders built from nothing, so that everything runs where no checkpoint can be downloaded."""
from collections.abc import Iterable, Iterator

import numpy as np

from pyterrier_hybrid.encoding.devices import check_memory

SPECIAL_TOKENS = ['[PAD]', '[UNK]']
#: Standard deviation of a static backbone's initial components. Adam moves a component by about its learning rate in a
#: step, so this sets how fast vectors turn at a given rate.
INITIAL_SCALE = 0.3
#: The probability at which a subword's vector is half as long as a rare one's, see :func:`static_backbone`.
SMOOTHING = 1e-3
_COUNTED = 50_000


def subword_tokenizer(texts: Iterable[str], vocab_size: int):
    """Trains a multilingual subword tokenizer.

    Text is normalised to NFKC and lower case, split at spaces, punctuation and digits, and segmented by byte-pair
    encoding (Sennrich et al., ACL 2016), whose merges also find the words of scripts without spaces.

    Args:
        texts: texts in any languages, read once.
        vocab_size: entries in the vocabulary, at most; fewer where the texts do not have so many pieces.

    Returns:
        A ``tokenizers.Tokenizer``.

    Raises:
        ValueError: no text.
    """
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, trainers

    texts = iter(texts)
    first = next(texts, None)
    if first is None:
        raise ValueError('no texts to train a tokenizer on')

    def every() -> Iterator[str]:
        yield first
        yield from texts

    tokenizer = Tokenizer(models.BPE(unk_token='[UNK]'))
    tokenizer.normalizer = normalizers.Sequence([normalizers.NFKC(), normalizers.Lowercase()])
    splits = [pre_tokenizers.Metaspace(), pre_tokenizers.Punctuation(), pre_tokenizers.Digits()]
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(splits)
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size, special_tokens=SPECIAL_TOKENS, show_progress=False, max_token_length=16
    )
    tokenizer.train_from_iterator(every(), trainer)
    return tokenizer


def static_backbone(texts: Iterable[str], *, vocab_size: int = 32_000, dimension: int = 512, seed: int = 0):
    """A static embedding with random vectors: a text is the mean of its subwords' vectors.

    It is an embedding table (sentence-transformers' ``StaticEmbedding``) and a normalisation, trains in minutes on a
    CPU, and sees no word order. Vectors have length 1, so that their dot product is the cosine. A subword of
    probability p begins with a vector of length proportional to a / (a + p), a being .001 (smooth inverse frequency,
    Arora et al., ICLR 2017): before any training, texts are close if they share rare subwords.

    Args:
        texts: texts to train its tokenizer on, in the languages it is to serve; kept in memory meanwhile.
        vocab_size: subwords, at most.
        dimension: of the vectors.
        seed: of the initial vectors.

    Returns:
        A ``sentence_transformers.SentenceTransformer``.
    """
    import torch
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Normalize, StaticEmbedding

    texts = list(texts)
    tokenizer = subword_tokenizer(texts, vocab_size)
    check_memory(tokenizer.get_vocab_size() * dimension, f'dimension is {dimension}')
    generator = torch.Generator().manual_seed(seed)
    directions = torch.randn(tokenizer.get_vocab_size(), dimension, generator=generator)
    lengths = torch.from_numpy(_inverse_frequency(tokenizer, texts[:: -(-len(texts) // _COUNTED)]))
    modules = [StaticEmbedding(tokenizer, embedding_weights=INITIAL_SCALE * lengths * directions), Normalize()]
    return SentenceTransformer(modules=modules, device='cpu')


def _inverse_frequency(tokenizer, texts: list[str]) -> np.ndarray:
    """Smooth inverse frequencies, float32 (subwords, 1), the mean of their squares 1."""
    counts = np.zeros(tokenizer.get_vocab_size())
    for encoding in tokenizer.encode_batch_fast(texts, add_special_tokens=False):
        np.add.at(counts, encoding.ids, 1)
    weights = SMOOTHING / (SMOOTHING + counts / max(counts.sum(), 1))
    return (weights / np.sqrt(np.mean(weights**2))).astype(np.float32)[:, None]


def is_static(model) -> bool:
    """Whether a ``SentenceTransformer`` is a static embedding."""
    from sentence_transformers.sentence_transformer.modules import StaticEmbedding

    return isinstance(model[0], StaticEmbedding)
