"""``pyterrier-hybrid demo``: trains and evaluates on a collection that comes with the package."""
import argparse
import tempfile
from pathlib import Path

from .options import add_pairs, opened_pairs
from .parser import CommandParser, WrongArguments

HELP = 'train on three mixes, evaluate, print one table'
DESCRIPTION = """\
Trains three encoders that differ in their batches alone (X-X-mono: one language per batch; X-Y: query and passage in
different languages; hybrid: half of each), and evaluates them beside BM25 and the untrained encoder: mAP in the
monolingual, cross-lingual and multilingual settings, and rank distance, the language bias.

By default on worldfacts, a collection that is part of the package: no network, no GPU, a few minutes.
"""
EXAMPLES = """\
examples:
  pyterrier-hybrid demo
  pyterrier-hybrid demo --dataset xquad-r --pairs data/train --out runs/xquad-r
  pyterrier-hybrid demo --dataset xquad-r --pairs data/train --backbone intfloat/multilingual-e5-small
  pyterrier-hybrid demo --mdpr castorini/mdpr-tied-pft-msmarco
"""
#: The training settings of a static encoder on worldfacts and on other pairs, and of an encoder from a checkpoint. The
#: sentences of worldfacts differ in few words; a high temperature lets training converge in a few hundred steps there.
#: Real pairs need more and larger batches.
TRAINING = {
    'worldfacts': {
        'steps': 600, 'batch_size': 128, 'learning_rate': 0.15, 'temperature': 0.2, 'source_temperature': 0.5,
    },
    'own': {
        'steps': 1500, 'batch_size': 512, 'learning_rate': 0.05, 'temperature': 0.05, 'source_temperature': 0.0,
    },
    'backbone': {
        'steps': 100, 'batch_size': 32, 'temperature': 0.02, 'source_temperature': 0.0, 'bf16': 'auto',
    },
}  # fmt: skip


def add_options(parser: CommandParser) -> None:
    """Adds the command's own options to its parser."""
    parser.add_argument('--dataset', default='worldfacts', help='collection to evaluate on (default: worldfacts)')
    add_pairs(parser)
    parser.add_argument('--out', type=Path, help='keep runs, indexes and result in this folder, which must be new')
    parser.add_argument('--mdpr', metavar='PATH_OR_NAME', help='evaluate this mDPR checkpoint too')
    parser.add_argument('--backbone', metavar='PATH_OR_NAME', help='start from this checkpoint, not a static encoder')
    parser.add_argument('--steps', type=int, help='training steps of each encoder')
    parser.add_argument('--batch-size', type=int, help='pairs in a batch')
    parser.add_argument('--seed', type=int, default=0, help='of everything random (default: 0)')


def run(arguments: argparse.Namespace) -> Path | None:
    """Trains, evaluates and prints; returns the folder of ``--out``, None if it is not given."""
    from datasets_ext.opening import open_dataset
    from pyterrier_hybrid.encoding.checkpoint import located
    from pyterrier_hybrid.experiment import EvaluationSet
    from pyterrier_hybrid.experiment.comparison import compare_mixes
    from pyterrier_hybrid.experiment.exports import text
    from pyterrier_hybrid.experiment.rows import summary_table
    from pyterrier_hybrid.training import TrainingArguments

    open_dataset(arguments.dataset)
    own_pairs = arguments.pairs != 'worldfacts'
    if arguments.dataset != 'worldfacts' and not own_pairs:
        raise WrongArguments(f'--dataset {arguments.dataset} needs --pairs, a folder of training pairs')
    if arguments.out is not None and arguments.out.exists():
        raise FileExistsError(f'{arguments.out} exists already; give another folder to --out, or remove it')
    if arguments.backbone is not None:
        located(arguments.backbone)
    given = {'steps': arguments.steps, 'batch_size': arguments.batch_size}
    which = 'backbone' if arguments.backbone else 'own' if own_pairs else 'worldfacts'
    training = TRAINING[which] | {k: v for k, v in given.items() if v is not None}
    try:
        TrainingArguments(backbone=arguments.backbone or 'static', mix={'mixed': 1}, seed=arguments.seed, **training)
    except ValueError as error:
        raise WrongArguments(error) from error
    collection = EvaluationSet(arguments.dataset)  # before the import of pairs, which takes longer
    with tempfile.TemporaryDirectory(prefix='pyterrier-hybrid-') as temporary, opened_pairs(arguments) as pairs:
        folder = arguments.out or Path(temporary) / 'demo'
        folder.mkdir(parents=True, exist_ok=True)
        try:
            result = compare_mixes(
                pairs, collection, folder, mdpr=arguments.mdpr, backbone=arguments.backbone, seed=arguments.seed,
                verbose=not arguments.quiet, **training,
            )  # fmt: skip
            result.save(folder / 'result')
        finally:
            if not any(folder.iterdir()):  # nothing was written: allow the same --out again
                folder.rmdir()
    print(f'\n{text(summary_table(result))}')
    return arguments.out
