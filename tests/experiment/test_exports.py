"""Tables as text, by hand, and one Parquet file."""
import dataclasses
import io

import pandas as pd
import pytest

from pyterrier_hybrid.experiment.exports import aligned, html, text
from pyterrier_hybrid.experiment.rows import summary_table


def test_text_for_a_terminal(make_result):
    table = summary_table(make_result())
    assert text(table, 80) == '''\
mine: means over the settings of each kind (AP: higher is better; RankDistance: lower is better)

              AP                  RankDistance     LPR
System     Mono.  Cross.  Multi.        Multi.  Multi.
a          0.250   0.750   0.400            12   1.000
b †                        0.500            20   0.500
by chance                                1,234   0.500
a, AP Mono.: the mean over 1 of 2 settings, because nothing asked.
b, AP Mono., AP Cross.: blank, because a ranking of the whole pool.
† The runs were cut (b at 7 passages): compare rank distances with those of whole rankings at a common depth only, as by RankDistance@7.
b was cut.'''  # noqa: E501
    assert text(table, 40).splitlines()[6:9] == [
        '           RankDistance     LPR', 'System           Multi.  Multi.', 'a                    12   1.000'
    ]  # fmt: skip
    assert sum(line.startswith('by chance') for line in text(table, 40).splitlines()) == 1  # AP has none


def test_aligned_columns():
    assert aligned([['name', 'n'], ['a', '10'], ['longer', '']]) == 'name     n\na       10\nlonger'


def test_markdown(make_result):
    assert make_result().to_markdown() == '''\
|           | AP Mono. | AP Cross. | AP Multi. | RankDistance Multi. | LPR Multi. |
| --------- | -------: | --------: | --------: | ------------------: | ---------: |
| a         |    0.250 |     0.750 |     0.400 |              **12** |      1.000 |
| b †       |          |           | **0.500** |                  20 |      0.500 |
| by chance |          |           |           |               1,234 |      0.500 |

a, AP Mono.: the mean over 1 of 2 settings, because nothing asked.

b, AP Mono., AP Cross.: blank, because a ranking of the whole pool.

† The runs were cut (b at 7 passages): compare rank distances with those of whole rankings at a common depth only, as by RankDistance@7.

b was cut.
'''  # noqa: E501


def test_markdown_has_no_mathematics(make_result):
    assert r'\$x\$ US\$' in make_result(systems=('$x$ US$', 'b')).to_markdown()


def test_latex(make_result):
    assert make_result(systems=('a', 'b_50%')).to_latex(['AP', 'RankDistance']) == r'''% a, AP Mono.: the mean over 1 of 2 settings, because nothing asked.
% b_50%, AP Mono., AP Cross.: blank, because a ranking of the whole pool.
% † The runs were cut (b_50% at 7 passages): compare rank distances with those of whole rankings at a common depth only, as by RankDistance@7.
% b was cut.
\begin{tabular}{lrrrr}
\toprule
 & \multicolumn{3}{c}{AP} & \multicolumn{1}{c}{RankDistance} \\
\cmidrule(lr){2-4} \cmidrule(lr){5-5}
 & Mono. & Cross. & Multi. & Multi. \\
\midrule
a & 0.250 & 0.750 & 0.400 & \textbf{12} \\
b\_50\% \dag{} &  &  & \textbf{0.500} & 20 \\
by chance &  &  &  & 1,234 \\
\bottomrule
\end{tabular}
'''  # noqa: E501


def test_one_heading_row_where_it_suffices(make_result):
    lines = make_result().to_latex(['RankDistance', 'LPR']).splitlines()
    assert r' & RankDistance Multi. & LPR Multi. \\' in lines and not any('multicolumn' in line for line in lines)
    lines = make_result().to_latex('AP').splitlines()
    assert lines[0] == '% mine: means over the settings of each kind, AP, higher is better'
    assert r' & Mono. & Cross. & Multi. \\' in lines
    page = html(summary_table(make_result(), ['RankDistance', 'LPR']))
    assert page.count('<tr>') == 1 + 3 and 'RankDistance, <abbr title="Multilingual">Multi.</abbr>' in page
    page = html(summary_table(make_result(), ['AP']))
    assert page.count('<tr>') == 1 + 2
    assert '<caption><span>mine: means over the settings of each kind, AP, higher is better</span>' in page


def test_a_measure_without_any_value_is_said_to_be_blank(make_result):
    """Its columns are left out, and the reason is not."""
    result = make_result()
    rows, reason = result.per_query, 'all that is relevant is in one language'
    blanks = [(s, 'multilingual', 'de', None, 'LPR', reason) for s in 'ab']
    silent = dataclasses.replace(
        result, per_query=rows[rows['measure'] != 'LPR'],
        blanks=pd.concat([result.blanks, pd.DataFrame(blanks, columns=result.blanks.columns)]),
    )  # fmt: skip
    lines = silent.to_markdown().splitlines()
    assert 'LPR' not in lines[0]
    assert f'a, b, LPR Multi.: blank, because {reason}.' in lines
    assert 'a, b, LPR Mono.: blank, because it compares languages.' in lines
    assert not any('LPR' in line for line in silent.to_markdown('AP').splitlines())


def test_a_result_of_blanks_alone_is_its_reasons(make_result):
    result = make_result()
    nothing = dataclasses.replace(result, per_query=result.per_query.iloc[:0], notes=[])
    assert 'b, AP Mono., AP Cross.: blank, because a ranking of the whole pool.' in nothing.to_markdown('AP')
    assert r'\begin{tabular}{l}' in nothing.to_latex('AP')


def test_by_question_language(make_result):
    assert make_result().to_markdown('LPR', setting='multilingual').splitlines()[:6] == [
        'LPR, multilingual, by the language of the questions',
        '',
        '|           |    de |  mean |',
        '| --------- | ----: | ----: |',
        '| a         | 1.000 | 1.000 |',
        '| b †       | 0.500 | 0.500 |',
    ]
    with pytest.raises(ValueError, match='a table by question language is of one measure; name it'):
        make_result().to_latex(setting='multilingual')
    with pytest.raises(ValueError, match="the result has no measure 'P'"):
        make_result().to_latex('P')


def test_what_is_printed_alike_is_marked_alike(make_result):
    lines = make_result(ap_of_b=0.40004).to_markdown('AP').splitlines()
    assert '**' not in ''.join(lines)


def test_csv_has_every_cell(make_result, tmp_path):
    result = make_result()
    text = result.to_csv(tmp_path / 'cells.csv')
    assert (tmp_path / 'cells.csv').read_bytes() == text.encode()
    cells = pd.read_csv(io.StringIO(text))
    assert len(cells) == len(result.by_setting()) + len(result.blanks)
    assert cells['value'].isna().tolist() == cells['reason'].notna().tolist()
    assert cells['system'].is_monotonic_increasing
    first = cells.iloc[0]
    assert (first['setting'], first['query_lang'], first['value'], first['n']) == ('monolingual', 'de', 0.25, 2)
