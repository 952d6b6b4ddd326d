"""Corpora for the tests of batches and training: bare plans over invented rows, and small folders of real text."""
import math
from collections import Counter
from collections.abc import Callable
from types import SimpleNamespace

import numpy as np
import pytest

from pyterrier_hybrid.training.pairs import ParallelPairs
from pyterrier_hybrid.training.pairs_source import Stratum


class BareSource:
    """What a plan needs of a source: a name, strata, passage ids; it has no texts."""

    def __init__(self, name: str, kind: str, strata: list[tuple[str, str, int]], passages):
        self.name, self.kind, self.strata, at = name, kind, [], 0
        rows = sum(n for *_, n in strata)
        self.passage_ids = np.array([passages(row) for row in range(rows)], dtype=np.int64)
        for queries, answers, n in strata:
            different = len(np.unique(self.passage_ids[at : at + n]))
            self.strata.append(Stratum(tuple(queries.split()), tuple(answers.split()), at, at + n, different))
            at += n
        self.languages = sorted({lang for s in self.strata for lang in (*s.query_langs, *s.passage_langs)})

    def __len__(self) -> int:
        return len(self.passage_ids)


@pytest.fixture(scope='session')
def bare() -> Callable:
    """Makes pairs without texts: ``bare(a=('qa', [('de en', 'de', 12), ...]))``; each row has its own passage.

    A third entry maps a row to its passage.
    """

    def make(**sources):
        made = []
        for number, (name, (kind, strata, *passages)) in enumerate(sources.items()):
            of_row = passages[0] if passages else lambda row, number=number: number * 1_000_000 + row
            made.append(BareSource(name, kind, strata, of_row))
        return SimpleNamespace(sources=made)

    return make


LANGS = ('ar', 'de', 'en')


def _rows():
    """40 questions on 20 passages in three languages, 12 sentences, and 8 questions in German alone."""
    for i in range(40):
        yield {
            'id': f'q{i}', 'source': 'faq',
            'query': {lang: f'{lang} question {i} about topic{i}' for lang in LANGS},
            'positive': {lang: f'{lang} passage on topic{i - i % 2} and topic{i - i % 2 + 1}' for lang in LANGS},
            'negatives': {'de': [f'de wrong {i} a', f'de wrong {i} b', f'de wrong {i} c'], 'en': [f'en wrong {i}']},
        }  # fmt: skip
    for i in range(12):
        yield {'id': f's{i}', 'source': 'talks', 'text': {lang: f'{lang} sentence {i} of the talk' for lang in LANGS}}
    for i in range(8):
        yield {'id': f'g{i}', 'source': 'german', 'query': {'de': f'Frage {i}'}, 'positive': {'de': f'Antwort {i}'}}


@pytest.fixture(scope='session')
def corpus(tmp_path_factory) -> ParallelPairs:
    """A small corpus with texts: qa on shared passages with given negatives, bitext, and one in German alone."""
    return ParallelPairs.from_rows(_rows(), tmp_path_factory.mktemp('corpus') / 'pairs', verbose=False)


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
