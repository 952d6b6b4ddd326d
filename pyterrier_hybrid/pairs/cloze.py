"""Inverse cloze: makes question-passage pairs from text without questions (Lee et al., ACL 2019, section 4)."""
import re
from collections.abc import Iterable, Iterator

import numpy as np

from pyterrier_hybrid.keyed import key_of, uniform

_THAI, _IDEOGRAPH = r'\u0e00-\u0e7f', r'\u3040-\u30ff\u3400-\u9fff'
_UNIT = re.compile(rf'[^\s{_THAI}{_IDEOGRAPH}]+|[{_THAI}]{{1,4}}|[{_IDEOGRAPH}]{{1,2}}')


def inverse_cloze(rows: Iterable[dict], *, keep: float = 0.5, min_units: int = 4, seed: int = 0) -> Iterator[dict]:
    """Turns parallel text into question-passage rows: part of a text is the query, the whole text its passage.

    Lee et al. take a sentence out of a paragraph. The texts here are single sentences, so the query is made of words:
    each unit (a word; in scripts without spaces, two ideographs or four Thai characters) is kept with probability
    ``keep``. Rows stay parallel, so monolingual batches (a matching of words) and cross-lingual ones (a translation
    ranking with half of the query missing) can use them.

    Args:
        rows: interchange rows; those without ``text`` are skipped.
        keep: expected share of the units that a query keeps.
        min_units: languages in which a text is shorter than this are left out.
        seed: of the choice.

    Raises:
        ValueError: ``keep`` outside of [0, 1], or ``min_units`` below 1.

    Yields:
        Interchange rows of source ``inverse-cloze:<source>`` with the row's id, ``query`` and ``positive``, and a
        ``query_id`` of its own: a fragment asks for the text it was taken from, not for all that have the same words.
    """
    if not 0 <= keep <= 1 or min_units < 1:
        raise ValueError(
            f'keep is {keep!r:.80}, min_units {min_units!r:.80}; a query keeps a share, 0 to 1, of 1 unit or more'
        )
    for row in rows:
        query, positive = {}, {}
        for lang, text in (row.get('text') or {}).items():
            units = _UNIT.findall(text)
            if len(units) < min_units:
                continue
            draws = uniform(np.arange(len(units)), key_of(seed, row['source'], str(row['id']), lang))
            kept = np.flatnonzero(draws < keep)
            chosen = kept if len(kept) else np.array([draws.argmin()])
            query[lang], positive[lang] = ' '.join(units[i] for i in chosen), text
        if query:
            source = f'inverse-cloze:{row["source"]}'
            query_id = f'{source}/{row["id"]}'
            yield {'id': row['id'], 'source': source, 'query': query, 'query_id': query_id, 'positive': positive}
