"""The command line: ``pyterrier-hybrid demo``."""
import argparse
import logging
import os
import sys
import tempfile
import warnings
from collections.abc import Sequence
from pathlib import Path

DEMO = """\
Trains three encoders that differ in their batches alone (X-X-mono: one language per batch; X-Y: query and passage in
different languages; hybrid: half of each), and evaluates them beside BM25 and the untrained encoder: mAP in the
monolingual, cross-lingual and multilingual settings, and rank distance, the language bias.

By default on worldfacts, a collection that is part of the package: no network, no GPU, a few minutes.
"""
EXAMPLES = """\
examples:
  pyterrier-hybrid demo
  pyterrier-hybrid demo --dataset xquad-r --pairs data/train --out runs/xquad-r
  pyterrier-hybrid demo --mdpr castorini/mdpr-tied-pft-msmarco
"""
#: Steps and batch size: worldfacts is learned in seconds, real pairs take minutes.
SIZES = {'worldfacts': (400, 128), 'own': (3000, 512)}


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command line; returns the exit code: 0, 1 for an error that is said in a line, 2 for wrong arguments."""
    arguments = _parser().parse_args(argv)
    logging.getLogger('sentence_transformers').setLevel(logging.ERROR)
    try:
        arguments.run(arguments)
    except (ValueError, KeyError, OSError) as error:
        print(f'pyterrier-hybrid: {error.args[0] if isinstance(error, KeyError) else error}', file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print('pyterrier-hybrid: stopped; what was finished is kept', file=sys.stderr)
        return 130
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog='pyterrier-hybrid', description='Dense retrieval across languages.')
    commands = parser.add_subparsers(required=True, metavar='command')
    demo = commands.add_parser(
        'demo', help='train on three mixes, evaluate, print one table', description=DEMO, epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    demo.add_argument('--dataset', default='worldfacts', help='collection to evaluate on (default: worldfacts)')
    demo.add_argument('--pairs', type=Path, help='training pairs: a folder of *.jsonl[.gz|.xz] (default: worldfacts)')
    demo.add_argument('--out', type=Path, help='keep the runs and indexes in this folder, which must be new')
    demo.add_argument('--mdpr', metavar='PATH_OR_NAME', help='evaluate this mDPR checkpoint too')
    demo.add_argument('--steps', type=int, help='training steps of each encoder')
    demo.add_argument('--batch-size', type=int, help='pairs in a batch')
    demo.add_argument('--seed', type=int, default=0)
    demo.add_argument(
        '--no-inverse-cloze', action='store_true',
        help='do not make question-passage pairs out of the parallel texts in --pairs',
    )  # fmt: skip
    demo.add_argument('--quiet', action='store_true', help='no progress bars')
    demo.set_defaults(run=_demo)
    return parser


def _demo(arguments: argparse.Namespace) -> None:
    from pyterrier_hybrid.experiment.comparison import compare_mixes, main_table

    if arguments.dataset != 'worldfacts' and arguments.pairs is None:
        raise ValueError(f'--dataset {arguments.dataset} needs --pairs, a folder of training pairs')
    if arguments.out is not None and arguments.out.exists():
        raise FileExistsError(f'{arguments.out} exists already; give another folder to --out, or remove it')
    steps, batch_size = SIZES['worldfacts' if arguments.pairs is None else 'own']
    with tempfile.TemporaryDirectory(prefix='pyterrier-hybrid-') as temporary:
        folder = arguments.out or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        result = compare_mixes(
            _pairs(arguments, folder), arguments.dataset, folder, mdpr=arguments.mdpr, seed=arguments.seed,
            steps=arguments.steps or steps, batch_size=arguments.batch_size or batch_size, source_temperature=0.5,
            verbose=not arguments.quiet,
        )  # fmt: skip
    print(f'\n{main_table(result)}')


def _pairs(arguments: argparse.Namespace, folder: Path):
    from datasets_ext import worldfacts
    from pyterrier_hybrid.training import ParallelPairs, inverse_cloze

    verbose = not arguments.quiet
    if arguments.pairs is None:
        return ParallelPairs.from_rows(worldfacts.training_pairs(), folder / 'pairs', verbose=verbose)
    derive = None if arguments.no_inverse_cloze else inverse_cloze
    return ParallelPairs.from_jsonl(arguments.pairs, folder / 'pairs', derive=derive, verbose=verbose)


if __name__ == '__main__':
    warnings.simplefilter('ignore', FutureWarning)
    os.environ.setdefault('TOKENIZERS_PARALLELISM', 'true')
    sys.exit(main())
