"""``pyterrier-hybrid train``: trains one encoder on one mix."""
import argparse
from pathlib import Path

from .options import Mix, add_pairs, add_training, new_output, opened_pairs, training_arguments
from .parser import CommandParser, WrongArguments

HELP = 'train an encoder on a mix of batches'
DESCRIPTION = """\
Trains one encoder on hybrid batches: monolingual (one language throughout), crosslingual (query and passage in
different languages), multilingual (languages drawn independently) and mixed (one language in a pair, several in a
batch), in the shares that --mix gives.
"""
EXAMPLES = """\
examples:
  pyterrier-hybrid train --out runs/hybrid --steps 400 --batch-size 128
  pyterrier-hybrid train --pairs data/train --mix monolingual=.25,crosslingual=.75 --out runs/a25 --steps 3000
  pyterrier-hybrid train --pairs data/train --backbone small --out runs/small --steps 3000
  pyterrier-hybrid train --pairs data/train --backbone FacebookAI/xlm-roberta-base --out runs/xlm-r --steps 2000
  pyterrier-hybrid train --pairs data/train --validation squadshifts-new-wiki --metric-for-best-model loss \\
      --patience 3 --report-to tensorboard --out runs/stopped --steps 20000
  pyterrier-hybrid train --config runs/hybrid.config.yaml --seed 1 --out runs/hybrid-1
"""


def add_options(parser: CommandParser) -> None:
    """Adds the command's own options to its parser."""
    parser.add_argument('--out', type=Path, required=True,
                        help='folder of the trained encoder, which must be new, except with --resume')  # fmt: skip
    parser.add_argument('--mix', type=Mix, default='monolingual=.5,crosslingual=.5', metavar='KIND=SHARE,...',
                        help='default: monolingual=.5,crosslingual=.5')  # fmt: skip
    add_pairs(parser)
    add_training(parser)
    parser.add_argument('--query-prefix', help="put before every query (default: that of the checkpoint's prompts, "
                        "else 'Query: '; static: none)")  # fmt: skip
    parser.add_argument('--passage-prefix', help="put before every passage (default: that of the checkpoint's prompts, "
                        "else 'Passage: '; static: none)")  # fmt: skip
    parser.add_argument('--resume', action='store_true', help='resume from the newest checkpoint, if there is one')
    parser.add_argument('--seed', type=int, default=0, help='of everything random (default: 0)')


def run(arguments: argparse.Namespace) -> Path:
    """Trains; returns the run folder."""
    from pyterrier_hybrid.training import TrainingArguments, check_training, train

    out, given = arguments.out, {**training_arguments(arguments), 'verbose': not arguments.quiet}
    try:
        TrainingArguments(**given)
    except ValueError as error:
        raise WrongArguments(error) from error
    if not arguments.resume:
        new_output(out)
    check_training(out, **given)  # before pairs are imported
    with opened_pairs(arguments) as pairs:
        train(pairs, out, **given)
    print(f'the trained encoder is in {out}')
    return out
