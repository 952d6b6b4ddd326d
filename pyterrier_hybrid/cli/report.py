"""``pyterrier-hybrid report``: writes one HTML file about an evaluation, a study, or both."""
import argparse
from pathlib import Path

from .options import new_output
from .parser import CommandParser, WrongArguments

HELP = 'write an HTML report of a result or a study'
DESCRIPTION = """\
Writes one self-contained HTML file about what evaluate and study have written: tables, figures, what they were made
with. It opens from disk and needs no network. Its figures are written beside it too, as SVG, PDF and PNG.
"""
EXAMPLES = """\
examples:
  pyterrier-hybrid report --result results/xquad-r --out xquad-r.html
  pyterrier-hybrid report --result results/xquad-r --baseline BM25 --study studies/line --out both.html
  pyterrier-hybrid report --result results/xquad-r --baseline X-Y --margin AP=.02 RankDistance=300 --out tested.html
"""


def add_options(parser: CommandParser) -> None:
    """Adds the command's own options to its parser."""
    parser.add_argument('--result', type=Path, metavar='FOLDER', help='what evaluate has written')
    parser.add_argument('--study', type=Path, metavar='FOLDER', help='what study has written')
    parser.add_argument('--baseline', metavar='NAME',
                        help='test the differences to this system of the result, by language too')  # fmt: skip
    parser.add_argument('--margin', nargs='+', type=Margin, default=[], metavar='MEASURE=M',
                        help='with --baseline: test by these measures whether systems are equivalent to it, that is '
                        'differ by less than M, in the measure\'s unit')  # fmt: skip
    parser.add_argument('--title', help='heading of the page')
    parser.add_argument('--out', type=Path, required=True, metavar='FILE', help='the HTML file, which must be new')


def run(arguments: argparse.Namespace) -> Path:
    """Writes the report; returns its path."""
    from pyterrier_hybrid.experiment import Result
    from pyterrier_hybrid.experiment.report import write_report
    from pyterrier_hybrid.experiment.study_result import StudyResult

    if arguments.baseline is not None and arguments.result is None:
        raise WrongArguments('--baseline names a system of a result; give --result too')
    if arguments.margin and arguments.baseline is None:
        raise WrongArguments('--margin is of the difference to a system of the result; give --baseline too')
    if arguments.result is None and arguments.study is None:
        raise WrongArguments('there is nothing to report; give --result, --study, or both')
    out = new_output(arguments.out)
    study = None if arguments.study is None else StudyResult.load(arguments.study)
    if arguments.result is None:
        write_report(None, out, study=study, title=arguments.title)
    else:
        margins = {margin.measure: margin.width for margin in arguments.margin}
        Result.load(arguments.result).report(
            out, baseline=arguments.baseline, margin=margins or None, study=study, title=arguments.title,
            verbose=not arguments.quiet,
        )  # fmt: skip
    print(f'the report is {out}')
    return out


class Margin(str):
    """A margin parsed from a text such as ``AP=.02``; raises ArgumentTypeError for a text with other syntax."""

    def __init__(self, text: str):
        self.measure, _, width = text.rpartition('=')
        try:
            self.width = float(width)
        except ValueError:
            self.measure = ''
        if not self.measure:
            raise argparse.ArgumentTypeError(f'{text!r} is not a margin; give a measure and a number, such as AP=.02')
