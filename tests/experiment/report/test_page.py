"""The page as a whole: well-formed, self-contained, the same every time, and only of what it was given."""
import dataclasses
import re
import sys
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from pyterrier_hybrid.experiment.report import write_report
from pyterrier_hybrid.experiment.result import CELL, Result
from pyterrier_hybrid.experiment.study_result import StudyResult

pytest.importorskip('matplotlib')

LANGS = ('de', 'en', 'hi')
XQUAD_R = ('ar', 'de', 'el', 'en', 'es', 'hi', 'ru', 'th', 'tr', 'vi', 'zh')
VOID = {'meta', 'link', 'br', 'hr', 'img', 'input'}


class Page(HTMLParser):
    """Reads a page: its ids, links, tables (rows of cell texts) and what is wrong with its nesting."""

    def __init__(self, html: str):
        super().__init__(convert_charrefs=True)
        self.ids, self.references, self.headings, self.faults = [], [], [], []
        self.rows: list[list[str]] = []
        self.labels: list[str] = []  # what is written in figures
        self.tags, self._open, self._cell = [], [], None
        self.feed(html)
        self.close()
        self.faults += [f'<{tag}> is not closed' for tag in self._open]

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        self.tags.append((tag, attrs))
        self.ids += [attrs['id']] if 'id' in attrs else []
        self.references += [(tag, attrs[a]) for a in ('href', 'src', 'xlink:href', 'aria-labelledby') if a in attrs]
        if tag == 'tr':
            self.rows.append([])
        if tag in ('td', 'th', 'h1', 'h2', 'text'):
            self._cell = ''
        if tag not in VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self._open.pop()

    def handle_endtag(self, tag):
        if not self._open or self._open[-1] != tag:
            self.faults.append(f'</{tag}> closes {self._open[-1:]} at {self.getpos()}')
            return
        self._open.pop()
        if tag in ('td', 'th'):
            self.rows[-1].append(self._cell)
        elif tag in ('h1', 'h2'):
            self.headings.append(self._cell)
        elif tag == 'text':
            self.labels.append(self._cell.strip())

    def handle_data(self, data):
        if self._cell is not None:
            self._cell += data

    def row(self, head: str) -> list[str]:
        """The cells of the first row with this heading."""
        return next(row[1:] for row in self.rows if row and row[0] == head)


def make_result(systems=('A', 'B'), langs=LANGS, dataset='mine', seed=0, **fields) -> Result:
    """A result with AP everywhere, RankDistance in the multilingual settings and blanks in the others."""
    rng = np.random.default_rng(seed)
    rows, blanks, matrix = [], [], []
    for system in systems:
        for ql in langs:
            for dl in (*langs, None):
                kind = 'multilingual' if dl is None else 'monolingual' if dl == ql else 'crosslingual'
                cell = (system, kind, ql, dl)
                rows += [(*cell, 'AP', f'q{i}', value) for i, value in enumerate(rng.random(3))]
                if dl is None:
                    rows += [(*cell, 'RankDistance', f'q{i}', v) for i, v in enumerate(rng.integers(1, 5000, 3))]
                else:
                    blanks.append((*cell, 'RankDistance', 'it compares languages'))
                    matrix.append((system, ql, dl, rng.integers(1, 3000), rng.random(), 3))
    frames = {
        'per_query': pd.DataFrame(rows, columns=[*CELL, 'qid', 'value']),
        'blanks': pd.DataFrame(blanks, columns=[*CELL, 'reason']),
        'matrix': pd.DataFrame(matrix, columns=['system', 'query_lang', 'doc_lang', 'rank', 'AP', 'n']),
        'provenance': {'versions': {'numpy': '1.2.3'}, 'dataset': {'passages': {'de': 1200}}},
    } | fields
    return Result(systems=list(systems), measures=['AP', 'RankDistance'], dataset=dataset, **frames)


def make_study(mixes, seeds=2, fractions=(1.0,)) -> pd.DataFrame:
    rng = np.random.default_rng(1)
    rows = [
        (f'mix{i}', *shares, fraction, seed, 'multilingual', measure, value)
        for i, shares in enumerate(mixes) for fraction in fractions for seed in range(seeds)
        for measure, value in (('AP', rng.random()), ('RankDistance', rng.integers(100, 900)))
    ]  # fmt: skip
    shares = ['monolingual', 'crosslingual', 'multilingual', 'mixed']
    return pd.DataFrame(rows, columns=['mix', *shares, 'fraction', 'seed', 'setting', 'measure', 'value'])


LINE = [(a, 1 - a, 0, 0) for a in (0, 0.5, 1)]
SIMPLEX = [*LINE, (0, 0, 1, 0), (0.5, 0, 0.5, 0), (0, 0.5, 0.5, 0)]


def make_significance() -> pd.DataFrame:
    return pd.DataFrame({
        'system': ['B'], 'baseline': ['A'], 'measure': ['AP'], 'setting': ['multilingual'], 'value': [0.6],
        'baseline_value': [0.5], 'difference': [0.1], 'low': [-0.02], 'high': [0.22], 'effect': [0.3],
        'p': [0.0004], 'p_corrected': [0.0123], 'significant': [True], 'n': [1190],
        'test': ['t'], 'correction': ['holm'], 'comparisons': [8], 'level': [0.95],
    })  # fmt: skip


def make_by_language() -> dict:
    rows = pd.concat([make_significance()] * 2).assign(query_lang=['de', 'xx'], better=True, significant=[True, False])
    rows = rows.assign(effect=[0.3, np.nan], p=[0.2, np.nan], low=[0.1, np.nan], comparisons=2)
    return {('B', 'A', 'AP', 'multilingual'): rows}


def make_equivalence() -> pd.DataFrame:
    return make_significance().rename(columns={'significant': 'equivalent'}).assign(margin=0.02, test='tost')


def everything() -> dict:
    return {
        'study': make_study(SIMPLEX, fractions=(0.1, 1.0)), 'significance': make_significance(),
        'by_language': make_by_language(), 'equivalence': make_equivalence(),
    }  # fmt: skip


@pytest.fixture(scope='module')
def whole(tmp_path_factory):
    """A report of everything there is: its path."""
    path = tmp_path_factory.mktemp('report') / 'new' / 'report.html'
    return write_report(make_result(), path, **everything())


@pytest.fixture(scope='module')
def page(whole):
    return Page(whole.read_text(encoding='utf-8'))


def test_page_is_well_formed_and_its_ids_are_unique(page):
    assert page.faults == []
    assert len(page.ids) == len(set(page.ids)) > 100
    assert dict(page.tags)['html'] == {'lang': 'en'}


def test_page_needs_nothing_but_itself(whole, page):
    html = whole.read_text(encoding='utf-8')
    assert not re.search(r'https?:|<script|@import|url\((?!#)|<img|<iframe| on\w+=', html)
    ids = set(page.ids)
    for tag, target in page.references:
        if target.startswith('#') or tag == 'svg':
            assert target.removeprefix('#') in ids, target
        elif tag == 'a':
            assert (whole.parent / target).stat().st_size > 100, target
        else:
            assert (tag, target) == ('link', 'data:,')
    assert all(reference in ids for reference in re.findall(r'url\(#([^)]+)\)', html))


def test_every_figure_is_an_svg_and_a_png_file(whole, page):
    figures = [attrs['id'] for tag, attrs in page.tags if tag == 'figure']
    files = sorted(path.name for path in (whole.parent / 'report_figures').iterdir())
    names = [f'{name.removeprefix("figure-")}.{kind}' for name in figures for kind in ('pdf', 'png', 'svg')]
    assert files == sorted([*names, 'figures.txt'])
    assert (whole.parent / 'report_figures' / 'ratio-ap-rankdistance.png').read_bytes().startswith(b'\x89PNG')
    assert '#00705a' in (whole.parent / 'report_figures' / 'ratio-ap-rankdistance.svg').read_text(encoding='utf-8')


def test_figures_follow_the_colours_of_the_page_and_are_described(page):
    figures = [attrs for tag, attrs in page.tags if tag == 'svg']
    assert figures and all(attrs['role'] == 'img' and attrs['aria-labelledby'] in page.ids for attrs in figures)
    styles = {attrs.get('style', '') for tag, attrs in page.tags if tag in ('path', 'text', 'use')}
    assert any('var(--series-2)' in style for style in styles) and any('currentColor' in style for style in styles)
    assert not any(colour in style for style in styles for colour in ('#00705a', '#1b1c1f', '#c9ccd1'))


def test_headings_of_tables_say_what_they_head(page):
    assert all(attrs.get('scope') in ('col', 'row', 'colgroup', 'rowgroup') for tag, attrs in page.tags if tag == 'th')


def test_all_parts_are_there_and_named_in_the_contents(page):
    assert page.headings == [
        'Retrieval across languages: mine', 'The ratio of monolingual and cross-lingual batches',
        'Effectiveness and language bias', 'Significance', 'Significance by question language', 'Equivalence',
        'The amount of training data', 'Three kinds of batches',
        'Every mix', 'Language by language', 'Rank distance by language', 'Tables by question language',
        'Configuration and versions',
    ]  # fmt: skip


def test_numbers_are_those_of_the_result(page):
    table = make_result().table()
    for system, values in table.iterrows():
        shown = [f'{v:,.0f}' if measure == 'RankDistance' else f'{v:.3f}' for (measure, _), v in values.items()]
        assert page.row(system) == shown


def test_significance_is_shown_with_sign_interval_and_probabilities(page):
    assert ['B', '0.600', '0.500', '+0.100*', '−0.020 to +0.220', '0.30', '< 0.001', '0.012', '1,190'] in page.rows


def test_configuration_is_shown(whole):
    html = whole.read_text(encoding='utf-8')
    assert '<dt>numpy</dt><dd>1.2.3</dd>' in html and '<dt>passages</dt><dd>de 1,200</dd>' in html


def test_same_input_gives_the_same_bytes(whole, tmp_path):
    again = write_report(make_result(), tmp_path / 'report.html', **everything())
    first = {p.relative_to(whole.parent): p.read_bytes() for p in whole.parent.rglob('*.*')}
    second = {p.relative_to(tmp_path): p.read_bytes() for p in tmp_path.rglob('*.*')}
    assert again.exists() and first == second


def test_what_is_not_there_leaves_its_part_out(tmp_path):
    result = make_result()
    only_ap = result.per_query[
        (result.per_query['measure'] == 'AP') & (result.per_query['setting'] == 'monolingual')
    ]
    bare = dataclasses.replace(
        result, per_query=only_ap, matrix=result.matrix.iloc[:0], provenance={}, blanks=result.blanks.iloc[:0]
    )
    path = write_report(bare, tmp_path / 'bare.html')
    page = Page(path.read_text(encoding='utf-8'))
    assert page.headings[1:] == ['Effectiveness and language bias', 'Tables by question language']
    assert not (tmp_path / 'bare_figures').exists()


def test_what_an_earlier_report_left_over_is_deleted(tmp_path):
    path, folder = tmp_path / 'report.html', tmp_path / 'report_figures'
    write_report(make_result(('A', 'B')), path, significance=make_significance())
    (folder / 'mine.txt').write_text('mine')
    before = {file.name for file in folder.iterdir()}
    page = Page(write_report(make_result(('C',)), path).read_text(encoding='utf-8'))
    shown = {Path(target).name for tag, target in page.references if tag == 'a' and not target.startswith('#')}
    assert {file.name for file in folder.iterdir()} == {*shown, 'figures.txt', 'mine.txt'} != before
    write_report(None, path, study=make_study(LINE))
    assert not any('by-language' in file.name for file in folder.iterdir()) and (folder / 'mine.txt').exists()


def test_a_file_that_no_report_wrote_is_not_written_over(tmp_path):
    path, folder = tmp_path / 'report.html', tmp_path / 'report_figures'
    folder.mkdir()
    (folder / 'ratio-ap-rankdistance.svg').write_text('mine')
    with pytest.raises(FileExistsError, match=r'ratio-ap-rankdistance\.svg was not written by a report; move it'):
        write_report(None, path, study=make_study(LINE))
    assert [file.name for file in folder.iterdir()] == ['ratio-ap-rankdistance.svg'] and not path.exists()


def test_a_folder_goes_with_its_last_figure(tmp_path):
    path, folder = tmp_path / 'report.html', tmp_path / 'report_figures'
    write_report(None, path, study=make_study(LINE))
    (folder / 'figures.txt').write_text((folder / 'figures.txt').read_text() + '../report.html\n')
    write_report(None, path, study=make_study(SIMPLEX[3:4]))
    assert not folder.exists() and path.exists()


@pytest.mark.parametrize('names', [('xquad_t0.05', 'xquad_t0.10'), ('a.html', 'a.htm'), ('a.html', 'a.html.html')])
def test_pages_beside_one_another_have_folders_of_their_own(tmp_path, names):
    for name in names:
        write_report(None, tmp_path / name, study=make_study(LINE))
    folders = [path for path in tmp_path.iterdir() if path.is_dir()]
    assert len(folders) == 2 and all((folder / 'ratio-ap-rankdistance.svg').is_file() for folder in folders)
    for name in names:
        links = [target for tag, target in Page((tmp_path / name).read_text()).references if tag == 'a']
        assert all((tmp_path / link).is_file() for link in links if not link.startswith('#'))


def test_measures_that_differ_in_punctuation_alone_have_figures_of_their_own(tmp_path):
    measures = ['P@10', 'AP(rel=1)', 'AP(rel=-1)', 'AP']
    rows = [make_study(LINE).query("measure == 'AP'").assign(measure=measure) for measure in measures]
    path = write_report(None, tmp_path / 'r.html', study=pd.concat(rows, ignore_index=True))
    page = Page(path.read_text(encoding='utf-8'))
    assert page.faults == [] and len(page.ids) == len(set(page.ids))
    names = {'ratio-p-10', 'ratio-ap-rel-1', 'ratio-ap-rel-1-2', 'ratio-ap'}
    assert {file.stem for file in (tmp_path / 'r_figures').glob('*.svg')} == names
    assert 'AP(rel=-1)' in (tmp_path / 'r_figures' / 'ratio-ap-rel-1-2.svg').read_text(encoding='utf-8')


def test_study_alone_makes_a_report(tmp_path):
    study = StudyResult(make_study(LINE, 1), {}, 'mine', ['AP', 'RankDistance'], {'made_with': {'steps': 400}})
    html = write_report(None, tmp_path / 'study.html', study=study).read_text(encoding='utf-8')
    page = Page(html)
    assert page.faults == [] and '<dd>steps 400</dd>' in html
    assert page.headings == [
        'Retrieval across languages: mine', 'The ratio of monolingual and cross-lingual batches', 'Every mix',
        'Configuration and versions',
    ]  # fmt: skip
    values = study.values.query('measure == "AP"').set_index('monolingual')['value']
    assert page.row('mix1 (50% monolingual, 50% cross-lingual)')[0] == f'{values[0.5]:.3f}'
    table = write_report(None, tmp_path / 'table.html', study=study.values).read_text(encoding='utf-8')
    assert Page(table).headings == ['Retrieval across languages', *page.headings[1:-1]]


def test_a_language_without_evaluated_questions_is_counted(tmp_path):
    result = make_result()
    kept = result.per_query[result.per_query['query_lang'] != 'hi'].astype({'query_lang': 'category'})
    text = write_report(dataclasses.replace(result, per_query=kept), tmp_path / 'page.html').read_text(encoding='utf-8')
    assert 'with 0 to 3 evaluated questions in each of 3 languages' in text


def test_names_of_systems_are_text(tmp_path):
    names = ['<b>&"id="x"', 'a $x$ url(#p) #0b62a4', '_under', 'long' * 20, '']
    result = make_result(names)
    path = write_report(dataclasses.replace(result, matrix=result.matrix.iloc[:0]), tmp_path / 'report.html')
    html = path.read_text(encoding='utf-8')
    page = Page(html)
    assert page.faults == [] and '<b>' not in html and len(page.ids) == len(set(page.ids))
    for name in names:
        assert len(page.row(name)) == 4
    assert set(names[:3]) < set(page.labels)  # in the legend of rank distances
    assert 'longlonglonglong…onglonglonglong' in page.labels


def test_systems_whose_names_make_the_same_file_name_keep_their_figures(tmp_path):
    path = write_report(make_result(('a/b', 'a b')), tmp_path / 'report.html')
    assert len(list((tmp_path / 'report_figures').glob('ap-by-language-*-a-b.svg'))) == 2
    assert Page(path.read_text(encoding='utf-8')).faults == []


def test_refusals(tmp_path):
    result, study = make_result(), make_study(LINE)
    path = tmp_path / 'report.html'
    with pytest.raises(ValueError, match='there is nothing to report: give results, a study, or both'):
        write_report(None, path)
    with pytest.raises(TypeError, match='results is a dict; give the Result'):
        write_report({}, path)
    with pytest.raises(TypeError, match='study is a str; give the StudyResult of ratio_study'):
        write_report(None, path, study='studies/line')
    with pytest.raises(ValueError, match=r'is a folder; give a file in it, such as .*report.html'):
        write_report(result, tmp_path)
    with pytest.raises(ValueError, match='significance has no column baseline, difference'):
        write_report(result, path, significance=make_significance().drop(columns=['baseline', 'difference']))
    with pytest.raises(ValueError, match='by_language has no column query_lang'):
        write_report(result, path, by_language={('B', 'A', 'AP', 'multilingual'): make_significance()})
    with pytest.raises(ValueError, match='equivalence has no column margin, equivalent; give the table of equivalence'):
        write_report(result, path, equivalence=make_significance())
    with pytest.raises(ValueError, match='the study has no column seed; its columns are mix, monolingual'):
        write_report(result, path, study=study.drop(columns='seed'))
    with pytest.raises(ValueError, match='the study has no column mix; its columns'):
        write_report(result, path, study=make_study(LINE, fractions=(0.1, 1.0)).drop(columns='mix'))
    with pytest.raises(ValueError, match='the study has no rows; give study=None'):
        write_report(result, path, study=study.iloc[:0])
    with pytest.raises(ValueError, match=r'shares of a mix sum to 1; row 0 .* crosslingual 1, .* mixed 0.5'):
        write_report(result, path, study=study.assign(mixed=0.5))
    assert list(tmp_path.iterdir()) == []


def test_without_matplotlib_it_says_how_to_get_it(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, 'matplotlib', None)
    with pytest.raises(ImportError, match=r"need matplotlib; install it with pip install 'pyterrier-hybrid\[report\]'"):
        write_report(make_result(), tmp_path / 'report.html')
    assert list(tmp_path.iterdir()) == []
