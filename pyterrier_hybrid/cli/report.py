"""``pyterrier-hybrid report``: one HTML file about an evaluation, a study, or both."""
import argparse
from pathlib import Path

from .options import add_common, new_output

DESCRIPTION = """\
Writes one self-contained HTML file about what evaluate and study have written: tables, figures, what they were made
with. It opens from disk and needs no network. Its figures are written beside it as PNG and SVG too.
"""
EXAMPLES = """\
examples:
  pyterrier-hybrid report --result results/xquad-r --out xquad-r.html
  pyterrier-hybrid report --result results/xquad-r --baseline BM25 --study studies/line --out both.html
"""


def add_command(commands) -> None:
    """Adds the command to a parser's subparsers."""
    parser = commands.add_parser(
        'report', help='write an HTML report of a result or a study', description=DESCRIPTION, epilog=EXAMPLES
    )
    parser.add_argument('--result', type=Path, metavar='FOLDER', help='what evaluate has written')
    parser.add_argument('--study', type=Path, metavar='FOLDER', help='what study has written')
    parser.add_argument('--baseline', metavar='NAME', help='test the differences to this system of the result')
    parser.add_argument('--title', help='heading of the page')
    parser.add_argument('--out', type=Path, required=True, metavar='FILE', help='the HTML file, which must be new')
    add_common(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> Path:
    """Writes the report; returns its path."""
    from pyterrier_hybrid.experiment import Result
    from pyterrier_hybrid.experiment.report import write_report
    from pyterrier_hybrid.experiment.study_result import StudyResult

    if arguments.baseline is not None and arguments.result is None:
        raise ValueError('--baseline names a system of a result; give --result too')
    out = new_output(arguments.out)
    result = None if arguments.result is None else Result.load(arguments.result)
    study = None if arguments.study is None else StudyResult.load(arguments.study)
    significance = None
    if arguments.baseline is not None:
        from pyterrier_hybrid.experiment import compare_systems

        significance = compare_systems(result, arguments.baseline)
    write_report(result, out, study=study, significance=significance, title=arguments.title)
    print(f'the report is {out}')
    return out
