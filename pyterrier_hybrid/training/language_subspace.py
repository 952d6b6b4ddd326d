"""The directions in which the mean vectors of languages differ, and encoders without them."""
import os
from collections import Counter
from collections.abc import Sequence
from itertools import chain

import numpy as np
import torch

from pyterrier_hybrid.encoding.encoder import HybridEncoder
from pyterrier_hybrid.pairs.protocol import Pairs
from pyterrier_hybrid.training.derived import model_of, multiply, new_folder, opened, save_derived

#: The least number of parallel texts: fewer say too little about a language's mean.
_LEAST = 10
#: A direction whose singular value is below this share of the greatest is a rounding error.
_ROUNDING = 1e-5


def remove_language_subspace(
    encoder: 'str | os.PathLike | HybridEncoder', pairs: Pairs, folder: str | os.PathLike, *,
    languages: Sequence[str] | None = None, texts: int = 200, verbose: bool = True,
) -> HybridEncoder:  # fmt: skip
    """Removes the language subspace from an encoder's vectors, and saves the encoder as a new checkpoint.

    The mean vectors of n languages, over texts with the same meaning, differ in n - 1 directions. Queries with their
    own prefix have n - 1 more. Vectors are projected onto the orthogonal complement of all these directions, so a
    passage no longer ranks higher because it is in the question's language. Nothing is trained, no labels are used, and
    afterwards no text needs a language label. It encodes some thousands of texts. This is LSAR (Xie et al., arXiv
    2401.05792) with all of the directions, over parallel texts, and for both sides.

    The table of a static embedding is multiplied by the projection; any other encoder gets a ``Dense`` layer before the
    normalisation. Prefixes and greatest lengths are those of the encoder. :func:`whiten` can follow.

    Args:
        encoder: any encoder, which is not changed; or its folder or name on the hub. The checkpoint of one in half
            precision is read again in float32.
        pairs: a :class:`ParallelPairs` with rows that have a passage, or a text of bitext, in all of the languages.
        folder: where the new checkpoint goes; must not exist, and appears whole.
        languages: two or more; None for those of the pairs.
        texts: of each language, at most, evenly spaced over the rows.
        verbose: show a progress bar.

    Returns:
        The new encoder, read back from ``folder``, in float32. If the encoder is a training run, the new folder has its
        ``training.json`` and card too, with a note on the languages.

    Raises:
        FileExistsError: ``folder`` exists.
        FileNotFoundError: there is no such encoder.
        ValueError: fewer than two languages; fewer than 10 rows in all of them; vectors with no more components than
            there are directions, or that are not finite; a model in memory in half precision; an encoder that cuts
            vectors or texts in a way that a checkpoint cannot store; several processes.
    """
    folder = new_folder(folder, 'remove_language_subspace')
    languages = [languages] if isinstance(languages, str) else languages
    languages = sorted(pairs.languages if languages is None else {*languages})
    if len(languages) < 2:
        raise ValueError(f'the languages are {languages}; give two or more')
    if texts < _LEAST:
        raise ValueError(f'texts is {texts}; a mean needs at least {_LEAST} of each language')
    encoder = opened(encoder)
    model = model_of(encoder)
    parallel = _parallel_texts(pairs, languages, texts)
    sides = dict.fromkeys([encoder.passage.prefix, encoder.query.prefix])
    encode = {encoder.query.prefix: encoder.encode_queries, encoder.passage.prefix: encoder.encode_docs}
    vectors = {prefix: encode[prefix](list(chain(*parallel)), verbose=verbose) for prefix in sides}
    directions = _directions([side.reshape(len(languages), -1, encoder.dimension) for side in vectors.values()])
    if not len(directions) < encoder.dimension:
        raise ValueError(
            f'{len(languages)} languages differ in {len(directions)} directions, and vectors have {encoder.dimension} '
            'components, so that nothing would be left; give fewer languages'
        )
    multiply(model, torch.from_numpy(np.eye(encoder.dimension, dtype=np.float32) - directions.T @ directions))
    done = {
        'languages': languages, 'directions': len(directions), 'texts': len(parallel[0]), 'pairs': pairs.fingerprint,
    }  # fmt: skip
    return save_derived(model, encoder, folder, language_subspaces=done)


def _parallel_texts(pairs: Pairs, languages: Sequence[str], most: int) -> list[list[str]]:
    """Parallel texts, at most ``most``: a list for each language, all of the same length and in the same order."""
    wanted, together = set(languages), Counter()
    ranges = []
    for source in pairs.sources:
        for stratum in source.strata:
            together[tuple(lang for lang in languages if lang in stratum.passage_langs)] += stratum.stop - stratum.start
            if wanted <= {*stratum.passage_langs}:
                ranges.append((source.name, stratum.start, stratum.stop))
    ends = np.cumsum([0, *(stop - start for _, start, stop in ranges)])
    n = int(ends[-1])
    if n < _LEAST:
        most_together = max(together, key=lambda langs: (together[langs] >= _LEAST, len(langs), together[langs]))
        such = f', such as {" ".join(most_together)}' if len(most_together) > 1 else ''
        raise ValueError(
            f'{n} rows of {pairs} have a text in all of {" ".join(languages)}, and {_LEAST} are needed; give '
            f'languages= that rows have together{such}'
        )
    chosen = np.unique(np.linspace(0, n - 1, most).astype(int))
    rows: dict[str, list[int]] = {}
    for position, at in zip(chosen, np.searchsorted(ends, chosen, side='right') - 1):
        name, start, _ = ranges[at]
        rows.setdefault(name, []).append(int(start + position - ends[at]))
    parallel: list[list[str]] = [[] for _ in languages]
    for name, own in rows.items():
        texts = pairs[name].texts('passage', own * len(languages), [lang for lang in languages for _ in own])
        for i, of_lang in enumerate(parallel):
            of_lang += texts[i * len(own) : (i + 1) * len(own)]
    return parallel


def _directions(sides: Sequence[np.ndarray]) -> np.ndarray:
    """Orthonormal directions, float32 (r, d), in which the languages' means differ; a side is (languages, n, d)."""
    means = [side.mean(axis=1, dtype=np.float64) for side in sides]
    if not np.isfinite(means).all():
        raise ValueError('the encoder gives vectors that are not finite; look at its weights')
    differences = np.concatenate([mean - mean.mean(axis=0) for mean in means])
    _, sizes, directions = np.linalg.svd(differences, full_matrices=False)
    return directions[sizes > _ROUNDING * sizes[0]].astype(np.float32)
