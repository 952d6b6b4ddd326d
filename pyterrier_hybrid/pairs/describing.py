"""Statistics of pairs: for a folder from its manifest alone, for a part of one by counting."""
from collections import Counter
from dataclasses import dataclass
from html import escape

import numpy as np
import pandas as pd

from pyterrier_hybrid.pairs.rows import QA
from pyterrier_hybrid.pairs.table import Lengths


@dataclass(frozen=True, repr=False)
class PairsDescription:
    """What a pairs folder, or a part of one, holds; ``print`` and notebooks show all of it.

    Attributes:
        sources: per source: kind, rows, passages (rows that may not meet in a batch count once), languages, strata.
        pairs: source x language: of qa, the rows that have both query and passage in the language; of bitext, the rows
            that have a text in it.
        coverage: query language x passage language: the rows, of all sources, that can be drawn in the two; bitext
            counts only off the diagonal, since only cross-lingual batches use it.
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

    def _tables(self) -> dict[str, pd.DataFrame]:
        """The tables by title."""
        skipped = self.repeated_rows_skipped
        of_them = '' if skipped is None else f' ({skipped:,} repeated rows skipped)'
        return {
            f'{self.sources["rows"].sum():,} rows{of_them}': self.sources,
            'Pairs per source and language': self.pairs,
            'Rows per query language (down) and passage language (across)': self.coverage,
            'Lengths in characters': self.lengths,
        }

    def __str__(self) -> str:
        return '\n\n'.join(f'{title}\n{table.to_string()}' for title, table in self._tables().items())

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return ''.join(f'<h4>{escape(title)}</h4>{table.to_html()}' for title, table in self._tables().items())


def describe_sources(entries: list[dict], repeated_rows_skipped: int | None) -> PairsDescription:
    """Builds the description from the entries of a manifest."""
    names = pd.Index([entry['name'] for entry in entries], name='source')
    pairs, coverage, languages = Counter(), Counter(), []
    for entry in entries:
        qa, spoken = entry['kind'] == QA, set()
        for queries, passages, start, stop, _ in entry['strata']:
            spoken.update(queries, passages)
            for q in queries:
                for p in passages:
                    if q == p:
                        pairs[entry['name'], q] += stop - start
                    if qa or q != p:
                        coverage[q, p] += stop - start
        languages.append(spoken)
    langs = sorted(set().union(*languages))
    lengths = {(entry['name'], *column.split('.', 1)): summary
               for entry in entries for column, summary in entry['lengths'].items()}  # fmt: skip
    return PairsDescription(
        pd.DataFrame(
            {
                **{column: [entry[column] for entry in entries] for column in ('kind', 'rows', 'passages')},
                'languages': [*map(len, languages)],
                'strata': [len(entry['strata']) for entry in entries],
            },
            index=names,
        ),
        _table(pairs, names, pd.Index(langs, name='lang')),
        _table(coverage, pd.Index(langs, name='query_lang'), pd.Index(langs, name='passage_lang')),
        pd.DataFrame(
            list(lengths.values()), index=pd.MultiIndex.from_tuples(lengths, names=['source', 'side', 'lang'])
        ),
        repeated_rows_skipped,
    )


def entry_of(source) -> dict:
    """Returns a manifest's entry for a source of a :class:`PairsView`. Reads all of its texts, for their lengths."""
    lengths: dict[str, Lengths] = {}
    for side, lang, _, texts in source.iter_columns(negatives=True):
        if texts.null_count < len(texts):  # a part may have no text in a column of the table
            lengths.setdefault(f'{side}.{lang}', Lengths()).add(texts)
    return {
        'name': source.name, 'kind': source.kind, 'rows': len(source), 'strata': source.strata,
        'passages': len(np.unique(source.passage_ids)),
        'lengths': {column: seen.summary() for column, seen in lengths.items()},
    }  # fmt: skip


def _table(counts: Counter, down: pd.Index, across: pd.Index) -> pd.DataFrame:
    return pd.DataFrame([[counts[a, b] for b in across] for a in down], index=down, columns=across)
