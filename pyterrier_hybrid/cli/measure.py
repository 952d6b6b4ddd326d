"""``pyterrier-hybrid measure``: evaluates a TREC run by any measure of ir_measures or of this package."""
import argparse
import re
import sys
import warnings
from pathlib import Path

from .options import parse_measures
from .parser import CommandParser, WrongArguments

HELP = 'evaluate a TREC run'
DESCRIPTION = """\
Evaluates a TREC run by measures of ir_measures and of this package, which ir_measures' own command does not know. It
prints the mean of each measure; with --by-query, every query's values and then the means.

The second column of the qrels is the document's language. Where it says nothing, give an index of the documents.
"""
EXAMPLES = """\
examples:
  pyterrier-hybrid measure qrels.txt run.txt.gz 'RankDistance@1000' 'R@1000' AP
  pyterrier-hybrid measure xquad-r/de run.txt LPR 'RankDistance(pool=13014)' --by-query
  pyterrier-hybrid measure qrels.txt run.txt "LPR(query_lang='de')" 'AWRF@20' --index runs/xquad-r.bm25
"""


def add_options(parser: CommandParser) -> None:
    """Adds the command's own options to its parser."""
    parser.add_argument('qrels', metavar='QRELS', help='TREC qrels, plain or gzipped, or a data set (xquad-r/de)')
    parser.add_argument('run_file', metavar='RUN', type=Path, help='a TREC run, plain or gzipped')
    parser.add_argument('measures', metavar='MEASURE', nargs='+', help="in ir_measures' names: RankDistance@1000")
    parser.add_argument('-q', '--by-query', action='store_true', help='print the values of every query, too')
    parser.add_argument('-p', '--places', type=int, default=4, help='decimal places (default: 4)')
    parser.add_argument('--index', type=Path, metavar='FOLDER',
                        help='an index, for the languages of documents about which the qrels say nothing')  # fmt: skip


def run(arguments: argparse.Namespace) -> None:
    """Prints the values; warnings of the measures about queries go to the standard error."""
    import ir_measures

    from pyterrier_hybrid.measures.judgements import read_judgements
    from pyterrier_hybrid.measures.trec_files import read_run_file

    if arguments.places < 0:
        raise WrongArguments(f'--places is {arguments.places}; it is a number of decimal places, 0 or more')
    # In one argument, white space outside of parentheses separates measures.
    named = [name for given in arguments.measures for name in re.split(r'\s+(?![^()]*\))', given.strip())]
    names = list(dict.fromkeys(named))
    names_of: dict = {}  # AP and MAP are the same measure
    for measure, name in zip(_with_languages(parse_measures(names), arguments.index), names):
        _check(measure)
        names_of.setdefault(measure, []).append(name)
    qrels = _read_qrels(arguments.qrels)
    judged = read_judgements(qrels).query_ids  # this raises an error for contradicting judgements
    scored = read_run_file(arguments.run_file)
    if not set(judged) & set(scored['query_id']):
        asked = scored['query_id'].iloc[0] if len(scored) else 'nothing'
        raise ValueError(f'{arguments.run_file} answers no query of {arguments.qrels}: it has {asked!r:.80}, they have '
                         f'{judged[0] if judged else "nothing"!r:.80}')  # fmt: skip
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter('always')
        means, values = ir_measures.calc(list(names_of), qrels, scored)
    if not arguments.quiet:
        for warning in caught:
            print(f'pyterrier-hybrid: {warning.message}', file=sys.stderr)
    lead = 'all\t' if arguments.by_query else ''
    if arguments.by_query:
        for metric in values:
            for name in names_of[metric.measure]:
                print(f'{metric.query_id}\t{name}\t{metric.value:.{arguments.places}f}')
    means = {name: means[measure] for measure, known in names_of.items() for name in known}
    for name in names:
        print(f'{lead}{name}\t{means[name]:.{arguments.places}f}')


def _check(measure) -> None:
    """Raises an error for a measure that lacks a parameter, before any file is read."""
    from pyterrier_hybrid.measures.base import LanguageMeasure, check_params

    try:
        check_params(measure)
        if isinstance(measure, LanguageMeasure):
            measure.check_alone()
    except ValueError as error:
        raise WrongArguments(f'{measure!r:.80}: {error!s:.200}') from None


def _with_languages(measures: list, index: Path | None) -> list:
    """Returns the measures; those that need the documents' languages get those of an index."""
    if index is None:
        return measures
    from pyterrier_hybrid.indexing import MultilingualIndex
    from pyterrier_hybrid.lexical import BM25Index
    from pyterrier_hybrid.measures import Languages

    dense = MultilingualIndex(index, verbose=False)
    langs = Languages.from_index(dense if dense.built() else BM25Index(index, verbose=False))
    return [m(langs=langs) if 'langs' in m.SUPPORTED_PARAMS else m for m in measures]


def _read_qrels(qrels: str):
    """Reads judgements from a file, or from a data set if there is no file, with ir_measures' column names."""
    from pyterrier_hybrid.measures.trec_files import read_qrels_file

    if Path(qrels).exists():
        return read_qrels_file(qrels)
    from datasets_ext.opening import open_dataset

    try:
        judged = open_dataset(qrels).get_qrels()
    except (KeyError, NotImplementedError):
        raise FileNotFoundError(f'{qrels!r:.80} is neither a file nor a data set with judgements') from None
    return judged.rename(columns={'qid': 'query_id', 'docno': 'doc_id', 'label': 'relevance'})
