"""pyterrier-hybrid measure: values as ir_measures has them, by name, for files and data sets."""
import subprocess
import sys

import ir_measures
import pytest
from ir_measures import AP

from pyterrier_hybrid import MultilingualIndex
from pyterrier_hybrid.cli import main
from pyterrier_hybrid.measures import AWRF, Languages, RankDistance

QRELS = 'q1 de d1 1\nq1 en e1 1\nq2 de d2 1\nq2 en e2 1\n'
RUN = 'q1 Q0 e1 1 3 t\nq1 Q0 x 2 2 t\nq1 Q0 d1 3 1 t\nq2 Q0 d2 1 9 t\nother Q0 d2 1 9 t\n'


@pytest.fixture
def files(tmp_path):
    (tmp_path / 'qrels').write_text(QRELS)
    (tmp_path / 'run').write_text(RUN)
    return str(tmp_path / 'qrels'), str(tmp_path / 'run')


def test_prints_the_means_by_the_names_that_were_given(files, capsys):
    assert main(['measure', *files, 'RankDistance@10', 'AP R@2', 'AP']) == 0
    out = capsys.readouterr().out
    expected = ir_measures.calc_aggregate([AP], ir_measures.read_trec_qrels(QRELS), ir_measures.read_trec_run(RUN))
    assert out == f'RankDistance@10\t6.0000\nAP\t{expected[AP]:.4f}\nR@2\t0.5000\n'


def test_prints_every_query_and_then_the_means(files, capsys):
    assert main(['measure', *files, 'RankDistance@10', '-q', '--places', '1']) == 0
    assert capsys.readouterr().out == 'q1\tRankDistance@10\t2.0\nq2\tRankDistance@10\t10.0\nall\tRankDistance@10\t6.0\n'


def test_a_measure_under_two_names_is_printed_under_both(files, capsys):
    assert main(['measure', *files, 'AP R@2 MAP']) == 0
    lines = [line.split('\t') for line in capsys.readouterr().out.splitlines()]
    assert [name for name, _ in lines] == ['AP', 'R@2', 'MAP'] and lines[0][1] == lines[2][1]
    assert main(['measure', *files, 'AP MAP', '-q']) == 0
    names = [line.split('\t')[:2] for line in capsys.readouterr().out.splitlines()]
    assert names == [[query, name] for query in ('q1', 'q2', 'all') for name in ('AP', 'MAP')]


def test_what_measures_say_of_queries_is_said_unless_quiet(files, capsys):
    for quiet, said in (([], True), (['--quiet'], False)):
        assert main(['measure', *files, "LPR(query_lang='zh')", *quiet]) == 0
        captured = capsys.readouterr()
        assert captured.out == "LPR(query_lang='zh')\t0.0000\n"
        assert ("LPR(query_lang='zh'): 2 of 2 queries do not apply" in captured.err) == said


def test_languages_from_an_index(files, tmp_path, capsys):
    langs = {'d1': 'de', 'd2': 'de', 'e1': 'en', 'e2': 'en', 'x': 'fr'}
    index = MultilingualIndex(tmp_path / 'index', verbose=False)
    index.index([{'docno': d, 'lang': lang, 'doc_vec': [1.0, 2.0]} for d, lang in langs.items()])
    assert Languages.from_index(index) == Languages(langs)
    assert main(['measure', *files, 'AWRF@3', '--index', str(tmp_path / 'index')]) == 0
    expected = AWRF(langs=langs)@3
    value = ir_measures.calc_aggregate([expected], ir_measures.read_trec_qrels(QRELS), ir_measures.read_trec_run(RUN))
    assert capsys.readouterr().out == f'AWRF@3\t{value[expected]:.4f}\n'


def test_judgements_of_a_data_set(tmp_path, capsys):
    (tmp_path / 'run').write_text('x Q0 y 1 1 t\n')
    assert main(['measure', 'worldfacts/de', str(tmp_path / 'run'), 'AP']) == 1
    assert "answers no query of worldfacts/de: it has 'x'" in capsys.readouterr().err


@pytest.mark.parametrize(('qrels', 'run', 'measures', 'what'), [
    ('q1 de d1 1\nq1 de d1 2\n', RUN, ['AP'],
     "'d1' of query 'q1' more than once, and differently, as 1 (de) and 2 (de)"),
    ('q1 de d1\n', RUN, ['AP'], 'line 1 has 3 fields'),
    (QRELS, 'q1 d1\n', ['AP'], 'line 1 has 2 fields'),
    (QRELS, '', ['AP'], "answers no query of"),
    (QRELS, RUN + 'q1 Q0 d1 9 8 t\n', ['AP'], "line 6 has the document 'd1' of query 'q1' again"),
    (QRELS, RUN, ['AWRF@3'], 'langs=Languages'),
    (QRELS, RUN, ['AP', '--index', 'nowhere'], 'nowhere'),
])
def test_refuses_in_a_line(tmp_path, capsys, qrels, run, measures, what):
    (tmp_path / 'qrels').write_text(qrels)
    (tmp_path / 'run').write_text(run)
    assert main(['measure', str(tmp_path / 'qrels'), str(tmp_path / 'run'), *measures]) == 1
    err = capsys.readouterr().err
    assert what in err and err.count('\n') == 1


@pytest.mark.parametrize(('arguments', 'what'), [
    (['Fun@3'], "'Fun@3' is not a measure"), (['RankDistance@0'], 'it must be a whole number of 1 or more'),
    (['TLR'], 'TLR needs a cutoff'), (['P'], 'P needs a cutoff'), (['RankDistance(norm=True)'], 'needs pool'),
    (['AP', '--places=-1'], '--places is -1'),
])
def test_wrong_arguments_are_code_2(files, capsys, arguments, what):
    assert main(['measure', *files, *arguments]) == 2
    err = capsys.readouterr().err
    assert what in err and err.count('\n') == 1


def test_neither_a_file_nor_a_data_set(files, capsys):
    assert main(['measure', 'no/such', files[1], 'AP']) == 1
    assert "'no/such' is neither a file nor a data set" in capsys.readouterr().err
    assert main(['measure', 'worldfacts', files[1], 'AP']) == 1
    assert "'worldfacts' is neither a file nor a data set with judgements" in capsys.readouterr().err


def test_the_same_value_as_the_measure_itself(files, capsys):
    assert main(['measure', *files, 'RankDistance(pool=100, norm=True) AP', '--quiet']) == 0
    measure = RankDistance(pool=100, norm=True)
    value = ir_measures.calc_aggregate([measure], ir_measures.read_trec_qrels(QRELS), ir_measures.read_trec_run(RUN))
    assert capsys.readouterr().out.startswith(f'RankDistance(pool=100, norm=True)\t{value[measure]:.4f}\nAP\t')


def test_ends_quietly_where_the_reader_has_enough(tmp_path):
    (tmp_path / 'qrels').write_text(''.join(f'q{i} 0 d 1\n' for i in range(9000)))
    (tmp_path / 'run').write_text(''.join(f'q{i} Q0 d 1 1 x\n' for i in range(9000)))
    command = ['pyterrier_hybrid.cli', 'measure', '-q', tmp_path / 'qrels', tmp_path / 'run', 'AP']
    with subprocess.Popen([sys.executable, '-m', *command], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout.readline() == b'q0\tAP\t1.0000\n'
        process.stdout.close()
        assert process.stderr.read() == b'' and process.wait() == 1
