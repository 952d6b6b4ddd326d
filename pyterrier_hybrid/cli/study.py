"""``pyterrier-hybrid study``: trains and evaluates encoders on different mixes."""
import argparse
from pathlib import Path

from . import options
from .parser import CommandParser, WrongArguments

HELP = 'train and evaluate many mixes'
DESCRIPTION = """\
Trains an encoder for every mix, seed and fraction of the training data, evaluates each in every language setting, and
writes one table, study.csv. A study that was stopped continues when the command is given again; mixes, seeds and
fractions may be added then.
"""
EXAMPLES = """\
examples:
  pyterrier-hybrid study --dataset worldfacts --steps 400 --batch-size 128 --out studies/line
  pyterrier-hybrid study --dataset xquad-r --pairs runs/pairs --simplex 4 --seeds 0 1 2 --steps 3000 --processes 2 \\
      --out studies/simplex
  pyterrier-hybrid study --dataset xquad-r --pairs runs/pairs --mix monolingual=1 --mix crosslingual=1 \\
      --fractions 1 .3 .1 --steps 3000 --out studies/data
  RAY_ADDRESS=auto pyterrier-hybrid study --dataset xquad-r --pairs /shared/pairs --seeds 0 1 2 --steps 3000 \\
      --checkpoint-steps 500 --ray --ray-cpus 4 --ray-gpus 1 --out /shared/studies/line
"""


def add_options(parser: CommandParser) -> None:
    """Adds the command's own options to its parser."""
    parser.add_argument('--dataset', required=True, help='collection, such as worldfacts, xquad-r, mlqa-r')
    parser.add_argument('--out', type=Path, required=True, help='folder of the study; one begun there is continued')
    parser.add_argument('--alphas', nargs='+', type=float, metavar='A',
                        help='monolingual shares, the rest cross-lingual (default: 0 .25 .5 .75 1)')  # fmt: skip
    parser.add_argument('--simplex', type=int, metavar='N',
                        help='monolingual, cross-lingual and multilingual in steps of 1/N')  # fmt: skip
    parser.add_argument('--mix', dest='mixes', type=options.Mix, action='append', default=[], metavar='KIND=SHARE,...',
                        help='one mix; repeat it for several')  # fmt: skip
    parser.add_argument('--seeds', nargs='+', type=int, default=[0], metavar='S', help='default: 0')
    parser.add_argument('--fractions', nargs='+', type=float, default=[1.0], metavar='F',
                        help='of the training data (default: 1)')  # fmt: skip
    parser.add_argument('--processes', type=int, default=1, help='runs at a time (default: 1)')
    parser.add_argument('--ray', action='store_true',
                        help='each run on a worker of the Ray cluster at RAY_ADDRESS, or of this machine')  # fmt: skip
    options.add_ray(parser, 'run')
    options.add_pairs(parser)
    options.add_training(parser)
    options.add_evaluation(parser)


def run(arguments: argparse.Namespace) -> Path:
    """Trains and evaluates the missing runs; returns the study's folder."""
    from datasets_ext.opening import UnknownDataset
    from pyterrier_hybrid.experiment.exports import text
    from pyterrier_hybrid.experiment.study import ratio_study
    from pyterrier_hybrid.experiment.study_plan import plan_study
    from pyterrier_hybrid.experiment.study_values import study_table

    try:
        mixes = _mixes(arguments)
    except ValueError as error:
        raise WrongArguments(error) from error
    given = {
        'mixes': mixes, 'seeds': arguments.seeds, 'dataset': arguments.dataset,
        'fractions': arguments.fractions, 'measures': options.parse_measures(arguments.measures),
        'settings': arguments.settings, 'processes': arguments.processes,
        'ray': options.ray_resources(arguments) or arguments.ray, **options.training_arguments(arguments),
    }  # fmt: skip
    try:
        plan_study(**given)  # before pairs are imported
    except UnknownDataset:  # exit code 1, as for any input that does not exist
        raise
    except ValueError as error:
        raise WrongArguments(error) from error
    with options.opened_pairs(arguments) as pairs:
        study = ratio_study(pairs, arguments.out, languages=arguments.languages, verbose=not arguments.quiet, **given)
    print(text(study_table(study.values)))
    print(f'the study is in {arguments.out}')
    return arguments.out


def _mixes(arguments: argparse.Namespace) -> dict[str, dict[str, float]]:
    """Returns the mixes of the options; without any, the paper's line from monolingual to cross-lingual."""
    from pyterrier_hybrid.experiment.study_mixes import alphas, mix_name, simplex

    mixes = {mix_name(mix): dict(mix) for mix in arguments.mixes}
    if arguments.simplex is not None:
        mixes |= simplex(arguments.simplex)
    if arguments.alphas is not None or not mixes:
        mixes |= alphas() if arguments.alphas is None else alphas(arguments.alphas)
    return mixes
