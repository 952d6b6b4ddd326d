"""Writes the report: one self-contained HTML file, and its figures as files."""
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from itertools import groupby
from pathlib import Path

import pandas as pd

from pyterrier_hybrid.experiment.exports import templates
from pyterrier_hybrid.experiment.frames import SETTING_KINDS
from pyterrier_hybrid.experiment.languages_won import COMPARISON
from pyterrier_hybrid.experiment.paper import SOURCE, comparable
from pyterrier_hybrid.experiment.presentation import language_with_code
from pyterrier_hybrid.experiment.printed import PrintedTable
from pyterrier_hybrid.experiment.report import tested
from pyterrier_hybrid.experiment.report.canvas import Drawing, check_matplotlib, inline_svg, named_apart
from pyterrier_hybrid.experiment.report.curves import amount_figures, ratio_figures
from pyterrier_hybrid.experiment.report.differences import differences_figures, equivalence_figures
from pyterrier_hybrid.experiment.report.heatmap import pooled_heatmaps, setting_heatmaps
from pyterrier_hybrid.experiment.report.rank_distance import rank_distance_figures
from pyterrier_hybrid.experiment.report.ternary import ternary_figures
from pyterrier_hybrid.experiment.result import Result
from pyterrier_hybrid.experiment.rows import language_table, languages_of, marked, summary_table
from pyterrier_hybrid.experiment.study_result import StudyResult
from pyterrier_hybrid.experiment.study_values import check_study, study_table
from pyterrier_hybrid.files import replace_text

#: The file in the folder of figures that lists the files a report wrote, one a line.
LIST = 'figures.txt'


@dataclass(frozen=True)
class Section:
    """A part of the page, in this order: texts, a table, figures by caption, folded tables, folded JSON values."""

    id: str
    heading: str
    paragraphs: list[str] = field(default_factory=list)
    bullets: list[str] = field(default_factory=list)
    table: PrintedTable | None = None
    figures: list[Drawing] = field(default_factory=list)
    folded: list[PrintedTable] = field(default_factory=list)
    records: Mapping[str, Mapping] = field(default_factory=dict)

    def figures_by_caption(self) -> list[list[Drawing]]:
        """The figures, those with the same caption together."""
        return [list(same) for _, same in groupby(self.figures, key=lambda drawing: drawing.caption)]

    def __bool__(self) -> bool:
        return bool(self.table or self.figures or self.folded or self.records)


def write_report(
    results: Result | None,
    path: str | Path,
    *,
    study: StudyResult | pd.DataFrame | None = None,
    significance: pd.DataFrame | None = None,
    by_language: pd.DataFrame | Mapping[tuple, pd.DataFrame] | None = None,
    equivalence: pd.DataFrame | None = None,
    title: str | None = None,
) -> Path:
    """Writes a report that opens from disk, without a network or scripts.

    From ``results``, the page has the main table (beside the paper's figures, if the data set is the whole of XQuAD-R
    or MLQA-R), heatmaps by language, rank distance by language, tables by question language and the configuration. From
    ``study``, it has curves over the ratio and the amount of data, ternary plots and a table; from ``significance``,
    ``by_language`` and ``equivalence``, the tests. It leaves out the parts for which it is given nothing. The same
    input gives the same bytes.

    Every figure is also written as SVG, PDF and PNG, with its own heading, to the folder ``<name of the page>_figures``
    beside the page (``line_figures`` for ``line.html``, ``line.htm_figures`` for ``line.htm``). Figures of an earlier
    report are deleted from it; files that no report wrote stay.

    Args:
        results: a :class:`Result`, or None for a study alone.
        path: of the page; its parent folders are made.
        study: the outcome of :func:`~pyterrier_hybrid.experiment.ratio_study`, or its table: columns ``monolingual,
            crosslingual, multilingual, mixed`` (shares that sum to 1), ``seed, setting, measure, value``, and for
            several amounts of data ``mix, fraction``.
        significance: the table of :meth:`Result.compare`.
        by_language: the table of :meth:`Result.compare_by_language`, or of an earlier version its parts by (system,
            baseline, measure, setting).
        equivalence: the table of :meth:`Result.equivalence`.
        title: the page's heading; None for one that names the data set.

    Returns:
        The page's path.

    Raises:
        ValueError: nothing to report, a path that is a folder, or a table without what it needs.
        FileExistsError: a file that no report wrote has the name of a figure.
        TypeError: results that are no :class:`Result`, or a study that is none.
        ModuleNotFoundError: matplotlib is not installed; it comes with the extra ``report``.

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
    records = {'The experiment': results.provenance if results is not None else {},
               'The study': study.provenance if isinstance(study, StudyResult) else {}}  # fmt: skip
    known = [*([results] if results is not None else []), *getattr(study, 'results', {}).values()]
    chance = known[0].chance.groupby('measure')['value'].mean().to_dict() if known else {}
    study = study.values if isinstance(study, StudyResult) else study
    if study is not None:
        check_study(study)
    if isinstance(by_language, Mapping):
        parts = [rows.assign(**dict(zip(COMPARISON, compared))) for compared, rows in by_language.items()]
        by_language = pd.concat(parts, ignore_index=True) if parts else None
    tests = {'significance': significance, 'by_language': by_language, 'equivalence': equivalence}
    for name, table in tests.items():
        if table is not None:
            tested.check_tested(table, name)
            if results is not None:  # mark the systems whose runs were cut
                marks = {side: [marked(results, system) for system in table[side]] for side in ('system', 'baseline')}
                tests[name] = table.assign(**marks)
    main, *rest = _of_result(results) if results is not None else [None]
    ratio, *mixes = _of_study(study, dataset, chance) if study is not None else [None]
    sections = [
        ratio, main, *_of_tests(*tests.values(), dataset), *mixes, *rest,
        Section('configuration', 'Configuration and versions', records={k: v for k, v in records.items() if v}),
    ]  # fmt: skip
    title = title or (f'Retrieval across languages: {dataset}' if dataset else 'Retrieval across languages')
    taken: set[str] = set()
    sections = [replace(part, figures=named_apart(part.figures, taken)) for part in sections if part]
    folder = path.with_name(f'{path.name.removesuffix(".html")}_figures')
    drawings = [drawing for section in sections for drawing in section.figures]
    figures = {name: content for drawing in drawings for name, content in drawing.files().items()}
    page = rendered(title, sections, folder.name)
    path.parent.mkdir(parents=True, exist_ok=True)
    _write_figures(folder, figures)
    replace_text(path, page)  # last, so that a page never lacks a figure
    return path


def _of_result(result: Result) -> list[Section]:
    languages = languages_of(result)
    asked = result.per_query.groupby('query_lang', observed=True)['qid'].nunique().to_dict()
    questions = [asked.get(lang, 0) for lang in languages]
    counts = ' to '.join(f'{n:,}' for n in sorted({min(questions), max(questions)})) if any(questions) else 'no'
    paragraphs = [
        f'Systems: {", ".join(result.systems)}. Data set: {result.dataset}, with {counts} evaluated questions in each '
        f'of {len(languages)} languages: {", ".join(map(language_with_code, languages))}. Monolingual: questions and '
        'passages in one language. Cross-lingual: in two. Multilingual: passages of all languages in one pool.'
    ]
    if comparable(result.dataset, languages):
        paragraphs.append(
            f'The paper’s figures, for AP and RankDistance, are those printed in {SOURCE}; they are averages over the '
            'same settings.'
        )
    if len(result.chance):
        paragraphs.append(
            'Chance is what a system without any preference for a language has; for rank distance, one that ranks at '
            'random.'
        )
    there = set(result.by_setting()[['measure', 'setting']].itertuples(index=False, name=None))
    by_language = [
        language_table(result, measure, kind, paper=True)
        for measure in result.measures for kind in SETTING_KINDS if (measure, kind) in there
    ]  # fmt: skip
    heatmaps = setting_heatmaps(result) + pooled_heatmaps(result)
    return [
        Section('table', 'Effectiveness and language bias', paragraphs, table=summary_table(result, paper=True)),
        Section('languages', 'Language by language', figures=heatmaps),
        Section('rank-distance', 'Rank distance by language', figures=rank_distance_figures(result)),
        Section('by-language', 'Tables by question language', folded=by_language),
    ]


def _of_study(study: pd.DataFrame, dataset: str | None, chance: Mapping[str, float]) -> list[Section]:
    ratio = ratio_figures(study, dataset, chance)
    return [
        Section('ratio', 'The ratio of monolingual and cross-lingual batches', figures=ratio),
        Section('amount', 'The amount of training data', figures=amount_figures(study, dataset)),
        Section('ternary', 'Three kinds of batches', figures=ternary_figures(study, dataset)),
        Section('mixes', 'Every mix', folded=[study_table(study)]),
    ]


def _of_tests(
    differences: pd.DataFrame | None, by_language: pd.DataFrame | None, equivalence: pd.DataFrame | None,
    dataset: str | None,
) -> list[Section]:
    sections = []
    if differences is not None and len(differences):
        table, figures = tested.differences_table(differences), differences_figures(differences, dataset)
        sections.append(Section('significance', 'Significance', table=table, figures=figures))
    if by_language is not None and len(by_language):
        table, *folded = tested.by_language_tables(by_language)
        sections.append(Section('languages-won', 'Significance by question language', table=table, folded=folded))
    if equivalence is not None and len(equivalence):
        about = (
            'A difference that is not significant is no evidence that there is none. Here a system counts as '
            f'equivalent to {tested.baselines(equivalence)} only if the tests show that they differ by less than the '
            'margin, the greatest difference that was said not to matter.'
        )
        sections.append(Section(
            'equivalence', 'Equivalence', [about], tested.equivalence_lines(equivalence),
            tested.equivalence_table(equivalence), equivalence_figures(equivalence, dataset),
        ))  # fmt: skip
    return sections


def rendered(title: str, sections: list[Section], folder: str) -> str:
    """The page as HTML, in which every text is escaped; ``folder`` is the name of the figures' folder."""
    template = templates().get_template('page.html')
    return template.render(title=title, sections=sections, folder=folder, inline_svg=inline_svg)


def _write_figures(folder: Path, figures: Mapping[str, bytes]) -> None:
    """Writes figures to their folder, and deletes those that an earlier report has listed there."""
    known = (folder / LIST).read_text(encoding='utf-8').split() if (folder / LIST).is_file() else []
    for name in figures:
        if (folder / name).exists() and name not in known:
            raise FileExistsError(f'{folder / name} was not written by a report; move it, or rename the page')
    if figures or known:
        folder.mkdir(exist_ok=True)
        (folder / LIST).write_text('\n'.join({**dict.fromkeys(known), **figures}) + '\n', encoding='utf-8')
    for name, content in figures.items():
        (folder / name).write_bytes(content)
    for name in {*known} - {*figures}:
        (folder / Path(name).name).unlink(missing_ok=True)
    if figures:
        (folder / LIST).write_text('\n'.join(figures) + '\n', encoding='utf-8')
    elif known:
        (folder / LIST).unlink()
        if not any(folder.iterdir()):
            folder.rmdir()
