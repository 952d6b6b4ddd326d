"""Checkpoints for the tests of training: a tiny transformer, XLM-R shaped and random."""
import importlib.util
import math
from collections import Counter
from pathlib import Path

import pytest


@pytest.fixture(scope='session')
def tiny_folder(tmp_path_factory, corpus):
    """A plain transformers folder, XLM-R shaped and random: 2 layers, 16 dimensions, dropout as in XLM-R."""
    import torch
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast, XLMRobertaConfig, XLMRobertaModel

    specials = {'cls_token': '<s>', 'pad_token': '<pad>', 'sep_token': '</s>', 'unk_token': '<unk>'}
    # the library's own trainer of such vocabularies depends on the order of its threads, and tests would on luck
    words = Counter(f'▁{word}' for _, text in corpus.iter_texts() for word in text.split())
    parts = Counter()
    for word, n in words.items():
        parts.update({word[i:j]: n for i in range(len(word)) for j in range(i + 1, len(word) + 1)})
    single = [part for part in parts if len(part) == 1]
    kept = sorted(single) + [part for part, _ in parts.most_common(400) if len(part) > 1][: 296 - len(single)]
    scores = [(part, math.log(parts[part] / parts.total())) for part in kept]
    tokenizer = Tokenizer(models.Unigram([(special, 0.0) for special in specials.values()] + scores, unk_id=3))
    tokenizer.add_special_tokens(list(specials.values()))
    tokenizer.normalizer, tokenizer.pre_tokenizer = normalizers.NFKC(), pre_tokenizers.Metaspace()
    tokenizer.post_processor = processors.TemplateProcessing(
        single='<s> $A </s>', special_tokens=[('<s>', 0), ('</s>', 2)]
    )
    torch.manual_seed(1)
    config = XLMRobertaConfig(
        vocab_size=tokenizer.get_vocab_size(), hidden_size=16, num_hidden_layers=2, num_attention_heads=2,
        intermediate_size=32, max_position_embeddings=66, pad_token_id=1, initializer_range=0.3,
    )  # fmt: skip
    folder = tmp_path_factory.mktemp('checkpoints') / 'tiny'
    XLMRobertaModel(config, add_pooling_layer=False).save_pretrained(folder)
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, model_max_length=64, **specials).save_pretrained(folder)
    return folder


@pytest.fixture
def tiny_transformer(tiny_folder):
    """The same as a model to train: mean of the token vectors, scaled to length 1."""
    from pyterrier_hybrid.encoding import HybridEncoder

    return HybridEncoder(tiny_folder, normalize=True, device='cpu').model


@pytest.fixture
def watched():
    """A function: what the first attention of a model computes from now on, as (texts at a time, type)."""
    spec = importlib.util.spec_from_file_location('run_processes', Path(__file__).with_name('run_processes.py'))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)

    def watch(model) -> list:
        calls = []
        module.watch(model, calls)
        return calls

    return watch
