"""Compares approximate search with exact search: recall in every language, time, and memory.

A trained encoder encodes the distinct training texts, in eleven languages; jittered copies make --docs passages of them
(see _sentences.py). First, the program prints how similar they are: the cosine of a sentence with the nearest other
sentence, with the nearest other passage of the index, and of a copy with its original. One half of the questions tunes
the search, and the other half measures it. It measures recall@k against exact search, for the passages and the
questions of each language; seconds a question, in batches of 256, exact and approximate in turns of four batches, the
least of --repeat; and bytes a passage: of FAISS's file, of the file and what a search copies, and of the memory that
the process allocates for a search.

    python benchmarks/scale.py ann --docs 1000000 --encoder runs/static384 --folder scale
"""
import argparse
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
from _sentences import LANGS, encode, jittered, natural_share, nearest_other
from index_speed import in_turns

from pyterrier_hybrid.indexing import IVFPQ, MultilingualIndex, RecallNotReached

_BATCH = 256
_BATCHES = 4  # batches in a turn; the first one runs with the other search's data in the processor's caches


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the options of the measurement."""
    parser.add_argument('--encoder', required=True, help='a checkpoint')
    parser.add_argument('--folder', type=Path, required=True, help='keep vectors and the index here for the next run')
    parser.add_argument('--docs', type=int, default=1_000_000, help='passages (default: %(default)s)')
    parser.add_argument('--texts', type=int, help='texts of each language (default: all)')
    parser.add_argument('--share', type=float, help='jitter (default: as far as sentences are apart)')
    parser.add_argument('--depth', type=int, default=100, help='k (default: %(default)s)')
    parser.add_argument('--lists', type=int, help="lists of IVF (default: the package's)")
    parser.add_argument('--code-bytes', type=int, help="of a passage's code (default: the package's)")
    parser.add_argument('--code-bits', type=int, default=4, help='of a part of the code, 8 or 4 (default: %(default)s)')
    parser.add_argument('--recall', type=float, default=0.96, help='mean recall to tune for (default: %(default)s)')
    parser.add_argument('--least', type=float, default=0.945, help='recall in each language (default: %(default)s)')
    parser.add_argument('--probes', type=int, help='lists to read in a search, instead of tuning')
    parser.add_argument('--rescore', type=float, default=4.0, help='with --probes (default: %(default)s)')
    parser.add_argument('--repeat', type=int, default=3, help='rounds (default: %(default)s)')


def main(args: argparse.Namespace) -> None:
    """Builds the index if it does not exist, tunes, measures, prints."""
    originals, questions = encode(args.folder, args.encoder, args.texts, 2 * -(-_BATCH // len(LANGS)))
    name = f'{Path(args.encoder).name}-{args.docs}-{args.texts or "all"}-{args.share or "natural"}.index'
    index = MultilingualIndex(args.folder / name, verbose=False)
    if not index.built():
        share = args.share or natural_share(originals)
        index.indexer().index_arrays(blocks=jittered(originals, args.docs, share))
        print(f'copies are moved by {share} of the difference between two others')
    print_likeness(index, originals)
    backend = IVFPQ(lists=args.lists, code_bytes=args.code_bytes, code_bits=args.code_bits)
    backend = backend.fitted(*index.open().vecs.shape)
    start = time.perf_counter()
    try:
        index.build_backend(backend)
        print(f'{backend}: trained and filled in {time.perf_counter() - start:.0f} s', flush=True)
    except FileExistsError:
        print(f'{backend}: there already')

    halves = [_topics(questions, half) for half in (0, 1)]
    if args.probes is None:
        try:
            tuning = index.tune(halves[0], backend=backend, recall=args.recall, language_recall=args.least,
                                k=args.depth)  # fmt: skip
        except RecallNotReached as error:
            print(error)
            tuning = error.tuning
        columns = ['setting', 'recall', 'least_recall', 'least_in', 'seconds', 'times_faster', 'bytes', 'reached']
        print(tuning.settings[columns].round(4).to_string(index=False), flush=True)
        best = tuning.best
    else:
        best = backend.at(args.probes, args.rescore)

    exact = MultilingualIndex(index.path, verbose=False).retriever(args.depth, drop_query_vec=True)
    anonymous = _anonymous()
    approximate = MultilingualIndex(index.path, verbose=False).retriever(args.depth, drop_query_vec=True, backend=best)
    found = approximate(halves[1])
    anonymous = _anonymous() - anonymous
    turns = {'exact': lambda: [exact(halves[1]) for _ in range(_BATCHES)],
             'approximate': lambda: [approximate(halves[1]) for _ in range(_BATCHES)]}  # fmt: skip
    taken = {name: seconds / _BATCHES for name, seconds in in_turns(turns, args.repeat).items()}
    rows = _recalls(exact(halves[1]), found)
    print(rows.round(3).to_string(index=False))
    worst = rows[rows['lang'] != 'all'].nsmallest(1, 'recall').iloc[0]
    file, copied = _file(index, best).stat().st_size, best.copied_bytes(index.open().vecs.shape[1])
    print(f'{best}\nrecall@{args.depth}: {rows["recall"].iloc[0]:.4f}; least {worst.recall:.4f} ({worst.side} in '
          f'{worst.lang})\nms a question: exact {1000 * taken["exact"] / _BATCH:.2f}, approximate '
          f'{1000 * taken["approximate"] / _BATCH:.3f}: {taken["exact"] / taken["approximate"]:.1f} times faster\n'
          f'bytes a passage: {file / args.docs:.1f} of the file, {(file + copied) / args.docs:.1f} in memory, '
          f'{anonymous / args.docs:.1f} allocated to search it, tables of docnos and one batch included',
          file=sys.stdout)  # fmt: skip


def print_likeness(index: MultilingualIndex, originals: list[np.ndarray], sample: int = 256) -> None:
    """Prints how similar passages are: percentiles of cosines, over a sample of sentences and one of copies."""
    opened, rng = index.open(), np.random.default_rng(0)
    docnos = np.asarray(opened.docnos).astype(str)
    is_copy = np.char.find(docnos, '~') >= 0
    drawn = opened.vecs[np.sort(rng.choice(np.flatnonzero(~is_copy), sample, replace=False))]
    rows = {'a sentence and the nearest other one': nearest_other(drawn, originals),
            'a sentence and the nearest passage': nearest_other(drawn, [opened.vecs])}  # fmt: skip
    if is_copy.any():
        copies = np.sort(rng.choice(np.flatnonzero(is_copy), sample, replace=False))
        of = opened.docnos.inv[[docno.partition('~')[0] for docno in docnos[copies]]]
        rows['a copy and its original'] = np.einsum('ij,ij->i', opened.vecs[copies], opened.vecs[of])
    print(f'{(~is_copy).sum():,} sentences, {is_copy.sum():,} copies; percentiles of the cosine of')
    for name, cosines in rows.items():
        said = ', '.join(f'{p}%: {np.percentile(cosines, p):.3f}' for p in (5, 25, 50, 75, 95))
        print(f'  {name}: {said}', flush=True)


def _file(index: MultilingualIndex, backend: IVFPQ) -> Path:
    return index.path / 'faiss' / backend.folder() / 'index.faiss'


def _topics(questions: np.ndarray, half: int) -> pd.DataFrame:
    """256 questions, with languages in turn, from the even places (``half`` 0) or the odd ones (1)."""
    places = np.arange(_BATCH)
    langs, rows = places % len(LANGS), 2 * (places // len(LANGS)) + half
    return pd.DataFrame({
        'qid': [f'{half}/{place}' for place in places],
        'query_lang': np.array(LANGS)[langs],
        'query_vec': list(questions[langs, rows]),
    })


def _recalls(exact: pd.DataFrame, found: pd.DataFrame) -> pd.DataFrame:
    """Recall over all, and for the passages and the questions of each language."""
    exact = exact.merge(found[['qid', 'docno']], on=['qid', 'docno'], how='left', indicator=True)
    exact['recall'] = exact['_merge'] == 'both'
    parts = [exact.assign(side='all', lang='all')]
    for side, column in (('passages', 'doc_lang'), ('questions', 'query_lang')):
        parts.append(exact.assign(side=side, lang=exact[column]))
    groups = pd.concat(parts).groupby(['side', 'lang'])['recall']
    return groups.agg(['mean', 'size']).rename(columns={'mean': 'recall', 'size': 'count'}).reset_index()


def _anonymous() -> int:
    """The bytes that the process has allocated, without mapped files."""
    for line in Path('/proc/self/status').read_text().splitlines():
        if line.startswith('RssAnon:'):
            return 1024 * int(line.split()[1])
    raise OSError('/proc/self/status has no RssAnon')
