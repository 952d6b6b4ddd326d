"""The command line: ``pyterrier-hybrid train | index | evaluate | study | report | measure | demo``."""
import logging
import os
import sys
import time
import traceback
import warnings
from collections.abc import Sequence
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

from pyterrier_hybrid import __version__
from pyterrier_hybrid.training.processes import count, is_first

from . import demo, evaluate, index, measure, report, study, train
from .parser import CommandParser, WrongArguments, keep_record
from .stopping import TERMINATED, ended_by_sigterm

DESCRIPTION = """\
Dense retrieval across languages: train an encoder on hybrid (mixed-language) batches, index passages in many languages,
and measure effectiveness and language bias in every language setting.
"""
EPILOG = """\
exit codes:
  0    done
  1    an error, in one line; with PYTERRIER_HYBRID_TRACEBACK=1 after its traceback
  2    wrong arguments
  130  stopped by Ctrl-C; what was finished is kept
  143  stopped by SIGTERM, as batch systems stop a job; what was finished is kept
"""
#: The exit code after Ctrl-C, as in shells: 128 + SIGINT.
INTERRUPTED = 130
#: The environment variable that switches tracebacks on.
TRACEBACK = 'PYTERRIER_HYBRID_TRACEBACK'
#: Seconds that a process waits after an error if it is not the first one.
LINGERING = 60


def main(argv: Sequence[str] | None = None) -> int:
    """Runs a command. If :program:`torchrun` starts several processes, only the first one prints.

    Args:
        argv: the arguments; None for those of the process.

    Returns:
        The exit code: 0; 1 for an error, which is printed in one line; 2 for wrong arguments; 130 after Ctrl-C.

    Raises:
        SystemExit: with code 2 for wrong arguments, with 0 after ``--help`` and ``--version``, with 143 after SIGTERM.
    """
    with ended_by_sigterm():
        return _run(argv) if is_first() else _run_unheard(argv)


def _run_unheard(argv: Sequence[str] | None) -> int:
    """Runs a command without output, in a process that is not the first one."""
    with open(os.devnull, 'w') as nowhere, redirect_stdout(nowhere), redirect_stderr(nowhere):
        try:
            code = _run(argv)
        except SystemExit as wrong:
            code = wrong.code
    if code and code != TERMINATED:  # the launcher ends all when one fails: let the first one print the error before
        time.sleep(LINGERING)
    return code


def _run(argv: Sequence[str] | None) -> int:
    parser = CommandParser(prog='pyterrier-hybrid', description=DESCRIPTION, epilog=EPILOG)
    parser.add_argument('--version', action='version', version=f'pyterrier-hybrid {__version__}')
    commands = parser.add_subparsers(required=True, metavar='command', dest='command', parser_class=CommandParser)
    for module in (train, index, evaluate, study, report, measure, demo):
        command = commands.add_parser(
            module.__name__.rpartition('.')[2], help=module.HELP, description=module.DESCRIPTION, epilog=module.EXAMPLES
        )
        module.add_options(command)
        command.add_argument('--config', type=Path, metavar='FILE',
                             help='YAML file with options of this command by name')  # fmt: skip
        command.add_argument('--quiet', action='store_true', help='no progress bars')
        command.set_defaults(run=module.run)
    arguments = parser.parse_args(argv)
    _be_quiet()
    out = getattr(arguments, 'out', None)
    if out is not None and not out.name:  # '.' has no name
        arguments.out = out.absolute()
    try:
        if count() > 1 and arguments.command != 'train':
            raise WrongArguments(
                f'torchrun started {count()} processes, but {arguments.command} runs in one; start it without torchrun'
            )
        output = arguments.run(arguments)
        if output is not None and is_first():
            keep_record(arguments, output)
    except KeyboardInterrupt:
        print('pyterrier-hybrid: stopped; what was finished is kept', file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:  # the reader has closed the pipe, as in measure ... | head
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # Python flushes the standard output on exit
        return 1
    except Exception as error:
        if os.environ.get(TRACEBACK):
            traceback.print_exc()
        print(f'pyterrier-hybrid: {_one_line(error)}', file=sys.stderr)
        return 2 if isinstance(error, WrongArguments) else 1
    return 0


def _one_line(error: Exception) -> str:
    """The error's message in one line of at most 1,000 characters. (The str of a KeyError is the message's repr.)"""
    text = error.args[0] if isinstance(error, KeyError) and error.args else error
    text = ' '.join(str(text)[:5000].split())[:1000]
    if isinstance(error, MemoryError) or 'out of memory' in text or "can't allocate memory" in text:
        return f'there is not enough memory for this ({text or type(error).__name__}); use smaller batches or vectors'
    if isinstance(error, ValueError | KeyError | OSError | ImportError):
        return text or type(error).__name__
    return f'unexpected {type(error).__name__}: {text}; set {TRACEBACK}=1 to see where, and please report it'


def _be_quiet() -> None:
    """Hides notices of libraries."""
    warnings.simplefilter('ignore', FutureWarning)
    os.environ.setdefault('TOKENIZERS_PARALLELISM', 'true')
    logging.getLogger('sentence_transformers').setLevel(logging.ERROR)
