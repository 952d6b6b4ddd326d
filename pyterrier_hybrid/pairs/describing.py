"""Statistics of pairs: of a folder, from its manifest alone, and of a part of one, by a count."""
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from pyterrier_hybrid.pairs.rows import QA
from pyterrier_hybrid.pairs.table import Lengths


@dataclass(frozen=True)
class PairsDescription:
    """What a pairs folder, or a part of one, holds; ``print`` shows all of it.

    Attributes:
        sources: per source: kind, rows, passages (rows that may not meet in a batch count once), languages, strata.
        pairs: source x language: of qa, the rows that have both query and passage in the language; of bitext, the rows
            that have a text in it.
        coverage: query language x passage language: the rows, of all sources, that can be drawn in the two; bitext
            counts off the diagonal alone, since it serves cross-lingual batches only.
        lengths: per source, side and language: number of texts, and mean, median, 95th percentile and maximum of their
            lengths in characters (code points).
        repeated_rows_skipped: rows that the import left out because they repeated an earlier one; None for a part of
            the pairs, since it is not known which of them would have been in it.
    """

    sources: pd.DataFrame
    pairs: pd.DataFrame
    coverage: pd.DataFrame
    lengths: pd.DataFrame
    repeated_rows_skipped: int | None

    def __str__(self) -> str:
        skipped = self.repeated_rows_skipped
        told = '' if skipped is None else f' ({skipped:,} repeated rows skipped)'
        parts = {
            f'{self.sources["rows"].sum():,} rows{told}': self.sources,
            'Pairs per source and language': self.pairs,
            'Rows per query language (down) and passage language (across)': self.coverage,
            'Lengths in characters': self.lengths,
        }
        return '\n\n'.join(f'{title}\n{frame.to_string()}' for title, frame in parts.items())


def describe_sources(manifest: dict) -> PairsDescription:
    """Builds the description from a manifest."""
    entries = manifest['sources']
    names = [entry['name'] for entry in entries]
    langs = sorted({lang for entry in entries for q, p, *_ in entry['strata'] for lang in (*q, *p)})
    pairs, coverage, lengths, spoken = Counter(), Counter(), [], []
    for entry in entries:
        qa = entry['kind'] == QA
        for queries, passages, start, stop, _ in entry['strata']:
            for q in queries:
                for p in passages:
                    if q == p:
                        pairs[entry['name'], q] += stop - start
                    if qa or q != p:
                        coverage[q, p] += stop - start
        spoken.append(len({lang for q, p, *_ in entry['strata'] for lang in (*q, *p)}))
        for column, summary in entry['lengths'].items():
            side, _, lang = column.partition('.')
            lengths.append({'source': entry['name'], 'side': side, 'lang': lang, **summary})
    return PairsDescription(
        pd.DataFrame(
            {
                'kind': [entry['kind'] for entry in entries],
                'rows': [entry['rows'] for entry in entries],
                'passages': [entry['passages'] for entry in entries],
                'languages': spoken,
                'strata': [len(entry['strata']) for entry in entries],
            },
            index=pd.Index(names, name='source'),
        ),
        _table(pairs, names, langs, 'source', 'lang'),
        _table(coverage, langs, langs, 'query_lang', 'passage_lang'),
        pd.DataFrame(lengths).set_index(['source', 'side', 'lang']),
        manifest['repeated_rows_skipped'],
    )


def describe_part(sources: Iterable) -> PairsDescription:
    """Builds the description of a part of some pairs; reads all of its texts, for their lengths.

    Args:
        sources: of a :class:`PairsView`.
    """
    return describe_sources({'sources': [_entry(source) for source in sources], 'repeated_rows_skipped': None})


def _entry(source) -> dict:
    """What the manifest would say of a source."""
    lengths: dict[str, Lengths] = {}
    for side, lang, _, texts in source.iter_columns(negatives=True):
        if texts.null_count < len(texts):  # a part need not have all the columns of the table
            lengths.setdefault(f'{side}.{lang}', Lengths()).add(texts)
    return {
        'name': source.name, 'kind': source.kind, 'rows': len(source), 'strata': source.strata,
        'passages': len(np.unique(source.passage_ids)),
        'lengths': {column: seen.summary() for column, seen in lengths.items()},
    }  # fmt: skip


def _table(counts: Counter, down: list[str], across: list[str], index: str, columns: str) -> pd.DataFrame:
    return pd.DataFrame(
        [[counts[a, b] for b in across] for a in down],
        index=pd.Index(down, name=index),
        columns=pd.Index(across, name=columns),
    )
