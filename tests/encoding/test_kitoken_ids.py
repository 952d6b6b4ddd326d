"""Token ids by kitoken, against the tokenizer itself."""
import copy
import importlib.util
import pickle
import warnings
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import ir_datasets
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.modules import StaticEmbedding
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, trainers

from pyterrier_hybrid.encoding import HybridEncoder, kitoken_ids
from pyterrier_hybrid.encoding.backbones import subword_tokenizer
from pyterrier_hybrid.encoding.kitoken_ids import WORTH, KitokenIds, TokenIds
from pyterrier_hybrid.encoding.words import ODD, token_ids

pytest.importorskip('kitoken', reason='kitoken is not installed')

TEXTS = ['Wer schrieb den Faust?', 'Goethe wrote Faust in Weimar, and Schiller wrote The Robbers.', '谁写了浮士德？',
         'Πού γεννήθηκε ο Γκαίτε;', 'कृपया र्क  यहाँ', 'Faust', 'ใครเป็นคนเขียนเฟาสต์', 'من كتب فاوست؟']  # fmt: skip
STRANGE = [
    *ODD, '\u00a0a \u00a0b\u00a0', 'ﷺ ͺα ¨a', '<x> a<x> <x>b <x>', 'the \uff1cx\uff1e', ' \t\n\u3000', '𒀀𒁀 𒂀',
    'a\x00b\x01\x1b[31m\x7f\x85\u2028c', 'abc \u202eمرحبا\u202c \u200fשלום\u200e 123', 'ΑΣ ΣΑΣ. Σ',
    '👨‍👩‍👧‍👦 \ufeff\ufffe \U0010ffff', 'a\u209db', 'x\u1aec\u0301', 'Faust+++++++', 'ba' * 9, '1010101010', '—' * 12,
    'x' * 100_000, 'Faust ' * 15_000,
]  # fmt: skip
PIECES = [*'aB谁e.7ςΣ ', '...', 'aaaa', 'aba', '…', 'Faust', '\u0301', '\u0323', '\u00a0', '\u2581', '\t', '\u00a8',
          '\ufeff', '<x>', '\u209d', '\u200d', 'र्', '\u0e33', '\u1100\u1161', 'ﬁ', '½']  # fmt: skip
SPLITS = {
    'Metaspace': pre_tokenizers.Metaspace(),
    'words, Metaspace': pre_tokenizers.Sequence([pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Metaspace()]),
    'Whitespace': pre_tokenizers.Whitespace(),
    'Bert': pre_tokenizers.BertPreTokenizer(),
}
MODELS = {
    'Unigram': (models.Unigram(), trainers.UnigramTrainer(
        vocab_size=300, special_tokens=['[UNK]'], unk_token='[UNK]', show_progress=False)),
    'BPE': (models.BPE(unk_token='[UNK]'), trainers.BpeTrainer(
        vocab_size=300, special_tokens=['[UNK]'], show_progress=False)),
    'WordPiece': (models.WordPiece(unk_token='[UNK]'), trainers.WordPieceTrainer(
        vocab_size=300, special_tokens=['[UNK]'], show_progress=False)),
}  # fmt: skip


def precompiled(folder: Path) -> normalizers.Normalizer:
    """The normaliser of XLM-R, T5 and others, a table that sentencepiece has."""
    sentencepiece = pytest.importorskip('sentencepiece')
    from sentencepiece import sentencepiece_model_pb2

    (folder / 'texts').write_text('\n'.join(TEXTS))
    sentencepiece.SentencePieceTrainer.train(
        input=str(folder / 'texts'), model_prefix=str(folder / 'made'), minloglevel=9, vocab_size=200,
        hard_vocab_limit=False, normalization_rule_name='nmt_nfkc',
    )  # fmt: skip
    proto = sentencepiece_model_pb2.ModelProto.FromString((folder / 'made.model').read_bytes())
    return normalizers.Precompiled(proto.normalizer_spec.precompiled_charsmap)


def made(model='Unigram', split='words, Metaspace', normalizer=None) -> Tokenizer:
    tokenizer = Tokenizer(MODELS[model][0])
    tokenizer.normalizer = normalizer or normalizers.Sequence([normalizers.NFKC(), normalizers.Lowercase()])
    tokenizer.pre_tokenizer = SPLITS[split]
    tokenizer.train_from_iterator(TEXTS, MODELS[model][1])
    tokenizer.add_special_tokens(['<x>'])
    return tokenizer


@pytest.fixture(scope='module', params=[
    'Unigram, Metaspace', 'Unigram, words, Metaspace', 'BPE, Metaspace', 'BPE, Whitespace', 'WordPiece, Metaspace',
    'WordPiece, Whitespace', 'WordPiece, Bert', 'BERT', 'Precompiled', 'static',
])  # fmt: skip
def tokenizer(request, tmp_path_factory) -> Tokenizer:
    if request.param == 'static':
        return subword_tokenizer(TEXTS, 200)
    if request.param == 'BERT':
        return made('WordPiece', 'Bert', normalizers.BertNormalizer())
    if request.param == 'Precompiled':
        return made(normalizer=precompiled(tmp_path_factory.mktemp('sentencepiece')))
    return made(*request.param.split(', ', 1))


def check_equal(tokenizer, ids, texts, max_length=None):
    for found, expected in zip(ids(texts, max_length), token_ids(tokenizer, texts, max_length)):
        assert np.array_equal(found, expected)


def of(tokenizer) -> KitokenIds:
    ids = kitoken_ids.kitoken_ids(tokenizer, partial(token_ids, tokenizer))
    assert isinstance(ids, KitokenIds)
    return ids


@pytest.fixture
def no_warning():
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        yield


def test_ids_are_those_of_the_tokenizer(tokenizer, no_warning):
    ids = of(tokenizer)
    for texts in ([*TEXTS, *STRANGE], STRANGE, [' '.join(STRANGE), *TEXTS], []):
        check_equal(tokenizer, ids, texts)
        check_equal(tokenizer, ids, texts, 3)
    if 'Metaspace' not in str(tokenizer.pre_tokenizer) or not isinstance(tokenizer.model, models.WordPiece):
        assert ids._read([' '.join(TEXTS)]) != [[]]  # it is kitoken that had them


@settings(max_examples=40, deadline=None)
@given(texts=st.lists(st.lists(st.sampled_from(PIECES), max_size=12).map(''.join), max_size=8))
def test_any_texts(tokenizer, texts):
    ids = of(tokenizer)
    check_equal(tokenizer, ids, texts)
    assert ids.is_right_for(texts)  # all of them, and not a sample


@settings(max_examples=40, deadline=None)
@given(texts=st.lists(st.text(st.characters(exclude_categories=['Cs']), max_size=12), max_size=8))
def test_any_characters(texts):
    tokenizer = made()  # another one each time: its training is not the same twice
    ids = of(tokenizer)
    check_equal(tokenizer, ids, texts)
    assert ids.is_right_for(texts)


@pytest.mark.parametrize('text', ['the x\u209d', 'the \U0001f9ff', 'the <x>', 'the \uff1c', ''])
def test_texts_that_are_left_to_the_tokenizer(text):
    """Of characters newer than Unicode 3.2 or an added token's first, and empty ones."""
    read = of(made(split='Metaspace'))._read(['wrote the faust', text])
    assert read[0] and not read[1]


def test_unknown_parts_are_not_joined():
    tokenizer = made('Unigram', 'Bert')
    assert kitoken_ids.kitoken_ids(tokenizer, partial(token_ids, tokenizer)) is None
    check_equal(tokenizer, TokenIds(tokenizer), ['щ ж', 'щ!'])


@pytest.mark.parametrize('change', [
    {'pre_tokenizer': pre_tokenizers.ByteLevel()},
    {'pre_tokenizer': None},
    {'normalizer': normalizers.Prepend('\u2581')},
    {'normalizer': normalizers.Strip()},
    {'model': models.BPE()},
    {'model': models.BPE({'a': 0, 'b': 1, 'ab': 2}, [('a', 'b')], dropout=0.5)},
], ids=lambda change: str(*change.values())[:20])  # fmt: skip
def test_other_tokenizers_are_left_alone(change):
    tokenizer = made()
    for name, value in change.items():
        setattr(tokenizer, name, value)
    assert kitoken_ids.kitoken_ids(tokenizer, partial(token_ids, tokenizer)) is None


def test_a_tokenizer_without_an_unknown_token():
    """It cannot read a trial of odd texts, and its own texts have no character that it does not know."""
    tokenizer = Tokenizer(models.Unigram([(piece, -1.0 - i) for i, piece in enumerate('▁abcdef')]))
    tokenizer.pre_tokenizer = SPLITS['Metaspace']
    ids = TokenIds(tokenizer)
    ids.expect(['x' * WORTH])
    check_equal(tokenizer, ids, ['abc def', 'fed'])


@pytest.mark.parametrize('normalizer', [normalizers.Lowercase(), normalizers.NFKC()])
@pytest.mark.parametrize('content', ['COVID', '\uff21\uff22', 'Faust', ' x '])
def test_added_tokens_that_the_normalizer_changes(content, normalizer):
    tokenizer = made(normalizer=normalizer)
    tokenizer.add_tokens([content])
    texts = [f'Goethe wrote {text}ab' for text in (content, content.lower(), normalizer.normalize_str(content), 'x')]
    check_equal(tokenizer, of(tokenizer), texts)
    assert of(tokenizer).is_right_for(texts)


def test_pieces_in_either_order():
    """The tokenizer's order of '+' and '+++' is by rounding, and so is that of '10', '101' and '010'."""
    pieces = ['▁', *'+a10b', '++', '+++', 'aa', 'aaa', '10', '101', '010', 'aba', 'abab', 'ab', 'ba', '·', '··']
    rng = np.random.default_rng(0)
    scores = [-2 - len(piece) / 3 - rng.random() for piece in pieces]  # no two sums of other pieces are equal
    tokenizer = Tokenizer(models.Unigram([('<unk>', -20.0), *zip(pieces, scores)], unk_id=0))
    tokenizer.pre_tokenizer = SPLITS['Metaspace']
    tokenizer.add_special_tokens(['<unk>'])
    ids = of(tokenizer)
    texts = [''.join(rng.choice(list(letters), size)) for letters in ('+', 'a', '·', '10', 'ab', '+a', 'ab1')
             for size in range(1, 30) for _ in range(20)]  # fmt: skip
    texts += [string * times for string in ('10', 'ab', 'aba', '+a') for times in range(1, 20)]
    check_equal(tokenizer, ids, texts)
    assert ids.is_right_for(texts) and any(ids._read(texts))
    kitoken, expected = ids._kitoken.encode_all(texts, False), kitoken_ids._lists(partial(token_ids, tokenizer), texts)
    assert kitoken != expected  # they do differ


def test_without_kitoken(monkeypatch):
    monkeypatch.setattr(importlib.util, 'find_spec', lambda name: None)
    assert kitoken_ids.kitoken_ids(made(), None) is None


def test_a_difference_is_seen_and_the_tokenizer_goes_on(monkeypatch):
    """Whatever kitoken gets wrong that no trial has shown."""
    tokenizer = made()
    ids = of(tokenizer)

    class Wrong:
        def encode_all(self, texts, _):
            return [[1, 2, 3] for _ in texts]

    ids._kitoken = Wrong()
    with pytest.warns(UserWarning, match='kitoken gives a text other tokens than the tokenizer, so it is not used'):
        check_equal(tokenizer, ids, TEXTS)
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        check_equal(tokenizer, ids, STRANGE)


@pytest.mark.parametrize('threads', [2, 3, 7])
def test_several_threads(threads, monkeypatch):
    monkeypatch.setattr(torch, 'get_num_threads', lambda: threads)
    tokenizer = made()
    texts = [f'{text} {i}' for i in range(200) for text in TEXTS]
    for some in (texts, texts[:65], texts[:1], []):
        check_equal(tokenizer, of(tokenizer), some)
    assert of(tokenizer).is_right_for(texts)


def test_an_encoder_of_many_texts(no_warning, monkeypatch):
    """From the number on at which reading the vocabulary again is worth it, whether they come at once or by and by."""
    tokenizer = made()
    model = SentenceTransformer(modules=[StaticEmbedding(tokenizer, embedding_dim=8)], device='cpu')
    texts = [f'{TEXTS[i % len(TEXTS)]} {i}' for i in range(500)]
    monkeypatch.setattr(kitoken_ids, 'WORTH', sum(map(len, texts)))
    expected = model.encode(texts)
    for parts in ([texts], [texts[:100], texts[100:]]):
        encoder = HybridEncoder.from_model(model, passage_prefix='')
        assert np.array_equal(np.concatenate([encoder.encode_docs(part) for part in parts]), expected)
        assert isinstance(encoder._engine._ids[1].way, KitokenIds)
    few = HybridEncoder.from_model(model, passage_prefix='')
    few.encode_docs(texts[:100])
    assert not isinstance(few._engine._ids[1].way, KitokenIds)


def test_token_ids_are_copied():
    ids = TokenIds(made())
    ids.expect(['x' * WORTH])
    assert isinstance(ids.way, KitokenIds)
    for other in (copy.deepcopy(ids), pickle.loads(pickle.dumps(ids))):
        other.expect(['x' * WORTH])
        assert isinstance(other.way, KitokenIds) and np.array_equal(other(TEXTS)[0], ids(TEXTS)[0])


def test_threads():
    tokenizer = made()
    ids = TokenIds(tokenizer)
    ids.expect(['x' * WORTH])
    texts = [*TEXTS, *STRANGE[:-2]]
    expected = [part.tolist() for part in token_ids(tokenizer, texts, None)]
    with ThreadPoolExecutor(8) as threads:
        assert all([part.tolist() for part in found] == expected for found in threads.map(ids, [texts] * 200))


def test_real_texts(e5, no_warning):
    """Passages and questions of XQuAD-R, with the tokenizer of multilingual-e5-small and one as ``static`` has."""
    passages = [doc.text for doc in ir_datasets.load('xquad-r').docs_iter()]
    asked = [query.query for lang in ('ar', 'hi', 'th', 'zh') for query in ir_datasets.load(
        f'xquad-r/{lang}').queries_iter()]  # fmt: skip
    for tokenizer in (Tokenizer.from_file(str(e5 / 'tokenizer.json')), subword_tokenizer(passages[::20], 2000)):
        ids = of(tokenizer)
        check_equal(tokenizer, ids, passages)
        check_equal(tokenizer, ids, [f'query: {text}' for text in asked], 20)
        assert sum(map(bool, ids._read(passages))) > 0.9 * len(passages)
