"""Token ids of training texts, kept from one time that a text is drawn to the next."""
from collections.abc import Sequence
from hashlib import blake2b

import numpy as np
import torch

#: Texts whose token ids are kept, about 300 bytes each; when there are more, all are forgotten and it begins anew.
MOST_TEXTS = 2_000_000
_ID = np.dtype(np.int32)


class CachedTokens:
    """The tokenization of a bag of subwords, which takes longer than training on what comes out.

    Args:
        tokenizer: a ``tokenizers.Tokenizer``.
    """

    def __init__(self, tokenizer):
        self._tokenizer = tokenizer
        self._known: dict[bytes, bytes] = {}

    def __call__(self, texts: Sequence[str], prompt: str | None = None, task: str | None = None) -> dict:
        """What ``StaticEmbedding`` is given: token ids, int64 (tokens,), and where each text begins, int64 (texts,).

        Args:
            texts: at least one.
            prompt: put before every text.
            task: without effect; sentence-transformers names one.
        """
        texts = [f'{prompt}{text}' for text in texts] if prompt else texts
        keys = [blake2b(text.encode(), digest_size=16).digest() for text in texts]
        new = {key: text for key, text in zip(keys, texts) if key not in self._known}
        encodings = self._tokenizer.encode_batch_fast([*new.values()], add_special_tokens=False)
        found = {key: np.array(encoding.ids, _ID).tobytes() for key, encoding in zip(new, encodings)}
        ids = [found[key] if key in found else self._known[key] for key in keys]
        if len(self._known) + len(found) > MOST_TEXTS:
            self._known.clear()
        self._known.update(found)
        ends = np.cumsum([len(each) for each in ids]) // _ID.itemsize
        return {
            'input_ids': torch.from_numpy(np.frombuffer(b''.join(ids), _ID).astype(np.int64)),
            'offsets': torch.from_numpy(np.concatenate([[0], ends[:-1]])),
        }
