"""Blank cells: marked, explained, and never a zero."""
import pandas as pd

from pyterrier_hybrid.experiment.report.blanks import BlankNotes
from pyterrier_hybrid.experiment.report.main_table import main_table
from pyterrier_hybrid.experiment.result import BLANK_COLUMNS, COLUMNS, Result

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


def test_blank_cells_link_to_their_reason():
    notes = BlankNotes(result())
    table = main_table(result(), notes)
    a, b = (row for row in table.split('<tr>') if row.startswith('<th scope="row">'))
    assert a.count('0.000') == 2 and 'blank' not in a.replace('#blank-2', '')  # a true zero is a zero
    assert '<sup><a href="#blank-2">[2]</a></sup>' in a  # its cross-lingual mean lacks a setting
    assert b.count('<td class="blank">blank<sup><a href="#blank-1">[1]</a></sup></td>') == 2
    assert '0.000' not in b and '0.250' in b


def test_notes_say_where_and_why():
    html = BlankNotes(result()).html()
    assert (
        '<li id="blank-1">A run over everything cannot be cut down to a language: AP in 2 monolingual and 2 '
        'cross-lingual settings of B.</li>'
    ) in html
    assert (
        '<li id="blank-2">No question has a relevant passage in &lt;el&gt;: AP in 1 cross-lingual setting of A.</li>'
    ) in html


def test_cells_without_a_reason_were_not_evaluated():
    notes = BlankNotes(result(blanks=False))
    assert notes.html() == ''
    assert main_table(result(blanks=False), notes).count('<td class="blank">not evaluated</td>') == 2


def test_all_systems_are_called_so():
    blanks = result().blanks
    both = pd.concat([blanks, blanks.assign(system='A')]).drop_duplicates()
    both = both[both['reason'] == NO_POOL]
    assert 'settings of all systems.' in BlankNotes(Result(result().per_query, ['A', 'B'], ['AP'], 'm', both)).html()
