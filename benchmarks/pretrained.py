"""The paper's question on a real pretrained encoder: the effect of the ratio of batches on mAP and language bias.

    python benchmarks/pretrained.py --encoder runs/multilingual-e5-small --out runs/pretrained    # what is missing
    python benchmarks/pretrained.py --encoder ... --out ... --runs X-Y-seed0 hybrid-seed0 --datasets xquad-r
    python benchmarks/pretrained.py --table                                 # from the records, without encoder or data
    python benchmarks/pretrained.py --table --picture docs/ratio.svg        # what the ratio does on XQuAD-R

Each run is trained from the encoder, evaluated on XQuAD-R and MLQA-R at full depth, and recorded in
``benchmarks/records/<collection>/<run>.json``. An existing record is not made again; an interrupted run resumes. The
mixes are compared with the same settings, ``_runs.SETTINGS``: the paper's learning rate, the encoder's prefixes, and
lengths and steps that suit two cores. None of these was tuned. A run whose name ends in *-long* has a mix and lengths
that were chosen on held-out pairs (``pretrained_settings.py``), and is trained without these pairs. A name that begins
with *static-* is the same mix from random weights. One that ends in *-neutral* is the encoder without its language
subspace, then whitened in part; both steps use the training pairs' texts.
"""
import sys

from _data import offline_home

if '--table' not in sys.argv:
    offline_home()  # before the import of ir_datasets, which reads its home directory then

import argparse
import platform
import tempfile
import time
import warnings
from pathlib import Path

import pandas as pd
import pyterrier as pt
from _kept import KeptVectors, MultipliedVectors
from _records import RANKS, RECORDS, Record, compared, place, read, write
from _runs import MIXES, NEUTRAL, RATIO, RUNS, Run, imported_pairs, trained
from ir_measures import AP, R

from pyterrier_hybrid.encoding import HybridEncoder
from pyterrier_hybrid.experiment import EvaluationSet, MultilingualExperiment
from pyterrier_hybrid.experiment.provenance import versions
from pyterrier_hybrid.experiment.report.curves import ratio_figures
from pyterrier_hybrid.experiment.study_result import SHARES
from pyterrier_hybrid.lexical import BM25Index
from pyterrier_hybrid.measures import LPR, TLR, RankDistance
from pyterrier_hybrid.pairs import ParallelPairs
from pyterrier_hybrid.training import average_weights, remove_language_subspace, whiten

DATASETS = ('xquad-r', 'mlqa-r')
MEASURES = [AP, R @ 1, R @ 10, RankDistance, LPR, TLR @ 20]
#: The measures and kinds of settings that the picture shows.
CURVES = [('AP', 'monolingual'), ('AP', 'crosslingual'), ('AP', 'multilingual'), ('RankDistance', 'multilingual')]
#: The systems that are tested against each other, over the seeds that both have.
COMPARED = [
    ('hybrid', 'X-X-mono'), ('hybrid', 'X-Y'), ('hybrid', 'untouched'), ('mono.1', 'X-Y'), ('mono.25', 'hybrid'),
    ('mono.25-multi.75', 'hybrid'), ('thirds', 'hybrid'), ('multi', 'X-Y'), ('mono.25-multi.75-long', 'untouched'),
    ('mono.1-long', 'untouched'),
    ('average-of-longs', 'untouched'), ('average-of-longs', 'mono.25-multi.75-long'),
    ('average-of-longs-and-X-Y', 'untouched'), ('average-of-longs-and-X-Y', 'average-of-longs'),
    ('hybrid', 'hybrid-cut'), ('untouched-neutral', 'untouched'), ('hybrid-cut-neutral', 'hybrid-cut'),
    ('hybrid-from-neutral-cut', 'hybrid-cut'),
]  # fmt: skip
#: Systems that are not trained here.
OTHERS = ('untouched', 'BM25', 'mDPR')
SYSTEMS = [*OTHERS, *RUNS, *(name + NEUTRAL for name in ['untouched', *RUNS])]


def neutral(encoder: HybridEncoder, pairs: ParallelPairs, folder: Path) -> HybridEncoder:
    """The encoder without its language subspace, then whitened in part; makes it if it does not exist."""
    if not folder.exists():
        with tempfile.TemporaryDirectory() as scratch:
            without = remove_language_subspace(encoder, pairs, Path(scratch) / 'without', verbose=False)
            whiten(without, pairs, folder, characters=20_000, verbose=False)
    return HybridEncoder(folder, dtype='float32')


def made(run: Run, arguments) -> dict:
    """Trains a run, or averages others, if it does not exist; returns its entries for the record."""
    pairs, folder = arguments.out / 'pairs', arguments.out / run.folder
    if run.average_of:
        for each in run.average_of:
            made(RUNS[each], arguments)
        if not folder.exists():
            average_weights([arguments.out / RUNS[each].folder for each in run.average_of], folder)
        return {'average_of': run.average_of, 'seed': run.seed, 'settings': run.lengths}
    start = arguments.encoder if run.start == 'untouched' else run.start
    if start.endswith(NEUTRAL):
        start = str(arguments.out / start)
        neutral(HybridEncoder(arguments.encoder, dtype='float32'), ParallelPairs(pairs), Path(start))
    its_pairs = imported_pairs(arguments.out / 'pairs-held-out', run.left_out) if run.left_out else pairs
    cost = trained(start, its_pairs, folder, MIXES[run.mix], run.seed, run.settings)
    return {'mix': MIXES[run.mix], 'seed': run.seed, 'settings': {**run.settings, **run.lengths}, 'cost': cost}


def system_of(name: str, collection: EvaluationSet, scratch: Path, arguments) -> tuple[object, dict]:
    """A system for MultilingualExperiment, None if there is none, and its entries for the record."""
    base, about, pairs = name.removesuffix(NEUTRAL), {}, arguments.out / 'pairs'
    run = RUNS.get(base)
    if base == 'BM25':
        bm25 = BM25Index(scratch / 'bm25', verbose=False).index(collection.docs())
        return (lambda langs: bm25.bm25(langs=langs)), about
    if run is not None:
        about = made(run, arguments)
    if base == 'mDPR':
        encoder = mdpr_system(arguments.mdpr)
    else:
        folder, lengths = (arguments.out / run.folder, run.lengths) if run else (arguments.encoder, {})
        encoder = HybridEncoder(folder, **lengths)
    if not isinstance(encoder, HybridEncoder):
        return encoder, about
    kept = KeptVectors(encoder, collection, arguments.out / 'vectors' / collection.name / base)
    if name != base:
        whole = HybridEncoder(folder, dtype='float32', **lengths)
        encoder = neutral(whole, ParallelPairs(pairs), arguments.out / name)
        kept = MultipliedVectors(encoder, kept, scratch)
        about['derived'] = 'language subspace removed, whitened with power .25'
    return (kept, kept.index), {**about, 'dtype': str(encoder.dtype).removeprefix('torch.')}


def evaluated(name: str, collection: EvaluationSet, arguments) -> bool:
    """Evaluates a system on a collection, and writes its record; returns whether there is such a system."""
    start = time.monotonic()
    with tempfile.TemporaryDirectory() as scratch:
        system, about = system_of(name, collection, Path(scratch), arguments)
        if system is None:
            return False
        result = MultilingualExperiment({name: system}, collection, MEASURES, verbose=False)
    minutes = (time.monotonic() - start) / 60 - about.get('cost', {}).pop('spent', 0)
    cost = {**about.pop('cost', {}), 'evaluation_minutes': round(minutes, 2)}
    write(result, name, {**about, 'cost': cost, 'versions': versions(), 'processor': platform.processor() or None})
    return True


def mdpr_system(given: str | None) -> object:
    """mDPR as an encoder or as a TREC run; prints the reason and returns None if there is none."""
    if given is None:
        print('no mDPR: give --mdpr a hub name, a folder or a TREC run')
        return None
    if Path(given).is_file():
        return pt.io.read_results(given)
    try:
        return HybridEncoder(given, preset='mdpr')
    except (OSError, ValueError) as error:
        print(f'no mDPR: {error}')
        return None


def run_all(arguments) -> None:
    """Makes the records that are missing."""
    arguments.out.mkdir(parents=True, exist_ok=True)
    imported_pairs(arguments.out / 'pairs')
    for dataset in arguments.datasets:
        missing = [name for name in arguments.runs or SYSTEMS if not place(name, dataset).exists()]
        collection = EvaluationSet(dataset) if missing else None
        for name in missing:
            if evaluated(name, collection, arguments):
                print(f'{dataset}, {name}: {time.strftime("%H:%M")}', flush=True)


def of_group(group: str, dataset: str, suffix: str = '') -> list[Record]:
    """The records of a group of runs, one for each seed."""
    return [r for run in RUNS.values() if run.group == group and (r := read(run.name + suffix, dataset)) is not None]


def tables(dataset: str) -> str:
    """The table of all systems, and the tests of hybrid batches against each of the others."""
    shown = [('AP', 'monolingual'), ('AP', 'crosslingual'), ('AP', 'multilingual'), ('R@1', 'multilingual'),
             ('R@10', 'multilingual'), ('RankDistance', 'multilingual'), ('LPR', 'multilingual'),
             ('TLR@20', 'multilingual')]  # fmt: skip
    lines = ['| | seeds | Mo. | Cr. | Mul. | R@1 Mul. | R@10 Mul. | rank distance | LPR | TLR@20 | minutes | GiB |',
             '|---|---|---|---|---|---|---|---|---|---|---|---|']  # fmt: skip
    trained_here = dict.fromkeys(run.group for run in RUNS.values())
    groups = {**{name: [r for r in [read(name, dataset)] if r] for name in [*OTHERS, 'untouched' + NEUTRAL]},
              **{group + suffix: of_group(group, dataset, suffix) for group in trained_here
                 for suffix in ('', NEUTRAL)}}  # fmt: skip
    for name, records in groups.items():
        if records:
            figures = pd.concat([r.figures for r in records], axis=1).reindex(shown)
            minutes, memory = (_greatest(records, cost) for cost in ('training_minutes', 'peak_gib'))
            cells = [_cell(measure, row) for (measure, _), row in figures.iterrows()]
            lines.append(f'| {name} | {len(records)} | {" | ".join(cells)} | {minutes} | {memory} |')
    for name, baseline in COMPARED:
        one, other = _same_seeds(groups[name], groups[baseline])
        if one and other:
            lines += ['', f'{name} against {baseline}, {len(one)} and {len(other)} runs:', '']
            lines += _tests(compared(one, other))
    return '\n'.join(lines)


def _same_seeds(one: list[Record], other: list[Record]) -> tuple[list[Record], list[Record]]:
    """The records of the seeds that both have; all records of a system without seeds."""
    seeds = [{record.about.get('seed') for record in side} - {None} for side in (one, other)]
    both = seeds[0] & seeds[1] if all(seeds) else seeds[0] | seeds[1]
    return tuple([r for r in side if r.about.get('seed') in both | {None}] for side in (one, other))


def picture(dataset: str, prefix: str = '') -> bytes:
    """Figures over the share of monolingual batches, as SVG with a heading, for groups whose names have the prefix."""
    rows = [
        {**{kind: MIXES[mix].get(kind, 0.0) for kind in SHARES}, 'mix': mix, 'fraction': 1.0,
         'seed': record.about['seed'], 'measure': measure, 'setting': kind, 'value': record.figures[measure, kind]}
        for mix in RATIO for record in of_group(prefix + mix, dataset) for measure, kind in CURVES
    ]  # fmt: skip
    (figure,) = ratio_figures(pd.DataFrame(rows), f'{dataset}, from {prefix[:-1] or "multilingual-e5-small"}')
    return next(content for name, content in figure.files().items() if name.endswith('.svg'))


def _greatest(records: list[Record], cost: str) -> str:
    """The greatest cost of runs; blank if it is not known."""
    known = [value for r in records if (value := r.about['cost'].get(cost)) is not None]
    return f'{max(known):.1f}' if known else ''


def _cell(measure: str, values: pd.Series) -> str:
    form = '{:,.0f}'.format if measure in RANKS else lambda value: f'{value:.3f}'.replace('0.', '.', 1)
    spread = f' ({form(values.min())} to {form(values.max())})' if len(values) > 1 else ''
    return '' if values.isna().any() else form(values.mean()) + spread


def _tests(found: pd.DataFrame) -> list[str]:
    lines = ['| | difference | 95% | p | equivalent within .01 | better in |', '|---|---|---|---|---|---|']
    for (measure, kind), row in found.iterrows():
        form = '{:+,.0f}'.format if measure in RANKS else '{:+.4f}'.format
        equivalent = '' if pd.isna(row['p_equivalent']) else f'p = {row["p_equivalent"]:.2g}'
        won = '' if pd.isna(row['languages_won']) else f'{row["languages_won"]:.0f} of {row["languages"]:.0f}'
        lines.append(
            f'| {measure}, {kind} | {form(row["difference"])} | {form(row["low"])} to {form(row["high"])} | '
            f'{row["p"]:.2g} | {equivalent} | {won} |'
        )
    return lines


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--encoder', help='folder or hub name of the pretrained encoder')
    parser.add_argument('--out', type=Path, help='folder for the pairs and the runs')
    parser.add_argument('--mdpr', help='hub name, folder or TREC run of mDPR')
    parser.add_argument('--runs', nargs='+', choices=SYSTEMS, metavar='NAME', help='these alone')
    parser.add_argument('--datasets', nargs='+', choices=DATASETS, default=DATASETS)
    parser.add_argument('--table', action='store_true', help='train and evaluate nothing')
    parser.add_argument('--picture', type=Path, help='write an SVG of the ratio on the first of the datasets')
    parser.add_argument('--static', action='store_true', help='make the picture for the runs from random weights')
    arguments = parser.parse_args()
    if not arguments.table:
        if arguments.encoder is None or arguments.out is None:
            parser.error('give --encoder and --out, or --table')
        with warnings.catch_warnings():
            warnings.simplefilter('ignore', UserWarning)
            run_all(arguments)
    if arguments.picture is not None:
        arguments.picture.write_bytes(picture(arguments.datasets[0], 'static-' if arguments.static else ''))
    for dataset in arguments.datasets:
        if (RECORDS / dataset).is_dir():
            print(f'\n{dataset}\n\n{tables(dataset)}')


if __name__ == '__main__':
    main()
