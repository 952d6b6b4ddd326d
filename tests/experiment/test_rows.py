"""Results as tables: what is best, and blank cells, which are marked, explained, and never a zero."""
import dataclasses

import pandas as pd
import pytest

from pyterrier_hybrid.experiment.exports import html
from pyterrier_hybrid.experiment.paper import paper_results
from pyterrier_hybrid.experiment.result import BLANK_COLUMNS, COLUMNS, MATRIX_COLUMNS, Result
from pyterrier_hybrid.experiment.rows import language_table, summary_table, tidy_cells

NO_POOL = 'a run over everything cannot be cut down to a language'
NO_ANSWER = 'no question has a relevant passage in <el>'


def result(blanks=True) -> Result:
    """System A has everything but de over el; system B has the multilingual settings alone."""
    langs, rows, missing = ('de', 'el'), [], []
    for ql in langs:
        for dl in langs:
            kind = 'monolingual' if ql == dl else 'crosslingual'
            if (ql, dl) == ('de', 'el'):
                missing.append(('A', kind, ql, dl, 'AP', NO_ANSWER))
            else:
                rows.append(('A', kind, ql, dl, 'AP', 'q1', 0.0))
            missing.append(('B', kind, ql, dl, 'AP', NO_POOL))
        rows += [(system, 'multilingual', ql, None, 'AP', 'q1', 0.25) for system in 'AB']
    frame = pd.DataFrame(missing if blanks else [], columns=BLANK_COLUMNS)
    return Result(pd.DataFrame(rows, columns=COLUMNS), ['A', 'B'], ['AP'], 'mine', frame)


def cells(table) -> dict[str, list]:
    return dict(table.rows())


def test_blank_cells_name_their_reason():
    table = summary_table(result())
    a, b = cells(table)['A'], cells(table)['B']
    assert [(cell.text, cell.note) for cell in a] == [('0.000', 0), ('0.000', 2), ('0.250', 0)]  # a zero is a zero
    assert [(cell.text, cell.blank, cell.note) for cell in b] == [
        ('', 'blank', 1), ('', 'blank', 1), ('0.250', '', 0)
    ]  # fmt: skip
    assert table.notes == [
        f'B, AP Mono., AP Cross.: blank, because {NO_POOL}.',
        f'A, AP Cross.: the mean over 1 of 2 settings, because {NO_ANSWER}.',
    ]


@pytest.mark.parametrize('measure, strong', [('AP', 'A'), ('RankDistance', 'B')])
def test_the_best_of_negative_values(measure, strong):
    """Measures of users may have them."""
    rows = [(system, 'multilingual', 'de', None, measure, 'q1', value) for system, value in (('A', -1.0), ('B', -3.0))]
    blanks = pd.DataFrame([], columns=BLANK_COLUMNS)
    table = summary_table(Result(pd.DataFrame(rows, columns=COLUMNS), ['A', 'B'], [measure], 'mine', blanks))
    assert [name for name, row in cells(table).items() if any(cell.strong for cell in row)] == [strong]


def test_a_page_shows_blanks_and_escapes_reasons():
    page = html(summary_table(result()))
    assert page.count('<td class="blank">blank<sup>[1]</sup></td>') == 2
    assert '<li>A, AP Cross.: the mean over 1 of 2 settings, because no question has' in page
    assert '&lt;el&gt;' in page and '<el>' not in page


def test_cells_without_a_reason_were_not_evaluated():
    table = summary_table(result(blanks=False))
    assert table.notes == []
    assert [cell.blank for cell in cells(table)['B']] == ['not evaluated', 'not evaluated', '']


def test_systems_of_which_the_same_is_true_share_a_note():
    blanks = result().blanks
    blanks = blanks[blanks['reason'] == NO_POOL]
    both = Result(
        result().per_query.query("setting == 'multilingual'"), ['A', 'B'], ['AP'], 'm',
        pd.concat([blanks.assign(setting='multilingual', system=system) for system in 'AB']),
    )  # fmt: skip
    assert summary_table(both).notes == [f'A, B, AP Multi.: the mean over 2 of 6 settings, because {NO_POOL}.']


def test_a_mean_over_languages_says_which_it_leaves_out():
    table = language_table(result(), 'AP', 'crosslingual')
    assert [column.name for column in table.columns] == ['el', 'mean']
    assert f'B, de, el: blank, because {NO_POOL}.' in table.notes
    some = Result(
        pd.DataFrame([
            ('A', 'multilingual', 'de', None, 'AP', 'q', 0.5), ('B', 'multilingual', 'de', None, 'AP', 'q', 0.25),
            ('A', 'multilingual', 'el', None, 'AP', 'q', 0.75),
        ], columns=COLUMNS), ['A', 'B'], ['AP'], 'mine',
        pd.DataFrame([('B', 'multilingual', 'el', None, 'AP', 'it broke')], columns=BLANK_COLUMNS),
    )  # fmt: skip
    table = language_table(some, 'AP', 'multilingual')
    assert [(cell.text, cell.strong) for cell in cells(table)['A']] == [
        ('0.500', True), ('0.750', False), ('0.625', True)
    ]  # fmt: skip
    assert [(cell.text, cell.note) for cell in cells(table)['B']] == [('0.250', 0), ('', 1), ('0.250', 1)]
    assert table.notes == ['B, el: blank, because it broke.']


def test_the_mean_of_a_table_by_language_weighs_settings_equally():
    """Two settings in de and one in el: the summary's figure, and not a mean of the languages' means."""
    rows = [('A', 'crosslingual', ql, dl, 'AP', 'q', value)
            for ql, dl, value in (('de', 'el', 0.0), ('de', 'en', 0.3), ('el', 'de', 0.9))]  # fmt: skip
    found = Result(pd.DataFrame(rows, columns=COLUMNS), ['A'], ['AP'], 'mine')
    by_language = cells(language_table(found, 'AP', 'crosslingual'))['A']
    assert [cell.text for cell in by_language] == ['0.150', '0.900', '0.400']
    assert cells(summary_table(found))['A'][0].text == '0.400'


XQUAD_R = ('ar', 'de', 'el', 'en', 'es', 'hi', 'ru', 'th', 'tr', 'vi', 'zh')


def of_the_paper(langs=XQUAD_R, dataset='xquad-r') -> Result:
    rows = [('mine', 'multilingual', lang, None, m, 'q', 0.5) for lang in langs for m in ('AP', 'RankDistance')]
    rows += [('mine', 'monolingual', lang, lang, 'AP', 'q', 0.5) for lang in langs]
    return Result(pd.DataFrame(rows, columns=COLUMNS), ['mine'], ['AP', 'RankDistance'], dataset)


def test_paper_stands_beside_its_own_data_set():
    table = summary_table(of_the_paper(), paper=True)
    assert [block.heading for block in table.blocks] == ['This experiment', 'The paper (arXiv 2408.10536)']
    assert [cell.text for cell in cells(table)['XLM-R, hybrid']] == ['0.798', '0.593', '287']
    assert [cell.text for cell in cells(table)['LaBSE, X-X-mono']] == ['0.808', '0.652', '262']
    facts = paper_results().query("dataset == 'xquad-r' and init == 'xlm-r' and batching == 'mono'")
    facts = facts.query("setting == 'multilingual'").set_index(['measure', 'query_lang'])
    for measure, shown in (('AP', '{:.3f}'), ('RankDistance', '{:,.0f}')):
        row = cells(language_table(of_the_paper(), measure, 'multilingual', paper=True))['XLM-R, X-X-mono']
        assert [row[7].text, row[11].text] == [
            shown.format(facts['value'][measure, lang]) for lang in ('th', 'mean')
        ]  # fmt: skip


@pytest.mark.parametrize(('dataset', 'langs'), [('xquad-r', XQUAD_R[:5]), ('worldfacts', XQUAD_R)])
def test_paper_does_not_stand_beside_another_task(dataset, langs):
    assert len(summary_table(of_the_paper(langs, dataset), paper=True).blocks) == 1
    assert len(language_table(of_the_paper(langs, dataset), 'AP', 'multilingual', paper=True).blocks) == 1


def test_cut_systems_are_marked_and_explained():
    cut = dataclasses.replace(of_the_paper(), cut={'mine': 1000})
    for table in (summary_table(cut), language_table(cut, 'AP', 'monolingual')):
        assert [label for label, _ in table.rows()] == ['mine †']
        assert table.notes[0].startswith('† The runs were cut (mine at 1,000 passages)')
    cells = tidy_cells(cut)
    assert set(cells['cut'][cells['setting'] == 'multilingual']) == {1000}
    assert cells['cut'][cells['setting'] == 'monolingual'].isna().all()


@pytest.mark.parametrize(('cut', 'said'), [
    ({'mine': 0}, '(mine at 0 passages): compare rank distances with those of whole rankings at a common depth only.'),
    ({'mine': 0, 'yours': 7, 'theirs': 9}, 'at a common depth only, as by RankDistance@7.'),
])  # fmt: skip
def test_a_system_that_returned_nothing_has_no_depth_to_compare_at(cut, said):
    assert summary_table(dataclasses.replace(of_the_paper(), cut=cut)).notes[0].endswith(said)


@pytest.mark.parametrize(('known', 'said'), [
    (['de', 'en', 'fr', 'th'], 'R@1 is at most 1/4, 0.250, for a question with a relevant passage in each of 4'),
    (['de'], ''),  # as in MIRACL
])  # fmt: skip
def test_the_limit_of_recall_is_by_the_languages_of_the_passages(known, said):
    rows = [('mine', 'multilingual', lang, None, 'R@1', 'q', 0.05) for lang in ('de', 'en')]
    matrix = pd.DataFrame([('mine', 'de', lang, 1.5, 0.5, 2) for lang in known], columns=MATRIX_COLUMNS)
    found = Result(pd.DataFrame(rows, columns=COLUMNS), ['mine'], ['R@1'], 'mine', matrix=matrix)
    notes = summary_table(found).notes
    assert bool(notes) is bool(said) and ''.join(notes).startswith(said)


@pytest.mark.parametrize(('measure', 'said'), [
    ('R@1', 'R@1 is at most 1/11, 0.091, for a question with a relevant passage in each of 11 languages; nDCG@1 and'),
    ('R@11', ''), ('nDCG@10', ''), ('AP', ''), ('RankDistance(complete=True)@100', ''),
    ('RankDistance@100', 'RankDistance@100 falls from 100 to as little as 1 when the first relevant passage enters the '
     'first 100: read it beside R@100, or RankDistance(complete=True)@100, over questions with every language found.'),
])  # fmt: skip
def test_what_limits_a_measure_is_said(measure, said):
    rows = [('mine', 'multilingual', lang, None, measure, 'q', 0.05) for lang in XQUAD_R]
    found = Result(pd.DataFrame(rows, columns=COLUMNS), ['mine'], [measure], 'xquad-r')
    for table in (summary_table(found), language_table(found, measure, 'multilingual')):
        assert bool(table.notes) is bool(said) and ''.join(table.notes).startswith(said)
