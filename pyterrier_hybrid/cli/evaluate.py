"""``pyterrier-hybrid evaluate``: evaluates systems in every language setting of a collection."""
import argparse
from pathlib import Path

from .options import add_evaluation, parse_measures
from .parser import CommandParser, WrongArguments

HELP = 'evaluate indexes in every language setting'
DESCRIPTION = """\
Evaluates indexes in the monolingual, cross-lingual and multilingual settings of a collection: dense ones from exact
ranks at full depth, BM25 down to a depth of 1000. The result folder holds every question's values; the same inputs give
the same bytes.
"""
EXAMPLES = """\
examples:
  pyterrier-hybrid evaluate --dataset worldfacts --dense hybrid runs/hybrid runs/hybrid.flex --bm25 BM25 runs/wf.bm25 \\
      --out results/worldfacts
  pyterrier-hybrid evaluate --dataset xquad-r --dense mDPR models/mdpr mdpr.flex mdpr --measures AP nDCG@10 \\
      --languages de en ru --settings multilingual --out results/mdpr --trec results/mdpr-runs
"""


def add_options(parser: CommandParser) -> None:
    """Adds the command's own options to its parser."""
    parser.add_argument('--dataset', required=True, help='collection, such as worldfacts, xquad-r, mlqa-r')
    parser.add_argument('--dense', nargs='+', action='append', default=[], metavar='X',
                        help='a dense system: NAME ENCODER INDEX [PRESET]; repeat it for several')  # fmt: skip
    parser.add_argument('--bm25', nargs='+', action='append', default=[], metavar='X',
                        help='a BM25 system: NAME INDEX')  # fmt: skip
    add_evaluation(parser)
    parser.add_argument('--ignore-identical-ids', action='store_true',
                        help='leave a question out of its own ranking where it is a passage too (ArguAna)')  # fmt: skip
    parser.add_argument('--out', type=Path, required=True, help='folder of the result; an earlier one is replaced')
    parser.add_argument('--trec', type=Path, metavar='FOLDER',
                        help='write the runs of these settings as TREC files, beside qrels and records')  # fmt: skip
    parser.add_argument('--trec-depth', type=int, default=1000, metavar='K', help='passages a question (default: 1000)')
    parser.add_argument('--device', help='cpu, cuda, ... of encoders and exact search '
                        '(default: cuda for encoders if there is one, and the CPU for search)')  # fmt: skip


def run(arguments: argparse.Namespace) -> Path:
    """Evaluates; returns the result's folder."""
    from pyterrier_hybrid.encoding.devices import check_device
    from pyterrier_hybrid.experiment import EvaluationSet, MultilingualExperiment, write_runs
    from pyterrier_hybrid.experiment.exports import text
    from pyterrier_hybrid.experiment.rows import summary_table

    out, verbose = arguments.out, not arguments.quiet
    if out.exists() and not (out / 'result.json').exists() and (not out.is_dir() or any(out.iterdir())):
        raise FileExistsError(f'{out} holds something that is not a result; give another folder to --out')
    trec = arguments.trec
    if trec is not None and trec.exists() and (not trec.is_dir() or any(trec.iterdir())):
        raise FileExistsError(f'{trec} is {"not empty" if trec.is_dir() else "a file"}; give another folder to --trec')
    if arguments.trec_depth < 1:
        raise WrongArguments(f'--trec-depth is {arguments.trec_depth}; it is at least 1')
    measures = parse_measures(arguments.measures)
    check_device(arguments.device)
    systems = _systems(arguments)
    collection = EvaluationSet(
        arguments.dataset, languages=arguments.languages, ignore_identical_ids=arguments.ignore_identical_ids
    )
    how = {'settings': arguments.settings, 'device': arguments.device, 'verbose': verbose}
    result = MultilingualExperiment(systems, collection, measures, **how)
    result.save(out)
    print(text(summary_table(result)))
    if arguments.trec is not None:
        files = write_runs(systems, collection, arguments.trec, depth=arguments.trec_depth, **how)
        print(f'{len(files)} TREC files are in {arguments.trec}')
    print(f'the result is in {out}')
    return out


def _systems(arguments: argparse.Namespace) -> dict[str, object]:
    """Returns the systems in a form that the experiment takes."""
    from pyterrier_hybrid.encoding import HybridEncoder
    from pyterrier_hybrid.indexing import MultilingualIndex
    from pyterrier_hybrid.lexical import BM25Index

    systems: dict[str, object] = {}
    for option, given, least, most in (('dense', arguments.dense, 3, 4), ('bm25', arguments.bm25, 2, 2)):
        for name, *rest in given:
            if not least <= len(rest) + 1 <= most:
                form = 'NAME ENCODER INDEX [PRESET]' if option == 'dense' else 'NAME INDEX'
                raise WrongArguments(f'--{option} takes {form}, not {" ".join([name, *rest])!r:.200}')
            if name in systems:
                raise WrongArguments(f'two systems are called {name!r:.80}; give each its own name')
            if option == 'dense':
                path, index_path, preset = (*rest, None)[:3]
                index = MultilingualIndex(index_path, verbose=False)
                index.open()
                systems[name] = HybridEncoder(path, preset=preset, device=arguments.device), index
            else:
                bm25 = BM25Index(rest[0], verbose=False)
                bm25.postings()
                systems[name] = lambda langs, bm25=bm25: bm25.bm25(langs=langs)
    if not systems:
        raise WrongArguments('there is nothing to evaluate; give a system with --dense or --bm25')
    return systems
