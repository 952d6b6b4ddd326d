"""Token ids by kitoken, an optional extra. On one core it is several times as fast as the tokenizer.

kitoken finds the same pieces as the tokenizer, with three exceptions: its Unicode tables have another version, it finds
added tokens in another way, and with Unigram it may choose the other of two orders of pieces that have equal scores. So
kitoken tokenises a text only if all its characters were tested and are in Unicode 3.2, whose normalisation never
changes (Unicode's stability policy, https://www.unicode.org/policies/stability_policy.html), and, with Unigram, if it
repeats no string. The tokenizer reads all other texts. It also reads one in 512 of kitoken's texts, for comparison.
"""
import importlib.util
import re
import unicodedata
import warnings
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import chain

import numpy as np
import torch
from tokenizers import Tokenizer
from tokenizers.models import Unigram

from pyterrier_hybrid.encoding.words import ID, ODD, WordIds, cut, splits_at_spaces, steps, token_ids

#: kitoken is used once this many characters are to be tokenised, because it has to read a vocabulary first.
WORTH = 3_000_000
#: Called as :func:`~pyterrier_hybrid.encoding.words.token_ids` without its tokenizer.
Ids = Callable[[Sequence[str], int | None], tuple[np.ndarray, np.ndarray]]
#: The tokenizer also reads one in this many of kitoken's texts, and the ids are compared.
_COMPARED = 512
#: The normalisation steps of tokenizers that kitoken has too.
_NORMALIZERS = {'BertNormalizer', 'Lowercase', 'NFC', 'NFD', 'NFKC', 'NFKD', 'Nmt', 'Precompiled', 'Replace',
                'StripAccents'}  # fmt: skip
_SPLITS = {'BertPreTokenizer', 'Digits', 'Metaspace', 'Punctuation', 'Whitespace', 'WhitespaceSplit'}
#: Splitters for Unigram. Each part has a mark after them, so that kitoken does not join two unknown parts.
_MARKED = {'Metaspace', 'WhitespaceSplit'}
#: The text in which each character is tested: first, last, alone, doubled, between letters, digits and spaces.
_AROUND = '{0}{0}a 1{0}1 a{0}b a {0} b a{0} {0}b a{0}'
#: The parts of the texts for each thread, and the number of texts below which there is only one thread.
_PARTS, _FEW = 4, 64
_NEW, _SAME, _OTHER = range(3)


class TokenIds:
    """The tokenizer's ids of texts, made in the fastest way: by kitoken, by words, or by the tokenizer itself."""

    def __init__(self, tokenizer):
        self._tokenizer = tokenizer
        self._begin()

    def __getstate__(self) -> dict:
        """Keeps only the tokenizer: kitoken cannot be copied."""
        return {'_tokenizer': self._tokenizer}

    def __setstate__(self, state: dict) -> None:
        self.__init__(state['_tokenizer'])

    def _begin(self) -> None:
        if self._tokenizer.truncation is not None:  # take a copy: other threads may need the truncation meanwhile
            self._tokenizer = Tokenizer.from_str(self._tokenizer.to_str())
            self._tokenizer.no_truncation()
        self._expected, by_words = 0, splits_at_spaces(self._tokenizer)
        self.way: Ids = WordIds(self._tokenizer) if by_words else partial(token_ids, self._tokenizer)

    def expect(self, texts: Sequence[str]) -> None:
        """Counts the characters of texts that are about to come, and starts kitoken when there are enough."""
        if self._tokenizer.truncation is not None:  # it was set after the last call
            self._begin()
        before, self._expected = self._expected, self._expected + sum(map(len, texts))
        if before < WORTH <= self._expected:
            self.way = kitoken_ids(self._tokenizer, self.way) or self.way

    def __call__(self, texts: Sequence[str], max_length: int | None = None) -> tuple[np.ndarray, np.ndarray]:
        """As :func:`~pyterrier_hybrid.encoding.words.token_ids`."""
        return self.way(texts, max_length)


def kitoken_ids(tokenizer, rest: Ids) -> 'KitokenIds | None':
    """Returns :class:`KitokenIds` if kitoken is installed and reads some test texts as this tokenizer does."""
    if importlib.util.find_spec('kitoken') is None or tokenizer.padding or not _is_whole(tokenizer):
        return None
    normalizers = {step['type'] for step in steps(tokenizer.normalizer, 'normalizers')}
    splits = {step['type'] for step in steps(tokenizer.pre_tokenizer, 'pretokenizers')}
    known = _MARKED if isinstance(tokenizer.model, Unigram) else _SPLITS
    if not splits or normalizers - _NORMALIZERS or splits - known or getattr(tokenizer.model, 'dropout', None):
        return None
    try:
        ids = KitokenIds(tokenizer, rest)
        return ids if ids.is_right_for(ODD) else None
    except Exception:  # kitoken does not know this form of tokenizer, or the tokenizer has no unknown token
        return None


def _is_whole(tokenizer) -> bool:
    """Whether a tokenizer has a vocabulary (without one, kitoken ends the process), and a token for its last id."""
    own, size = tokenizer.get_vocab_size(with_added_tokens=False), tokenizer.get_vocab_size()
    return bool(own) and tokenizer.id_to_token(size - 1) is not None


class KitokenIds:
    """Token ids of texts, equal to those of the tokenizer without special tokens.

    Args:
        tokenizer: a ``tokenizers.Tokenizer``.
        rest: tokenises the texts that kitoken must not.
    """

    def __init__(self, tokenizer, rest: Ids):
        from kitoken import Kitoken

        self._theirs, self._rest = partial(token_ids, tokenizer), rest
        self._normal = tokenizer.normalizer.normalize_str if tokenizer.normalizer else str
        self._has_orders = isinstance(tokenizer.model, Unigram)
        self._kitoken, self._differs = Kitoken.from_tokenizers(tokenizer.to_str().encode()), False
        self._kind = np.full(0x110000, _NEW, np.uint8)  # the kind of each character
        added = [token.content.strip() for token in tokenizer.get_added_tokens_decoder().values()]
        self._beginnings = {text[:1] for content in added for text in (content, self._normal(content))} - {''}

    def __call__(self, texts: Sequence[str], max_length: int | None = None) -> tuple[np.ndarray, np.ndarray]:
        """As :func:`~pyterrier_hybrid.encoding.words.token_ids`."""
        if self._differs:
            return self._rest(texts, max_length)
        ids = self._read(texts)
        own = [row for row, its in enumerate(ids) if its]
        if not self.is_right_for([texts[row] for row in own[::_COMPARED]]):
            warnings.warn('kitoken gives a text other tokens than the tokenizer, so it is not used', stacklevel=2)
            self._differs = True
            return self._rest(texts, max_length)
        others = [row for row, its in enumerate(ids) if not its]
        for row, its in zip(others, _lists(self._rest, [texts[row] for row in others])):
            ids[row] = its
        lengths = np.fromiter(map(len, ids), np.int64, len(ids))
        return cut(np.fromiter(chain.from_iterable(ids), ID, lengths.sum()), lengths, max_length)

    def is_right_for(self, texts: Sequence[str]) -> bool:
        """Whether kitoken gives the tokenizer's ids of those of these texts that it may tokenise."""
        found = {text: ids for text, ids in zip(texts, self._read(texts)) if ids}
        return [*found.values()] == _lists(self._theirs, [*found])

    def _read(self, texts: Sequence[str]) -> list[list[int]]:
        """The ids of the texts that kitoken may tokenise; no ids for the others, nor for a text of a single token.

        A text of a single token may be blank.
        """
        codes = _codes(''.join(texts))
        new = np.unique(codes[self._kind[codes] == _NEW])
        if len(new):
            self._try(new)
        own = np.ones(len(texts), bool)
        own[_rows(texts, np.flatnonzero(self._kind[codes] == _OTHER))] = False
        if self._has_orders:
            own[_rows(texts, _repeating(codes))] = False
        ids = self._encode([text if its else '' for text, its in zip(texts, own)])
        return [its if len(its) > 1 else [] for its in ids]

    def _encode(self, texts: list[str]) -> list[list[int]]:
        """kitoken's ids of texts, by as many threads as torch has. A call uses one thread and releases the GIL."""
        threads = torch.get_num_threads()
        size = -(-len(texts) // (threads * _PARTS)) or 1
        parts = [texts[start : start + size] for start in range(0, len(texts), size)]
        if threads == 1 or len(texts) < _FEW:
            return self._kitoken.encode_all(texts, False)
        with ThreadPoolExecutor(threads) as pool:
            return [*chain.from_iterable(pool.map(lambda part: self._kitoken.encode_all(part, False), parts))]

    def _try(self, codes: np.ndarray) -> None:
        """Sets the kind of characters: _SAME for those of Unicode 3.2 that begin no added token and get equal ids."""
        self._kind[codes] = _OTHER
        known = unicodedata.ucd_3_2_0.category
        old = [character for character in map(chr, codes.tolist()) if known(character) not in ('Cn', 'Co', 'Cs')]
        tried = [_AROUND.format(character) for character in old]
        alone = self._beginnings.isdisjoint
        same = [
            ord(character)
            for character, ours, theirs in zip(old, self._encode(tried), _lists(self._theirs, tried))
            if ours == theirs and alone(character + self._normal(character))
        ]
        self._kind[same] = _SAME


def _codes(text: str) -> np.ndarray:
    return np.frombuffer(text.encode('utf-32-le', 'surrogatepass'), np.uint32)


def _rows(parts: Sequence[Sequence], places: Sequence[int]) -> list[int]:
    """The index of the part that holds each place of the concatenation of all parts."""
    return np.searchsorted(np.cumsum([*map(len, parts)]), places, side='right').tolist()


def _repeating(codes: np.ndarray) -> list[int]:
    """Places where a string of up to 16 characters occurs twice in a row and its first character follows once more.

    Only in such texts does Unigram find two orders of the same pieces: '+++++++' is '+', '+++', '+++' or '+++', '+++',
    '+', and 'ababa' is 'aba', 'b', 'a' or 'a', 'b', 'aba'. Their scores are equal, and rounding decides.
    """
    places = []
    for length in range(1, 17):
        same = (codes[length:] == codes[:-length]).tobytes()
        places += [found.start() for found in re.finditer(b'\1' * (length + 1), same)]
    return places


def _lists(way: Ids, texts: Sequence[str]) -> list[list[int]]:
    """The ids of each text."""
    ids, lengths = way(texts, None)
    return [its.tolist() for its in np.split(ids, np.cumsum(lengths))[:-1]]
