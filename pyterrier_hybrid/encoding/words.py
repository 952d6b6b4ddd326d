"""Token ids of texts by their words, for models whose speed depends on their tokenizer.

If a tokenizer splits at spaces before its model, a word's tokens do not depend on its neighbours. So the tokenizer only
tokenises the distinct words of many texts, and the ids of the texts are put together from the words' ids.
"""
import json
import re
import unicodedata
from collections.abc import Sequence
from itertools import chain

import numpy as np

#: Words in each of the two halves whose ids are kept, about 160 bytes each. A full newer half replaces the older one.
MOST_WORDS = 150_000
#: The longest word, in characters, whose ids are kept. Longer ones, such as texts without spaces, seldom recur.
LONGEST = 24
#: Words tokenised as one text, which is faster than tokenising each by itself.
_TOGETHER = 64
#: The type of a token's id.
ID = np.dtype(np.int32)
#: Normalisation steps that change the text before a space and after it independently. 'Replace' does for some patterns.
_LOCAL = {'BertNormalizer', 'Lowercase', 'NFC', 'NFD', 'NFKC', 'NFKD', 'Nmt', 'Precompiled', 'StripAccents'}
#: Splitters that remove white space.
_DROPPING = {'BertPreTokenizer', 'Whitespace', 'WhitespaceSplit'}
#: A pattern, in tokenizers' spelling, that matches one character other than a space.
_ONE_CHARACTER = re.compile(r'\[(?:\\x\{(?!20\})[0-9a-f]+\})+\]')
#: Texts that would show that a tokenizer looks beyond a space: characters that join, become spaces, or are removed.
ODD = (
    '', ' ', '  a  b ', ' a\tb \n c\u00a0 \u00a0d', '\u0301a e \u0301 \u0308\u0301 b', 'a\u00a8 \u00b4b ΑΣ Σ',
    '\u2581a \u2581 b\u2581 c', 'a\u200b \u200bb \ufeff c', '\u0600 \u06dd a \U000110bd', '谁 写了。 「 a」',
    "it 's 1 000 . a", 'नि र्\u200d क', 'x ' * 100 + 'y' * 99, '\x00 a\x01 \x7f b',
)  # fmt: skip


class WordIds:
    """Token ids of texts, equal to those of the tokenizer without special tokens.

    Args:
        tokenizer: a ``tokenizers.Tokenizer`` that passes :func:`splits_at_spaces` and truncates no text.
    """

    def __init__(self, tokenizer):
        self._tokenizer, self._known, self._older = tokenizer, {}, {}
        split = steps(tokenizer.pre_tokenizer, 'pretokenizers')[0]
        self._drops, self._prepends = split['type'] in _DROPPING, split.get('prepend_scheme', 'never') != 'never'

    def __call__(self, texts: Sequence[str], max_length: int | None = None) -> tuple[np.ndarray, np.ndarray]:
        """As :func:`token_ids`."""
        parts = [text.split(' ') for text in texts]
        for words in [] if self._drops else parts:
            if not (self._prepends and _is_plain(words[0][:1])):
                words[0] = ' ' + words[0]  # a space marks a word at the beginning of a text
        words = list(chain.from_iterable(parts))
        found = self._of_words(words)
        before = np.cumsum([0, *map(len, found)]) // ID.itemsize
        bounds = before[np.cumsum([0, *map(len, parts)])]
        return cut(np.frombuffer(b''.join(found), ID), np.diff(bounds), max_length)

    def _of_words(self, words: Sequence[str]) -> list[bytes]:
        """Returns the ids of each word, and keeps those of short words.

        Kept ids are dropped only with their whole dict, which other threads may still be reading.
        """
        known, older = self._known, self._older
        missing = set(words).difference(known)
        again = [word for word in missing if word in older]
        known.update((word, older[word]) for word in again)
        new = [*missing.difference(again)]
        made = self._tokenized(new)
        known.update((word, its) for word, its in made.items() if len(word) <= LONGEST)
        if len(known) > MOST_WORDS:
            self._known, self._older = {}, known
        return [made[word] if its is None else its for word, its in zip(words, map(known.get, words))]

    def _tokenized(self, words: list[str]) -> dict[str, bytes]:
        """Returns the ids of words. Many words are tokenised as one text, whose ids are cut at the words' places.

        Long words, words at the beginning of a text, and words that end in white space are tokenised alone.
        """
        alone = [word for word in words if len(word) > LONGEST or word[:1] == ' ' or word[-1:].isspace()]
        others = list(set(words).difference(alone))
        chunks = [others[i : i + _TOGETHER] for i in range(0, len(others), _TOGETHER)]
        texts = [word[1:] if word[:1] == ' ' else ' ' + word for word in alone]
        each = self._tokenizer.encode_batch_fast(texts, add_special_tokens=False)
        many = self._tokenizer.encode_batch([' ' + ' '.join(chunk) for chunk in chunks], add_special_tokens=False)
        ids = {word: np.array(encoding.ids, ID).tobytes() for word, encoding in zip(alone, each)}
        for chunk, encoding in zip(chunks, many):
            places = np.cumsum([0, *(1 + len(word) for word in chunk)])  # a word begins at the space before it
            starts = np.array([start for start, _ in encoding.offsets], np.int64)
            cuts = (ID.itemsize * np.searchsorted(starts, places)).tolist()
            its = np.array(encoding.ids, ID).tobytes()
            ids.update((word, its[a:b]) for word, a, b in zip(chunk, cuts, cuts[1:]))
        return ids


def token_ids(tokenizer, texts: Sequence[str], max_length: int | None) -> tuple[np.ndarray, np.ndarray]:
    """Returns the ids of all texts in one array, (tokens,), and the number of each text's ids, int64 (texts,).

    Leaves out special tokens, and each text's tokens beyond ``max_length``. ``tokenizer`` must not truncate.
    """
    ids = [encoding.ids for encoding in tokenizer.encode_batch_fast(texts, add_special_tokens=False)]
    lengths = np.fromiter(map(len, ids), np.int64, len(ids))
    return cut(np.fromiter(chain.from_iterable(ids), ID, lengths.sum()), lengths, max_length)


def cut(ids: np.ndarray, lengths: np.ndarray, max_length: int | None) -> tuple[np.ndarray, np.ndarray]:
    """Leaves out each text's tokens beyond ``max_length``; None for no limit."""
    if max_length is None or not len(lengths) or lengths.max() <= max_length:
        return ids, lengths
    places = np.arange(len(ids)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    return ids[places < max_length], np.minimum(lengths, max_length)


def _is_plain(character: str) -> bool:
    """Whether a word that begins with this character has the same ids at the beginning of a text as after a space.

    Asked for tokenizers that add a space at the beginning of a text.
    """
    return character.isalpha() and not unicodedata.decomposition(character)


def splits_at_spaces(tokenizer) -> bool:
    """Whether the ids of a text are those of its words, so that :class:`WordIds` gives the tokenizer's ids.

    All steps of the tokenizer must be known to have this property, and a test on odd texts must confirm it.
    """
    normalizers = steps(tokenizer.normalizer, 'normalizers')
    splits = steps(tokenizer.pre_tokenizer, 'pretokenizers')
    drops = bool(splits) and splits[0]['type'] in _DROPPING
    added = tokenizer.get_added_tokens_decoder().values()
    if (
        not (drops or (splits and splits[0]['type'] == 'Metaspace' and splits[0]['split']))
        or any(step['type'] == 'Metaspace' and step['prepend_scheme'] == 'first' for step in splits[1:])
        or not all(_is_local(step, drops) for step in normalizers)
        or any(token.rstrip or (token.lstrip and not drops) or ' ' in token.content for token in added)
        or getattr(tokenizer.model, 'dropout', None)
        or tokenizer.padding
    ):
        return False
    try:
        found, expected = WordIds(tokenizer)(ODD), token_ids(tokenizer, ODD, None)
    except Exception:  # tokenizers raises a plain Exception for an unknown character if there is no unknown token
        return False
    return all(np.array_equal(one, other) for one, other in zip(found, expected))


def _is_local(normalizer: dict, drops: bool) -> bool:
    if normalizer['type'] == 'Strip':
        return drops
    if normalizer['type'] != 'Replace':
        return normalizer['type'] in _LOCAL
    pattern = normalizer['pattern']
    if 'String' in pattern:
        return bool(pattern['String'].strip())
    return bool(_ONE_CHARACTER.fullmatch(pattern['Regex'])) or (drops and pattern['Regex'] == ' {2,}')


def steps(part, plural: str) -> list[dict]:
    """Returns the steps of a tokenizer's normaliser or splitter, as its file describes them."""
    if part is None:
        return []
    try:
        step = json.loads(part.__getstate__())
    except Exception:  # a part written in Python has no description; tokenizers raises a plain Exception
        return [{'type': 'Python'}]
    return step[plural] if step['type'] == 'Sequence' else [step]
