"""Token ids by words, against the tokenizer itself."""
import sys
from concurrent.futures import ThreadPoolExecutor

import ir_datasets
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.modules import StaticEmbedding
from tokenizers import AddedToken, Regex, Tokenizer, models, normalizers, pre_tokenizers, trainers

from pyterrier_hybrid.encoding import HybridEncoder, words
from pyterrier_hybrid.encoding.backbones import subword_tokenizer
from pyterrier_hybrid.encoding.kitoken_ids import TokenIds
from pyterrier_hybrid.encoding.words import WordIds, splits_at_spaces, token_ids

TEXTS = ['Wer schrieb den Faust?', 'Goethe wrote Faust in Weimar, and Schiller wrote The Robbers.', '谁写了浮士德？',
         'Πού γεννήθηκε ο Γκαίτε;', 'कृपया र्क  यहाँ', 'Faust']  # fmt: skip
SPLITS = {
    'Metaspace': pre_tokenizers.Metaspace(),
    'Metaspace, the first word alone': pre_tokenizers.Metaspace(prepend_scheme='first'),
    'Metaspace, no word': pre_tokenizers.Metaspace(prepend_scheme='never'),
    'words, Metaspace': pre_tokenizers.Sequence([pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Metaspace()]),
    'Whitespace': pre_tokenizers.Whitespace(),
    'Bert': pre_tokenizers.BertPreTokenizer(),
}
STRANGE = [
    *words.ODD, '\u00a0a \u00a0b\u00a0', 'ﷺ ͺα ¨a', '<x> a<x> <x>b <x>', 'the <x>\u00a0<x>', ' \t\n\u3000', '𒀀𒁀 𒂀',
    'a\x00b\x01\x1b[31m\x7f\x85\u2028c', 'abc \u202eمرحبا\u202c \u200fשלום\u200e 123',
    '👨‍👩‍👧‍👦 \ufeff\ufffe \U0010ffff',
    'x' * 100_000, 'Faust ' * 15_000,
]  # fmt: skip
PIECES = [*'aB谁e.7ς ', 'Faust', '\u0301', '\u00a0', '\u2581', '\t', '\u00a8', '\ufeff', '<x>']


class Lower:
    """A normaliser in Python."""

    def normalize(self, text):
        text.lowercase()


class Halves:
    """A splitter in Python."""

    def pre_tokenize(self, text):
        text.split(lambda i, part: [part[: len(str(part)) // 2], part[len(str(part)) // 2 :]])


def made(split, normalizer=None, model=models.WordPiece) -> Tokenizer:
    tokenizer = Tokenizer(model(unk_token='[UNK]'))
    tokenizer.normalizer = normalizer or normalizers.Sequence([normalizers.NFKC(), normalizers.Lowercase()])
    tokenizer.pre_tokenizer = split
    trainer = trainers.WordPieceTrainer if model is models.WordPiece else trainers.BpeTrainer
    tokenizer.train_from_iterator(TEXTS, trainer(vocab_size=300, special_tokens=['[UNK]'], show_progress=False))
    tokenizer.add_special_tokens(['<x>'])
    return tokenizer


def check_equal(tokenizer, by_words, texts, max_length=None):
    ids, lengths = by_words(texts, max_length)
    expected, theirs = token_ids(tokenizer, texts, max_length)
    wrong = [text for text, one, other in zip(texts, np.split(ids, np.cumsum(lengths)),
             np.split(expected, np.cumsum(theirs))) if one.tolist() != other.tolist()]  # fmt: skip
    assert not wrong and lengths.tolist() == theirs.tolist()


@pytest.fixture(scope='module', params=[*SPLITS, 'BERT', 'static'])
def tokenizer(request) -> Tokenizer:
    if request.param == 'static':
        return subword_tokenizer(TEXTS, 200)
    normalizer = normalizers.BertNormalizer() if request.param == 'BERT' else None
    return made(SPLITS.get(request.param, SPLITS['Bert']), normalizer)


def test_ids_are_those_of_the_tokenizer(tokenizer):
    assert splits_at_spaces(tokenizer)
    by_words = WordIds(tokenizer)
    for texts in ([*TEXTS, *STRANGE], STRANGE, [' '.join(STRANGE), *TEXTS], []):  # again, and by words that are known
        check_equal(tokenizer, by_words, texts)
        check_equal(tokenizer, by_words, texts, 3)


@settings(max_examples=40, deadline=None)
@given(texts=st.lists(st.lists(st.sampled_from(PIECES), max_size=12).map(''.join), max_size=8))
def test_any_texts(tokenizer, texts):
    check_equal(tokenizer, WordIds(tokenizer), texts)


def test_words_that_were_dropped_are_tokenised_again(tokenizer, monkeypatch):
    monkeypatch.setattr(words, 'MOST_WORDS', 5)
    by_words = WordIds(tokenizer)
    for text in TEXTS * 2:
        check_equal(tokenizer, by_words, [text])
        assert len(by_words._known) < 5 + len(text.split())
    assert max(map(len, by_words._known)) <= words.LONGEST


def test_a_token_that_takes_the_spaces_before_it():
    tokenizer = made(pre_tokenizers.WhitespaceSplit())
    tokenizer.add_tokens([AddedToken('<m>', lstrip=True)])
    assert splits_at_spaces(tokenizer)
    check_equal(tokenizer, WordIds(tokenizer), ['a\u00a0 <m> b\u00a0 <m>', 'a\u00a0 b', '<m>'])
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    assert not splits_at_spaces(tokenizer)


@pytest.mark.parametrize('changed', [
    {'pre_tokenizer': pre_tokenizers.Metaspace(split=False)},
    {'pre_tokenizer': pre_tokenizers.ByteLevel()},
    {'pre_tokenizer': pre_tokenizers.Sequence([pre_tokenizers.Punctuation(), pre_tokenizers.Metaspace()])},
    {'pre_tokenizer': pre_tokenizers.Metaspace(), 'normalizer': normalizers.Replace(Regex(' {2,}'), ' ')},
    {'normalizer': normalizers.Replace(' ', '\u2581')},
    {'normalizer': normalizers.Replace(Regex(r'[\x{41}\x{20}]'), '')},
    {'normalizer': normalizers.Prepend('\u2581')},
    {'normalizer': normalizers.Normalizer.custom(Lower())},
    {'pre_tokenizer': pre_tokenizers.PreTokenizer.custom(Halves())},
    {'added': AddedToken('of the')},
    {'added': AddedToken('Faust', rstrip=True)},
    {'model': models.BPE({'a': 0, 'b': 1, 'ab': 2}, [('a', 'b')], dropout=0.5)},
], ids=lambda changed: next(iter(changed)))  # fmt: skip
def test_other_tokenizers_are_left_alone(changed):
    tokenizer = made(pre_tokenizers.WhitespaceSplit())
    assert splits_at_spaces(tokenizer)
    if 'added' in changed:
        tokenizer.add_tokens([changed.pop('added')])
    for name, value in changed.items():
        setattr(tokenizer, name, value)
    assert not splits_at_spaces(tokenizer)


@pytest.mark.parametrize('split', ['Metaspace', 'ByteLevel'])
def test_an_encoder_gives_the_vectors_of_sentence_transformers(split):
    tokenizer = made(SPLITS['Metaspace'] if split == 'Metaspace' else pre_tokenizers.ByteLevel())
    tokenizer.enable_truncation(7)
    model = SentenceTransformer(modules=[StaticEmbedding(tokenizer, embedding_dim=8)], device='cpu')
    encoder = HybridEncoder.from_model(model, passage_prefix='', max_passage_length=7)
    tokenizer.enable_truncation(7)
    assert np.array_equal(encoder.encode_docs(TEXTS), model.encode(TEXTS))
    assert isinstance(encoder._engine._ids[1].way, WordIds) == (split == 'Metaspace')
    assert tokenizer.truncation['max_length'] == 7
    tokenizer.no_truncation()
    tokenizer.add_tokens(['Goethe'])  # which has no vector, and must not be read as it was before
    with pytest.raises(RuntimeError, match='not in the valid range'):
        encoder.encode_docs(['Goethe'])


def test_real_texts(e5, data_root):
    """Passages and questions of XQuAD-R, with the tokenizer of multilingual-e5-small and one as ``static`` has."""
    passages = [doc.text for doc in ir_datasets.load('xquad-r').docs_iter()][::7]
    asked = [query.query for lang in ('ar', 'hi', 'th', 'zh') for query in ir_datasets.load(
        f'xquad-r/{lang}').queries_iter()][::7]  # fmt: skip
    for tokenizer in (Tokenizer.from_file(str(e5 / 'tokenizer.json')), subword_tokenizer(passages[::20], 2000)):
        assert splits_at_spaces(tokenizer)
        by_words = WordIds(tokenizer)
        for start in range(0, len(passages), 512):
            check_equal(tokenizer, by_words, passages[start : start + 512])
        check_equal(tokenizer, by_words, [f'query: {text}' for text in asked], 20)


def test_threads_and_a_tokenizer_that_cuts():
    """None of them may see how another one's texts are cut, and the tokenizer stays as it is."""
    tokenizer = made(SPLITS['Whitespace'])
    texts = [' '.join(f'w{i}{j}' for j in range(40)) for i in range(300)]
    expected = [part.tolist() for part in token_ids(tokenizer, texts, 30)]
    tokenizer.enable_truncation(8)
    ids = TokenIds(tokenizer)
    with ThreadPoolExecutor(4) as threads:
        for found in threads.map(lambda length: (ids.expect(texts), ids(texts, length))[1], [30, 9] * 4):
            assert found[1].max() in (30, 9)
    assert [part.tolist() for part in ids(texts, 30)] == expected
    assert tokenizer.truncation['max_length'] == 8


def test_a_tokenizer_that_cuts_from_now_on():
    tokenizer = made(SPLITS['Whitespace'])
    ids = TokenIds(tokenizer)
    expected = token_ids(tokenizer, TEXTS, None)
    tokenizer.enable_truncation(2)
    ids.expect(TEXTS)
    assert np.array_equal(ids(TEXTS)[0], expected[0])


def test_threads_share_the_words():
    """A long word, which is not kept, may be tokenised by several of them at once."""
    by_words, interval = WordIds(made(SPLITS['Whitespace'])), sys.getswitchinterval()
    texts = [f'Faust {i % 7} wrote {"x" * (words.LONGEST + 1 + i % 3)}' for i in range(40)]
    expected = [part.tolist() for part in WordIds(made(SPLITS['Whitespace']))(texts)]
    sys.setswitchinterval(1e-5)
    try:
        with ThreadPoolExecutor(8) as threads:
            for found in threads.map(lambda _: by_words(texts), range(200)):
                assert [part.tolist() for part in found] == expected
    finally:
        sys.setswitchinterval(interval)
