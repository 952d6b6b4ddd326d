"""The options that several commands have, and their interpretation."""
import argparse
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import fields
from pathlib import Path
from tempfile import TemporaryDirectory

from pyterrier_hybrid.experiment.frames import DEFAULT_MEASURES

from .kept import is_import_of, write_note
from .parser import CommandParser, WrongArguments

SETTINGS = ('monolingual', 'crosslingual', 'multilingual')


def add_ray(parser: CommandParser, unit: str) -> None:
    """Adds ``--ray-cpus`` and ``--ray-gpus``, the resources of a ``unit`` of work, such as a worker."""
    parser.add_argument('--ray-cpus', type=int, metavar='N', help=f'processors of a {unit} on Ray (default: 1)')
    parser.add_argument('--ray-gpus', type=float, metavar='N',
                        help=f'GPUs of a {unit} on Ray, .5 to share one (default: 0)')  # fmt: skip


def ray_resources(arguments: argparse.Namespace) -> dict[str, float]:
    """Returns the given options of :func:`add_ray`, as parameters of ``pyterrier_hybrid.distributed.Resources``."""
    given = {'num_cpus': arguments.ray_cpus, 'num_gpus': arguments.ray_gpus}
    given = {name: value for name, value in given.items() if value is not None}
    if given and not arguments.ray:
        raise WrongArguments(f'--ray-{next(iter(given))[4:]} is for work on Ray; give --ray too')
    return given


def add_pairs(parser: CommandParser) -> None:
    """Adds the options of the training pairs."""
    parser.add_argument(
        '--pairs', default='worldfacts', metavar='PATH',
        help='training pairs: a folder of imported pairs, a file or folder of *.jsonl[.gz|.xz], or worldfacts, which '
        'comes with the package (default; write ./worldfacts for a folder of that name)',
    )  # fmt: skip
    parser.add_argument(
        '--keep-pairs', type=Path, metavar='FOLDER',
        help='keep the imported pairs in this folder, for --pairs next time; a resumed run, a continued study, and '
        'train --resume with the same --pairs open them if they are there',
    )
    parser.add_argument(
        '--no-inverse-cloze', action='store_true',
        help='do not make question-passage pairs out of parallel texts on import',
    )  # fmt: skip


def add_training(parser: CommandParser) -> None:
    """Adds the options of training, apart from mix and seed; see :func:`pyterrier_hybrid.train`."""
    parser.add_argument(
        '--backbone', default='static', metavar='NAME',
        help='static: a static embedding (default), or small: a compact transformer, both from random weights, with a '
        'tokenizer trained on the pairs; or the folder or hub name of an encoder, such as FacebookAI/xlm-roberta-base '
        'or sentence-transformers/LaBSE',
    )  # fmt: skip
    parser.add_argument('--steps', type=int, help='optimiser steps (default: one epoch)')
    parser.add_argument('--batch-size', type=int, default=100, help='pairs in a batch (default: 100)')
    parser.add_argument('--learning-rate', type=float, help='at its peak (default: 3e-5; static: .05; small: .001)')
    parser.add_argument('--weight-decay', type=float, help='of AdamW (default: .01)')
    parser.add_argument('--warmup', type=float, help='share of the steps (default: .1)')
    parser.add_argument('--temperature', type=float, help='of InfoNCE (default: .05)')
    parser.add_argument('--source-temperature', type=float, help='1 draws sources by size (default), 0 uniformly')
    parser.add_argument('--max-length', type=int, nargs='+', metavar='TOKENS',
                        help='cut texts after this many; two numbers are for queries and for passages')  # fmt: skip
    parser.add_argument('--encode-length', type=int, nargs='+', metavar='TOKENS',
                        help='the same for the trained encoder (default: as in training)')  # fmt: skip
    parser.add_argument('--dimension', type=int, help='of the vectors of static (default: 512) or small (256)')
    parser.add_argument('--vocab-size', type=int, help='subwords of static or small, at most (default: 32000)')
    parser.add_argument('--token-dropout', type=float, help='probability that static leaves out a token (default: 0)')
    parser.add_argument('--negatives', type=int, help='hard negatives of each pair, out of those given (default: 0)')
    parser.add_argument('--mini-batch-size', type=int, help='encode a batch in parts of this many texts (GradCache)')
    parser.add_argument(
        '--bf16', nargs='?', const='true', choices=['true', 'false', 'auto'],
        help='compute in bfloat16; with auto, where the device has hardware for it (default: auto for a checkpoint, '
        'false for static and small)',
    )  # fmt: skip
    parser.add_argument('--gradient-checkpointing', action='store_true', help='less memory, more time')
    parser.add_argument(
        '--validation', type=parse_validation, metavar='WHAT',
        help='evaluate on this while training: a fraction or number of the pairs, to be held out, a data set such as '
        'squadshifts-new-wiki, a SQuAD-format file, or a folder of imported pairs',
    )  # fmt: skip
    parser.add_argument('--eval-steps', type=int, help='evaluate every this many steps (default: a tenth of the run)')
    parser.add_argument('--patience', type=int, help='stop after this many evaluations without a better figure')
    parser.add_argument('--metric-for-best-model', metavar='FIGURE',
                        help='AP (default), R@1, R@10, RR or loss; of held-out pairs also crosslingual_AP')  # fmt: skip
    parser.add_argument('--load-best-model-at-end', choices=('true', 'false'),
                        help='save the weights of the best evaluation (default: with --patience)')  # fmt: skip
    parser.add_argument('--report-to', nargs='+', metavar='LOGGER', help='tensorboard, wandb, mlflow, ...')
    parser.add_argument('--checkpoint-steps', type=int, help='save a checkpoint every this many steps')
    parser.add_argument('--device', help='cpu, cuda, ... (default: cuda if there is one)')


def training_arguments(arguments: argparse.Namespace) -> dict:
    """Returns the arguments of :func:`pyterrier_hybrid.train` that were given."""
    from pyterrier_hybrid.training.arguments import TrainingArguments

    given = {field.name: getattr(arguments, field.name, None) for field in fields(TrainingArguments)}
    given = {name: value for name, value in given.items() if value is not None and value is not False}
    for name in ('max_length', 'encode_length'):
        given.update({name: given[name][0]} if len(given.get(name, ())) == 1 else {})
    for name in ('load_best_model_at_end', 'bf16'):
        given.update({name: given[name] == 'true'} if given.get(name) in ('true', 'false') else {})
    return given


def add_evaluation(parser: CommandParser) -> None:
    """Adds the options of an evaluation: measures, settings, languages."""
    parser.add_argument('--measures', nargs='+', default=list(DEFAULT_MEASURES), metavar='M',
                        help=f'in ir_measures\' names (default: {" ".join(DEFAULT_MEASURES)})')  # fmt: skip
    parser.add_argument('--settings', nargs='+', choices=SETTINGS, default=list(SETTINGS), metavar='S',
                        help='some of monolingual, crosslingual, multilingual (default: all)')  # fmt: skip
    parser.add_argument('--languages', nargs='+', metavar='L', help='of questions and passages (default: all)')


def parse_measures(names: list[str]) -> list:
    """Returns the measures of these names; raises WrongArguments for one that is unknown or has bad syntax."""
    import ir_measures

    import pyterrier_hybrid.measures  # noqa: F401  (registers the language-bias measures)

    def parse(name: str):
        try:
            return ir_measures.parse_measure(name)
        except (NameError, SyntaxError, ValueError, TypeError, AttributeError) as error:
            raise WrongArguments(f'{name!r:.80} is not a measure ({error!s:.200}); AP, R@10, LPR are some') from None

    return [parse(name) for name in names]


def parse_validation(text: str) -> int | float | str:
    """Returns what to validate on: a number (of held-out pairs) as a number, any other text unchanged."""
    try:
        return int(text) if text.isdecimal() else float(text)
    except ValueError:
        return text


class Mix(dict):
    """A mix parsed from a text such as ``'monolingual=.5,crosslingual=.5'``; its str is that text.

    Raises ArgumentTypeError for a text with other syntax.
    """

    def __init__(self, text: str):
        super().__init__()
        self._text = text
        for part in text.split(','):
            kind, _, share = part.partition('=')
            if kind.strip() in self:
                raise argparse.ArgumentTypeError(f'{text!r} has {kind.strip()!r:.80} twice; give each kind one share')
            try:
                self[kind.strip()] = float(share)
            except ValueError:
                raise argparse.ArgumentTypeError(
                    f'{text!r} is not a mix; give shares by kind, such as monolingual=.5,crosslingual=.5'
                ) from None

    def __str__(self) -> str:
        return self._text


@contextmanager
def opened_pairs(arguments: argparse.Namespace) -> Iterator:
    """A block with the opened pairs of :func:`add_pairs`. An import is removed at its end, unless it is to be kept.

    If there are many processes, the first one imports the pairs, and the others open them.
    """
    from pyterrier_hybrid.pairs import ParallelPairs
    from pyterrier_hybrid.training import processes

    folder = path = Path(arguments.pairs)
    processes.join(getattr(arguments, 'device', None))
    with TemporaryDirectory(prefix='pyterrier-hybrid-') as temporary:
        if _is_built_in(arguments) or not path.is_dir() or _has_jsonl(path):
            folder = arguments.keep_pairs or Path(processes.gather(temporary)[0]) / 'pairs'
            with processes.together():
                if processes.is_first() and not _is_kept(arguments, path, folder):
                    _import_pairs(arguments, path, folder)
        with processes.together():
            pairs = ParallelPairs(folder)
        yield pairs


def _is_kept(arguments: argparse.Namespace, path: Path, folder: Path) -> bool:
    """Whether to open the pairs in a folder: for a run or study that has begun, or if they are of the same import.

    A run that has begun refuses pairs other than its own, so these need no check here.
    """
    from pyterrier_hybrid.training.checkpoints import has_checkpoint

    if not folder.exists():
        return False
    if arguments.command == 'study':
        return arguments.out.exists()
    if not getattr(arguments, 'resume', False):
        return False
    begun = arguments.out.exists() or has_checkpoint(arguments.out)
    return begun or is_import_of(folder, **_imported(arguments, path))


def _imported(arguments: argparse.Namespace, path: Path) -> dict:
    """Describes the import: its files and settings."""
    from pyterrier_hybrid.pairs.jsonl import jsonl_files

    built_in = _is_built_in(arguments)
    return {
        'files': [] if built_in else jsonl_files(path), 'built_in': built_in,
        'inverse_cloze': not arguments.no_inverse_cloze,
    }  # fmt: skip


def _import_pairs(arguments: argparse.Namespace, path: Path, folder: Path) -> None:
    from datasets_ext import worldfacts
    from pyterrier_hybrid.pairs import ParallelPairs, inverse_cloze

    if folder.exists():
        raise FileExistsError(
            f'{folder} is there, and nothing says that it holds this import; if it holds the pairs you want, give it '
            'as --pairs, else give another folder to --keep-pairs'
        )
    if _is_built_in(arguments):
        ParallelPairs.from_rows(worldfacts.training_pairs(), folder, verbose=not arguments.quiet)
    else:
        derive = None if arguments.no_inverse_cloze else inverse_cloze
        ParallelPairs.from_jsonl(path, folder, derive=derive, verbose=not arguments.quiet)
    if folder == arguments.keep_pairs:
        write_note(folder, **_imported(arguments, path))


def _is_built_in(arguments: argparse.Namespace) -> bool:
    return arguments.pairs == 'worldfacts'


def _has_jsonl(folder: Path) -> bool:
    """Whether a folder has files to import. Imported pairs have a manifest, and files named after their sources."""
    from pyterrier_hybrid.pairs.jsonl import SUFFIXES

    names = [path.name for path in folder.iterdir()]
    return 'manifest.json' not in names and any(name.endswith(SUFFIXES) for name in names)


def new_output(path: Path) -> Path:
    """Returns the path of an output and makes its parent folders; raises FileExistsError if it exists already."""
    if path.exists():
        raise FileExistsError(f'{path} exists already; give another path to --out, or remove it')
    path.parent.mkdir(parents=True, exist_ok=True)
    return path
