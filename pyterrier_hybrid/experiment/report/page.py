"""The report: one HTML file with everything in it, and its figures as files."""
from importlib.resources import files
from itertools import groupby
from pathlib import Path
from string import Template

import pandas as pd

from ..result import Result
from ..study_result import StudyResult
from .amount import amount_figures
from .blanks import BlankNotes
from .by_language import language_tables
from .canvas import Drawing, check_matplotlib, inline_svg
from .configuration import configuration
from .differences import COLUMNS, check_differences, differences_table, how_tested
from .differences_figure import differences_figures, equivalence_figures
from .equivalence import check_equivalence, equivalence_parts
from .figure_files import FigureFiles, replace_file
from .heatmap import pooled_heatmaps, setting_heatmaps
from .languages_won import LANGUAGE_COLUMNS, ByLanguage, languages_won
from .main_table import languages_of, main_table
from .markup import details, element, section, text
from .mixes import check_study
from .paper import SOURCE, comparable
from .rank_distance import rank_distance_figures
from .ratio import ratio_figures
from .study_table import study_table
from .ternary import ternary_figures
from .words import language_with_code


class Section:
    """A part of the page: its id, heading and markup, and the figures in it."""

    def __init__(self, ident: str, heading: str, content: list[str], figures: list[Drawing] = ()):
        self.ident, self.heading, self.content, self.figures = ident, heading, content, list(figures)

    def html(self, folder: str) -> str:
        """The section as markup, its figures last but for folded tables."""
        folded = [piece for piece in self.content if piece.startswith('<details')]
        plain = [piece for piece in self.content if piece and not piece.startswith('<details')]
        grids = []
        for caption, figures in groupby(self.figures, key=lambda figure: figure.caption):
            shown = [_figure(figure, folder) for figure in figures]
            grids.append(element('p', text(caption)) + element('div', *shown, class_='figures'))
        return section(self.ident, self.heading, *plain, *grids, *folded)


def write_report(
    results: Result | None,
    path: str | Path,
    *,
    study: StudyResult | pd.DataFrame | None = None,
    significance: pd.DataFrame | None = None,
    by_language: ByLanguage | None = None,
    equivalence: pd.DataFrame | None = None,
    title: str | None = None,
) -> Path:
    """Writes a report that opens from disk, with no network and no script.

    The page holds what it is given: the main table (beside the paper's figures, if the data set is XQuAD-R or MLQA-R,
    whole), heatmaps by language, rank distance by language, tables by question language and the configuration from
    ``results``; curves over the ratio and the amount of data, ternary plots and a table from ``study``; tests from
    ``significance``, ``by_language`` and ``equivalence``. What is not there leaves its part out. The same input gives
    the same bytes.

    Every figure is written as PNG and SVG too, to the folder ``<name of the page>_figures`` beside the page. Of an
    earlier report of that name nothing is left there, and what no report wrote stays (:class:`FigureFiles`).

    Args:
        results: a :class:`Result`, or None for a study alone.
        path: of the page; its parent folders are made.
        study: the outcome of :func:`~pyterrier_hybrid.experiment.ratio_study`, or its table: columns ``monolingual,
            crosslingual, multilingual, mixed`` (shares that sum to 1), ``seed, setting, measure, value``, and where
            there are several amounts of data ``mix, fraction``.
        significance: the table of :meth:`Result.compare`.
        by_language: the rows of :meth:`Result.compare_by_language` by (system, baseline, measure, setting), such as
            ``('hybrid', 'X-X-mono', 'AP', 'multilingual')``.
        equivalence: the table of :meth:`Result.equivalence`.
        title: the page's heading; None for one that names the data set.

    Returns:
        The page's path.

    Raises:
        ValueError: nothing to report, a path that is a folder, or a table without a column that it needs.
        FileExistsError: a file that no report wrote lies where a figure goes.
        TypeError: results that are no :class:`Result`.
        ImportError: matplotlib is not installed; it comes with the extra ``report``.

    Example::

        write_report(result, 'report.html', significance=result.compare('X-X-mono'))
    """
    check_matplotlib()
    path = Path(path)
    if results is None and study is None:
        raise ValueError('there is nothing to report: give results, a study, or both')
    if results is not None and not isinstance(results, Result):
        raise TypeError(f'results is a {type(results).__name__}; give the Result of MultilingualExperiment, or None')
    if path.is_dir():
        raise ValueError(f'{path} is a folder; give a file in it, such as {path / "report.html"}')
    dataset = results.dataset if results is not None else getattr(study, 'dataset', None)
    study_record = study.provenance if isinstance(study, StudyResult) else {}
    study = study.values if isinstance(study, StudyResult) else study
    if study is not None:
        check_study(study)
    if significance is not None:
        check_differences(significance, COLUMNS, 'significance', 'compare_systems')
    for compared, rows in (by_language or {}).items():
        check_differences(rows, LANGUAGE_COLUMNS, f'by_language[{compared!r}]', 'compare_by_language')
    if equivalence is not None:
        check_equivalence(equivalence)

    sections = _of_result(results) if results is not None else []
    if study is not None:
        sections[1:1] = _of_study(study)
    sections[1 if results is not None else 0:0] = _tests(significance, by_language or {}, equivalence)
    sections.append(_configuration(results, study_record))
    sections = [part for part in sections if part.content or part.figures]
    title = title or (f'Retrieval across languages: {dataset}' if dataset else 'Retrieval across languages')
    return _write(path, title, sections)


def _of_result(result: Result) -> list[Section]:
    notes = BlankNotes(result)
    languages = languages_of(result)
    questions = result.per_query.groupby('query_lang', observed=True)['qid'].nunique()
    counts = ' to '.join(f'{n:,}' for n in sorted({questions.min(), questions.max()})) if len(questions) else 'no'
    paragraphs = [element('p', text(
        f'Systems: {", ".join(result.systems)}. Data set: {result.dataset}, with {counts} evaluated questions in '
        f'each of {len(languages)} languages: {", ".join(map(language_with_code, languages))}. Monolingual: questions '
        'and passages in one language. Cross-lingual: in two. Multilingual: passages of all languages in one pool.'
    ))]  # fmt: skip
    if comparable(result.dataset, languages):
        paragraphs.append(element('p', text(
            f'The paper’s figures, for AP and RankDistance, are those printed in {SOURCE}; they are averages over the '
            'same settings.'
        )))  # fmt: skip
    under = [element('p', text(note), class_='notes') for note in result.notes]
    table = [*paragraphs, main_table(result, notes), *under, notes.html()]
    return [
        Section('table', 'Effectiveness and language bias', table),
        Section('languages', 'Language by language', [], setting_heatmaps(result) + pooled_heatmaps(result)),
        Section('rank-distance', 'Rank distance by language', [], rank_distance_figures(result)),
        Section('by-language', 'Tables by question language', language_tables(result, notes)),
    ]


def _of_study(study: pd.DataFrame) -> list[Section]:
    return [
        Section('ratio', 'The ratio of monolingual and cross-lingual batches', [], ratio_figures(study)),
        Section('amount', 'The amount of training data', [], amount_figures(study)),
        Section('ternary', 'Three kinds of batches', [], ternary_figures(study)),
        Section('mixes', 'Every mix', [study_table(study)]),
    ]


def _tests(
    differences: pd.DataFrame | None, by_language: ByLanguage, equivalence: pd.DataFrame | None
) -> list[Section]:
    sections = []
    if differences is not None and len(differences):
        how = element('p', text(how_tested(differences)), class_='notes')
        figures = differences_figures(differences)
        sections.append(Section('significance', 'Significance', [differences_table(differences), how], figures))
    won = languages_won(by_language)
    sections.append(Section('languages-won', 'Significance by question language', won))
    if equivalence is not None and len(equivalence):
        parts, figures = equivalence_parts(equivalence), equivalence_figures(equivalence)
        sections.append(Section('equivalence', 'Equivalence', parts, figures))
    return sections


def _configuration(result: Result | None, study_record: dict) -> Section:
    parts = []
    if result is not None and result.provenance:
        parts.append(details('The experiment', configuration(result.provenance)))
    if study_record:
        parts.append(details('The study', configuration(study_record)))
    return Section('configuration', 'Configuration and versions', parts)


def _figure(drawing: Drawing, folder: str) -> str:
    label = f'{drawing.name}-words'
    links = (element('a', kind.upper(), href=f'{folder}/{drawing.name}.{kind}') for kind in ('svg', 'png'))
    caption = element(
        'figcaption', element('h3', text(drawing.title)),
        element('details', element('summary', 'In words'), element('p', text(drawing.alt), id=label)),
        element('p', 'As a file: ', ', '.join(links)),
    )  # fmt: skip
    box = {'class_': 'scroll', 'role': 'region', 'tabindex': 0, 'aria_label': drawing.title} if drawing.wide else {}
    return element('figure', element('div', inline_svg(drawing, label), **box), caption, id=f'figure-{drawing.name}')


def _write(path: Path, title: str, sections: list[Section]) -> Path:
    """The figures first, the page last and in one step, so that a page never lacks a figure."""
    figures = FigureFiles(path, {
        f'{drawing.name}.{kind}': content
        for part in sections for drawing in part.figures
        for kind, content in (('svg', drawing.svg.encode()), ('png', drawing.png))
    })  # fmt: skip
    contents = element('ul', *(
        element('li', element('a', text(part.heading), href=f'#{part.ident}')) for part in sections
    ))  # fmt: skip
    templates = files(__package__)
    page = Template((templates / 'page.html').read_text(encoding='utf-8')).substitute(
        title=text(title), style=(templates / 'style.css').read_text(encoding='utf-8'), contents=contents,
        body='\n'.join(part.html(figures.folder.name) for part in sections),
    )  # fmt: skip
    path.parent.mkdir(parents=True, exist_ok=True)
    figures.write()
    replace_file(path, page)
    figures.clean()
    return path
