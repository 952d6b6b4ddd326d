"""Small random checkpoints of the architectures that the presets are about, made once a session, with no network."""
import shutil
from pathlib import Path

import pytest
import torch
from sentence_transformers import SentenceTransformer
from sentence_transformers.base.modules import Dense, Transformer
from sentence_transformers.sentence_transformer.modules import Normalize, Pooling, StaticEmbedding
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors, trainers
from transformers import BertConfig, BertModel, PreTrainedTokenizerFast, XLMRobertaConfig, XLMRobertaModel

TEXTS = [
    'Wer schrieb den Faust?',
    'Goethe wrote Faust in Weimar, and Schiller wrote The Robbers.',
    'Faust',
    '谁写了浮士德？',
    'Πού γεννήθηκε ο Γκαίτε;',
    'Johann Wolfgang Goethe, geboren am 28. August 1749 in Frankfurt am Main, war ein deutscher Dichter, Politiker und '
    'Naturforscher; er gilt als einer der bedeutendsten Schöpfer deutschsprachiger Dichtung.',
    'Where was Goethe born?',
]


def _tokenizer(kind, vocabulary: int, specials: dict[str, str], positions: int) -> PreTrainedTokenizerFast:
    """A tokenizer that gives ``<first> text <last>`` over a vocabulary trained on the texts above."""
    model, trainer = kind
    tokenizer = Tokenizer(model(unk_token=specials['unk_token']) if model is not models.Unigram else model())
    tokenizer.normalizer = normalizers.NFKC()
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace() if model is models.Unigram else pre_tokenizers.Whitespace()
    extra = {'unk_token': specials['unk_token']} if model is models.Unigram else {}
    tokenizer.train_from_iterator(
        TEXTS * 3,
        trainer(vocab_size=vocabulary, special_tokens=list(specials.values()), show_progress=False, **extra),
    )
    first, last = specials['cls_token'], specials['sep_token']
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f'{first} $A {last}',
        special_tokens=[(first, tokenizer.token_to_id(first)), (last, tokenizer.token_to_id(last))],
    )
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, model_max_length=positions, **specials)


def _save(model, tokenizer, folder: Path) -> Path:
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture(scope='session')
def checkpoints(tmp_path_factory) -> Path:
    """The folder under which the checkpoints lie."""
    return tmp_path_factory.mktemp('checkpoints')


@pytest.fixture(scope='session')
def xlmr(checkpoints) -> Path:
    """A plain transformers folder, XLM-R shaped: 2 layers, 16 dimensions, 514 positions for 512 tokens."""
    specials = {'cls_token': '<s>', 'pad_token': '<pad>', 'sep_token': '</s>', 'unk_token': '<unk>'}
    tokenizer = _tokenizer((models.Unigram, trainers.UnigramTrainer), 200, specials, 512)
    torch.manual_seed(1)
    config = XLMRobertaConfig(
        vocab_size=len(tokenizer), hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=32,
        max_position_embeddings=514, pad_token_id=1, initializer_range=0.3,
    )  # fmt: skip
    return _save(XLMRobertaModel(config), tokenizer, checkpoints / 'xlmr')


@pytest.fixture(scope='session')
def mild(xlmr, checkpoints):
    """A checkpoint with the small weights that transformers begin with, which bfloat16 does not harm."""
    return _scaled(xlmr, checkpoints / 'mild', 0.02 / 0.3)


@pytest.fixture(scope='session')
def harmed(xlmr, checkpoints):
    """A checkpoint whose layers get small differences between large numbers, which bfloat16 loses."""
    return _scaled(xlmr, checkpoints / 'harmed', 10, 300)


def _scaled(folder: Path, copy: Path, factor: float, common: float = 0) -> Path:
    model = XLMRobertaModel.from_pretrained(shutil.copytree(folder, copy))
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if parameter.ndim == 2 and 'embeddings' not in name:
                parameter *= factor
                if common:  # which products with it then leave out
                    parameter -= parameter.mean(dim=1, keepdim=True)
        model.embeddings.LayerNorm.bias += common
    model.save_pretrained(copy)
    return copy


@pytest.fixture(scope='session')
def mdpr(checkpoints) -> Path:
    """A plain transformers folder, shaped as castorini/mdpr-tied-pft-msmarco: one BERT, saved without a pooler."""
    specials = {'pad_token': '[PAD]', 'unk_token': '[UNK]', 'cls_token': '[CLS]', 'sep_token': '[SEP]'}
    tokenizer = _tokenizer((models.WordPiece, trainers.WordPieceTrainer), 200, specials, 512)
    torch.manual_seed(2)
    config = BertConfig(
        vocab_size=len(tokenizer), hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=32,
        max_position_embeddings=512, initializer_range=0.3,
    )  # fmt: skip
    return _save(BertModel(config, add_pooling_layer=False), tokenizer, checkpoints / 'mdpr')


@pytest.fixture(scope='session')
def labse(checkpoints, mdpr) -> Path:
    """A sentence-transformers folder, LaBSE shaped: BERT, [CLS], a dense tanh layer, normalisation; 256 tokens."""
    torch.manual_seed(3)
    bert = Transformer(str(mdpr), max_seq_length=256)
    model = SentenceTransformer(
        modules=[bert, Pooling(16, 'cls'), Dense(16, 12, activation_function=torch.nn.Tanh()), Normalize()],
        device='cpu',
    )
    model.save(str(checkpoints / 'labse'))
    return checkpoints / 'labse'


@pytest.fixture(scope='session')
def static(checkpoints, xlmr) -> Path:
    """A sentence-transformers folder with a static embedding, and prompts under the names that training saves."""
    tokenizer = Tokenizer.from_file(str(xlmr / 'tokenizer.json'))
    weights = torch.randn(tokenizer.get_vocab_size(), 8, generator=torch.Generator().manual_seed(4))
    model = SentenceTransformer(modules=[StaticEmbedding(tokenizer, embedding_weights=weights)], device='cpu')
    model.prompts = {'query': 'Query: ', 'passage': 'Passage: '}
    model.save(str(checkpoints / 'static'))
    return checkpoints / 'static'


@pytest.fixture(scope='session')
def texts() -> list[str]:
    """Texts of very different lengths, in several scripts."""
    return list(TEXTS)
