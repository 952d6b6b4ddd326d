"""Names that are markup, formulas or not printable: every string that a loaded result can carry stays text."""
import dataclasses
import io
from collections import Counter
from html.parser import HTMLParser
from xml.etree import ElementTree

import pandas as pd
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pyterrier_hybrid.experiment import Result
from pyterrier_hybrid.experiment.exports import csv, html, latex, markdown, text
from pyterrier_hybrid.experiment.presentation import one_line
from pyterrier_hybrid.experiment.report import page, write_report
from pyterrier_hybrid.experiment.result import BLANK_COLUMNS, COLUMNS, MATRIX_COLUMNS
from pyterrier_hybrid.experiment.rows import summary_table

SCRIPT = '"><script>alert(1)</script><img src=x onerror=alert(1)>'
HOSTILE = [
    SCRIPT, "' onmouseover='alert(1)", '&lt;b&gt;', ']]>', '{{ 7 * 7 }}', 'a\n\\input{/etc/passwd}', '=cmd|calc',
    '$x^2$', '_under', '\x00\x1b[31m', '\u202efdp', 'x' * 500, '', '..', '| --- |', '**b**', '# head',
    '[a](javascript:x)',
]  # fmt: skip


def result(system: str, lang: str, measure: str, other: str, key: str, value: object) -> Result:
    """A result of two systems and two languages, whose first ones have the given names."""
    rows = [
        (name, kind, ql, dl, measure, f'q{i}', 0.25 * i)
        for name in (system, 'plain') for ql in (lang, 'en') for i in range(3)
        for kind, dl in (('monolingual', ql), ('crosslingual', 'en' if ql == lang else lang), ('multilingual', None))
        if (name, kind) != ('plain', 'monolingual')
    ]  # fmt: skip
    blanks = [('plain', 'monolingual', ql, ql, measure, other) for ql in (lang, 'en')]
    matrix = [(name, ql, dl, 3.5, 0.5, 1) for name in (system, 'plain') for ql in (lang, 'en') for dl in (lang, 'en')]
    return Result(
        pd.DataFrame(rows, columns=COLUMNS), [system, 'plain'], [measure], other,
        blanks=pd.DataFrame(blanks, columns=BLANK_COLUMNS), matrix=pd.DataFrame(matrix, columns=MATRIX_COLUMNS),
        chance=pd.DataFrame([(measure, lang, 0.5)], columns=['measure', 'query_lang', 'value']), cut={system: 7},
        notes=[other], provenance={'a': {key: value, 'b': [other]}},
    )  # fmt: skip


PLAIN = result('aaa', 'de', 'AP', 'why', 'key', 'value')
TESTS = PLAIN.compare('plain'), PLAIN.compare_by_language('plain'), PLAIN.equivalence('plain', margin=0.1)


def shown(found: Result) -> str:
    """The page of a result and of its tests, but for its figures."""
    names = {'aaa': found.systems[0], 'de': found.matrix['query_lang'].iloc[0], 'AP': found.measures[0]}
    tests = [frame.assign(**{
        name: frame[name].replace(names) for name in ('system', 'measure', 'query_lang') if name in frame
    }) for frame in TESTS]  # fmt: skip
    sections = page._of_result(found) + page._of_tests(*tests, found.dataset)
    sections.append(page.Section('configuration', 'Configuration', records={'The experiment': found.provenance}))
    sections = [dataclasses.replace(section, figures=[]) for section in sections]
    return page.rendered(found.dataset, sections, 'figures')


class Tags(HTMLParser):
    """How often each tag with its attributes' names occurs, and all text and all attributes' values."""

    def __init__(self, markup: str):
        super().__init__(convert_charrefs=True)
        self.tags, self.texts = Counter(), []
        self.feed(markup)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags[(tag, *sorted(name for name, _ in attrs))] += 1
        self.texts += [value for name, value in attrs if name in ('title', 'aria-label')]

    def handle_data(self, data):
        self.texts.append(data)


NAMES = st.one_of(st.sampled_from(HOSTILE), st.text(max_size=30))
BENIGN = Tags(shown(PLAIN)).tags


@settings(max_examples=25, deadline=None)
@given(system=NAMES, lang=NAMES, other=NAMES, key=NAMES, value=NAMES | st.just('\ud800'))
@example(SCRIPT, SCRIPT, SCRIPT, SCRIPT, SCRIPT)
def test_a_page_has_the_same_elements_whatever_the_names(system, lang, other, key, value):
    if system == 'plain' or lang == 'en' or key == 'b':
        return
    found = Tags(shown(result(system, lang, 'AP', other, key, value)))
    everything = ' '.join(found.texts)
    if other.strip() and lang.strip():  # an empty text has no element
        assert found.tags == BENIGN
    for name in (system, lang, other, key, value):
        assert one_line(name) in everything


@pytest.mark.parametrize('measure', [SCRIPT, 'R@"x"', 'AP(' * 200, '\x00', 'RankDistance(langs=Languages(ab12))'])
def test_the_name_of_a_measure_may_be_any_text(measure):
    found = Tags(shown(result('a', 'de', measure, 'why', 'key', 'value')))
    assert found.tags['script',] == 0 and found.tags['img', 'onerror', 'src'] == 0
    assert one_line(measure) in ' '.join(found.texts)


@pytest.mark.parametrize('name', HOSTILE)
def test_exports_keep_their_rows(name):
    plain, found = (result(system, 'de', 'AP', 'why', 'key', 'v') for system in ('aaa', name))
    for render in (markdown, latex, text):
        assert len(render(summary_table(found)).splitlines()) == len(render(summary_table(plain)).splitlines())
    assert sum(line.startswith('|') for line in markdown(summary_table(found)).splitlines()) == 5
    rows = pd.read_csv(io.StringIO(csv(found)), keep_default_na=False)
    assert len(rows) == len(pd.read_csv(io.StringIO(csv(plain))))
    assert not any(str(cell).startswith(('=', '+', '-', '@')) for cell in rows['system'])
    assert '<script' not in html(summary_table(found))


def test_exports_by_hand():
    lines = markdown(summary_table(result('a|b\n<i>_x_ *y*', 'de', 'AP', 'why', 'k', 'v'))).splitlines()
    assert lines[4].startswith(r'| a\|b \<i\>\_x\_ \*y\* † |')
    lines = latex(summary_table(result('[1ex] a_b\n%*', 'de', 'AP', 'w\n\\input{x}', 'k', 'v'))).splitlines()
    assert r'{[}1ex{]} a\_b \%{*} \dag{} & ' in lines[-5]
    assert all(line.startswith('%') for line in lines[: lines.index(r'\toprule') - 1])
    lines = csv(result('=cmd|calc', 'de', 'AP', '@why', 'k', 'v')).splitlines()
    assert lines[1].startswith("'=cmd|calc,monolingual,de") and any(line.endswith("'@why") for line in lines)


def test_figures_are_well_formed_and_their_files_have_short_names(tmp_path):
    pytest.importorskip('matplotlib')
    found = result(SCRIPT + '\x00]]>' + 'x' * 500, 'a\n<b>', 'AP', 'set & <c>', 'k', 'v')
    path = write_report(found, tmp_path / 'r#1.html', significance=found.compare('plain'))
    tags = Tags(path.read_text(encoding='utf-8')).tags
    assert tags['script',] == 0 and not any(name[:2] == 'on' for _, *names in tags for name in names)
    files = list((tmp_path / 'r#1_figures').glob('*.svg'))
    assert len(files) == 5 and all(len(file.name) < 100 for file in files)
    for file in files:
        texts = ' '.join(ElementTree.parse(file).getroot().itertext())
        assert 'Data set: set & <c>' in ' '.join(texts.split())
    assert 'href="r%231_figures/' in path.read_text(encoding='utf-8')
