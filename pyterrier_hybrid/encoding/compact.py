"""A compact transformer encoder built from nothing, its tokenizer trained on the texts that it is to serve."""
from collections.abc import Iterable
from tempfile import TemporaryDirectory

from .backbones import SPECIAL_TOKENS, subword_tokenizer

#: The tokens that a transformer needs beside those of :func:`subword_tokenizer`: beginning, end and mask.
_ADDED = ['[CLS]', '[SEP]', '[MASK]']
#: Width of a feed-forward layer, as a multiple of the dimension. The layer is gated: it has three matrices, not two.
_WIDENING = 2


def small_backbone(
    texts: Iterable[str],
    *,
    vocab_size: int = 32_000,
    dimension: int = 256,
    layers: int = 4,
    heads: int = 4,
    max_length: int = 512,
    seed: int = 0,
):
    """A transformer encoder with random weights, small enough to train on a CPU; it takes the mean of token vectors.

    It has the architecture of ModernBERT (Warner et al., arXiv 2412.13663, section 2.1), which transformers has built
    in, with attention over the whole text in every layer and no dropout. Vectors have length 1, so that their dot
    product is the cosine. With the default sizes it has 2.6 million weights, and 256 more for each entry of the
    vocabulary.

    The architecture matters at the start of training. BERT and XLM-R add the same position and type vectors to the
    tokens of every text, so with random weights all texts have nearly the same direction: two random passages of
    worldfacts have a cosine of .93 on average, with a standard deviation of .03, so InfoNCE hardly distinguishes them.
    Here, positions are rotations within the attention, and each layer adds a small amount to the token's own vector.
    The start is close to a static embedding with random vectors: the same passages have a cosine of .21 on average,
    with a standard deviation of .11. (They have 13 tokens. All share the first and the last one, which mark the ends.)

    Args:
        texts: texts to train its tokenizer on, in the languages it is to serve, see :func:`subword_tokenizer`.
        vocab_size: entries in the vocabulary, special tokens included, at most.
        dimension: of the vectors.
        layers: of the transformer.
        heads: of the attention; ``dimension`` must be a multiple of twice their number.
        max_length: tokens after which a text is cut, special tokens included.
        seed: of the initial weights.

    Returns:
        A ``sentence_transformers.SentenceTransformer`` on the CPU, in float32.

    Raises:
        ValueError: no text; sizes that make no transformer, with the reason.
    """
    import torch
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.base.modules import Transformer
    from sentence_transformers.sentence_transformer.modules import Normalize, Pooling
    from transformers import ModernBertConfig, ModernBertModel

    from .checkpoint import progress_bar
    from .devices import check_memory
    from .sides import check_positive

    sizes = {'dimension': dimension, 'layers': layers, 'heads': heads}
    dimension, layers, heads = (check_positive(name, value) for name, value in sizes.items())
    if dimension % (2 * heads):
        raise ValueError(
            f'dimension is {dimension} with {heads} heads; it must be a multiple of {2 * heads}, as rotary positions '
            'turn pairs of components within each head'
        )
    if vocab_size <= len(SPECIAL_TOKENS) + len(_ADDED):
        raise ValueError(
            f'vocab_size is {vocab_size}; it must be more than {len(SPECIAL_TOKENS) + len(_ADDED)}, the special tokens'
        )
    if max_length <= 2:
        raise ValueError(f'max_length is {max_length}; it must be more than 2, the marks of beginning and end')
    check_memory(layers * (4 + 3 * _WIDENING) * dimension**2, f'dimension is {dimension}')
    tokenizer = _transformers_tokenizer(texts, vocab_size, max_length)
    config = ModernBertConfig(
        vocab_size=len(tokenizer), hidden_size=dimension, intermediate_size=_WIDENING * dimension,
        num_hidden_layers=layers, num_attention_heads=heads, max_position_embeddings=max_length,
        layer_types=['full_attention'] * layers, pad_token_id=tokenizer.pad_token_id,
        cls_token_id=tokenizer.cls_token_id, sep_token_id=tokenizer.sep_token_id, bos_token_id=None, eos_token_id=None,
    )  # fmt: skip
    # sentence-transformers can only read a transformer from a folder
    with TemporaryDirectory(prefix='pyterrier-hybrid-') as folder, progress_bar(False):
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            ModernBertModel(config).save_pretrained(folder)
        tokenizer.save_pretrained(folder)
        transformer = Transformer(folder)
    model = SentenceTransformer(modules=[transformer, Pooling(dimension, 'mean'), Normalize()], device='cpu')
    model.is_small_backbone = True
    return model


def is_small(model) -> bool:
    """Whether a ``SentenceTransformer`` in memory was made by :func:`small_backbone`, and not read from a folder."""
    return getattr(model, 'is_small_backbone', False)


def _transformers_tokenizer(texts: Iterable[str], vocab_size: int, max_length: int):
    """The subword tokenizer in transformers' form: ``[CLS] text [SEP]``, cut at ``max_length``."""
    from tokenizers import processors
    from transformers import PreTrainedTokenizerFast

    tokenizer = subword_tokenizer(texts, vocab_size - len(_ADDED))
    tokenizer.add_special_tokens(_ADDED)
    tokenizer.post_processor = processors.TemplateProcessing(
        single='[CLS] $A [SEP]',
        pair='[CLS] $A [SEP] $B [SEP]',
        special_tokens=[(token, tokenizer.token_to_id(token)) for token in ('[CLS]', '[SEP]')],
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, model_max_length=max_length, pad_token='[PAD]', unk_token='[UNK]',
        cls_token='[CLS]', sep_token='[SEP]', mask_token='[MASK]',
        model_input_names=['input_ids', 'attention_mask'],  # ModernBERT takes no token types
    )  # fmt: skip
