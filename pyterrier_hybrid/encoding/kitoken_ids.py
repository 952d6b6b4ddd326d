"""Token ids by kitoken, which is several times as fast as the tokenizer, on one core: an optional extra.

kitoken finds the same pieces, but has Unicode tables of another version, finds added tokens in another way, and chooses
another one of two orders of pieces that have equal scores in Unigram. So it tokenises only texts whose characters were
each tested and are in Unicode 3.2, since the normalisation of these never changes (Unicode's stability policy,
https://www.unicode.org/policies/stability_policy.html), and which do not repeat a string. The tokenizer reads all other
texts, and one in 512 of kitoken's, for comparison.
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

#: Characters of texts from which on kitoken is used: it has to read a vocabulary first, which words do not.
WORTH = 3_000_000
#: Called as :func:`~pyterrier_hybrid.encoding.words.token_ids` without its tokenizer.
Ids = Callable[[Sequence[str], int | None], tuple[np.ndarray, np.ndarray]]
#: The tokenizer also reads one in this many of kitoken's texts, and the ids are compared.
_COMPARED = 512
#: Steps before the model that kitoken has too.
_NORMALIZERS = {'BertNormalizer', 'Lowercase', 'NFC', 'NFD', 'NFKC', 'NFKD', 'Nmt', 'Precompiled', 'Replace',
                'StripAccents'}  # fmt: skip
_SPLITS = {'BertPreTokenizer', 'Digits', 'Metaspace', 'Punctuation', 'Whitespace', 'WhitespaceSplit'}
#: Those after which each part has a mark, so that kitoken joins no two unknown parts, as it does for Unigram.
_MARKED = {'Metaspace', 'WhitespaceSplit'}
#: Among what each character is tried: first, last, alone, doubled, between letters, digits and spaces.
_AROUND = '{0}{0}a 1{0}1 a{0}b a {0} b a{0} {0}b a{0}'
#: Parts of the texts for each thread, and texts that are not worth a thread.
_PARTS, _FEW = 4, 64
_NEW, _SAME, _OTHER = range(3)


class TokenIds:
    """The tokenizer's ids of texts, by the fastest way that gives them: kitoken, words, or the tokenizer itself."""

    def __init__(self, tokenizer):
        self._tokenizer = tokenizer
        self._begin()

    def __getstate__(self) -> dict:
        """The tokenizer alone: kitoken cannot be copied."""
        return {'_tokenizer': self._tokenizer}

    def __setstate__(self, state: dict) -> None:
        self.__init__(state['_tokenizer'])

    def _begin(self) -> None:
        if self._tokenizer.truncation is not None:  # a copy: switching it off and on would cut another thread's texts
            self._tokenizer = Tokenizer.from_str(self._tokenizer.to_str())
            self._tokenizer.no_truncation()
        self._expected, by_words = 0, splits_at_spaces(self._tokenizer)
        self.way: Ids = WordIds(self._tokenizer) if by_words else partial(token_ids, self._tokenizer)

    def expect(self, texts: Sequence[str]) -> None:
        """Counts the characters of texts that are about to come, and starts kitoken when there are enough."""
        if self._tokenizer.truncation is not None:  # since the last time
            self._begin()
        before, self._expected = self._expected, self._expected + sum(map(len, texts))
        if before < WORTH <= self._expected:
            self.way = kitoken_ids(self._tokenizer, self.way) or self.way

    def __call__(self, texts: Sequence[str], max_length: int | None = None) -> tuple[np.ndarray, np.ndarray]:
        """As :func:`~pyterrier_hybrid.encoding.words.token_ids`."""
        return self.way(texts, max_length)


def kitoken_ids(tokenizer, rest: Ids) -> 'KitokenIds | None':
    """Returns :class:`KitokenIds` if kitoken is installed and reads a trial of texts as this tokenizer does."""
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
    except Exception:  # of kitoken for a form that it does not know, of the tokenizer if it has no unknown token
        return None


def _is_whole(tokenizer) -> bool:
    """Whether a tokenizer has a vocabulary, without which kitoken ends the process, and a token of every id."""
    own, size = tokenizer.get_vocab_size(with_added_tokens=False), tokenizer.get_vocab_size()
    return bool(own) and tokenizer.id_to_token(size - 1) is not None


class KitokenIds:
    """Token ids of texts, equal to those of the tokenizer without special tokens.

    Args:
        tokenizer: a ``tokenizers.Tokenizer``.
        rest: has the ids of the texts that are not kitoken's.
    """

    def __init__(self, tokenizer, rest: Ids):
        from kitoken import Kitoken

        self._theirs, self._rest = partial(token_ids, tokenizer), rest
        self._normal = tokenizer.normalizer.normalize_str if tokenizer.normalizer else str
        self._has_orders = isinstance(tokenizer.model, Unigram)
        self._kitoken, self._differs = Kitoken.from_tokenizers(tokenizer.to_str().encode()), False
        self._kind = np.full(0x110000, _NEW, np.uint8)  # of each character
        added = [token.content.strip() for token in tokenizer.get_added_tokens_decoder().values()]
        self._beginnings = {text[:1] for content in added for text in (content, self._normal(content))} - {''}

    def __call__(self, texts: Sequence[str], max_length: int | None = None) -> tuple[np.ndarray, np.ndarray]:
        """As :func:`~pyterrier_hybrid.encoding.words.token_ids`."""
        if self._differs:
            return self._rest(texts, max_length)
        ids = self._read(texts)
        own = [row for row, its in enumerate(ids) if its]
        if not self.is_right_for([texts[row] for row in own[::_COMPARED]]):
            warnings.warn('kitoken reads a text otherwise than the tokenizer, which goes on alone', stacklevel=2)
            self._differs = True
            return self._rest(texts, max_length)
        others = [row for row, its in enumerate(ids) if not its]
        for row, its in zip(others, _lists(self._rest, [texts[row] for row in others])):
            ids[row] = its
        lengths = np.fromiter(map(len, ids), np.int64, len(ids))
        return cut(np.fromiter(chain.from_iterable(ids), ID, lengths.sum()), lengths, max_length)

    def is_right_for(self, texts: Sequence[str]) -> bool:
        """Whether kitoken has the tokenizer's ids of those texts that are its own."""
        found = {text: ids for text, ids in zip(texts, self._read(texts)) if ids}
        return [*found.values()] == _lists(self._theirs, [*found])

    def _read(self, texts: Sequence[str]) -> list[list[int]]:
        """The ids of kitoken's texts. Other texts get no ids, nor does a text of one piece, which may be blank."""
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
        """kitoken's ids of texts, on as many threads as torch has (a call uses one thread, and releases the GIL)."""
        threads = torch.get_num_threads()
        size = -(-len(texts) // (threads * _PARTS)) or 1
        parts = [texts[start : start + size] for start in range(0, len(texts), size)]
        if threads == 1 or len(texts) < _FEW:
            return self._kitoken.encode_all(texts, False)
        with ThreadPoolExecutor(threads) as pool:
            return [*chain.from_iterable(pool.map(lambda part: self._kitoken.encode_all(part, False), parts))]

    def _try(self, codes: np.ndarray) -> None:
        """Sets the kind of characters: 'same' if they are old, begin no added token, and give the tokenizer's ids."""
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
    """The part to which each place belongs, in the concatenation of all parts."""
    return np.searchsorted(np.cumsum([*map(len, parts)]), places, side='right').tolist()


def _repeating(codes: np.ndarray) -> list[int]:
    """Places of strings, of up to 16 characters, that occur twice in a row and begin a third time.

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
