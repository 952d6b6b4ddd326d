"""The command line as such: help, exit codes, options from a file, the record of what was run."""
import subprocess
import sys
from contextlib import nullcontext

import pytest
import yaml

from pyterrier_hybrid import __version__, cli
from pyterrier_hybrid.cli.options import parse_validation
from pyterrier_hybrid.cli.parser import CommandParser, WrongArguments, keep_record

COMMANDS = ('train', 'index', 'evaluate', 'study', 'report', 'measure', 'demo')


@pytest.fixture
def parser():
    """A parser with an option of each form."""
    parser = CommandParser(prog='tool')
    parser.add_argument('--name', required=True)
    parser.add_argument('--steps', type=int)
    parser.add_argument('--langs', nargs='+')
    parser.add_argument('--system', nargs='+', action='append', default=[])
    parser.add_argument('--quiet', action='store_true')
    parser.add_argument('--config')
    parser.set_defaults(command='do')
    return parser


@pytest.fixture
def config(tmp_path):
    """Writes a configuration."""

    def write(text: str):
        (tmp_path / 'config.yaml').write_text(text)
        return ['--config', str(tmp_path / 'config.yaml')]

    return write


@pytest.mark.parametrize('command', COMMANDS)
def test_help_has_an_example(capsys, command):
    with pytest.raises(SystemExit, match='0'):
        cli.main([command, '--help'])
    text = capsys.readouterr().out
    assert f'examples:\n  pyterrier-hybrid {command}' in text
    assert '--config FILE' in text and '--quiet' in text


def test_help_names_the_commands_and_exit_codes(capsys):
    with pytest.raises(SystemExit, match='0'):
        cli.main(['--help'])
    text = capsys.readouterr().out
    assert all(f'    {command} ' in text for command in COMMANDS) and '130' in text


@pytest.mark.parametrize('argv', [
    [], ['fly'], ['demo', '--stps', '3'], ['demo', '--step', '3'], ['demo', '--steps', 'many'], ['train'],
    ['train', '--out', 'x', '--mix', 'monolingual'], ['evaluate', '--dataset', 'd', '--out', 'x', '--settings', 'mono'],
])  # fmt: skip
def test_wrong_arguments_are_code_2(argv, capsys):
    with pytest.raises(SystemExit, match='2'):
        cli.main(argv)
    assert capsys.readouterr().err.startswith('usage: pyterrier-hybrid')


@pytest.mark.parametrize(('error', 'code', 'said'), [
    (ValueError('this is\nwrong'), 1, 'pyterrier-hybrid: this is wrong\n'),
    (KeyError('no such thing'), 1, 'pyterrier-hybrid: no such thing\n'),
    (FileNotFoundError(2, 'No such file or directory', 'x.txt'), 1, "No such file or directory: 'x.txt'\n"),
    (RuntimeError("[enforce fail] can't allocate memory: 4 bytes"), 1, 'use smaller batches or vectors\n'),
    (ZeroDivisionError('division'), 1, 'unexpected ZeroDivisionError: division; set PYTERRIER_HYBRID_TRACEBACK=1 to '
     'see where, and please report it\n'),
    (ValueError('x' * 10**6), 1, 'x' * 1000 + '\n'),
    (WrongArguments('--a and --b'), 2, 'pyterrier-hybrid: --a and --b\n'),
    (KeyboardInterrupt(), 130, 'stopped; what was finished is kept\n'),
])  # fmt: skip
def test_errors_are_said_in_one_line(monkeypatch, capsys, error, code, said):
    def fails(*args, **kwargs):
        raise error

    monkeypatch.setattr('pyterrier_hybrid.experiment.comparison.compare_mixes', fails)
    monkeypatch.setattr('pyterrier_hybrid.cli.demo.opened_pairs', nullcontext)
    assert cli.main(['demo', '--quiet']) == code
    err = capsys.readouterr().err
    assert err.endswith(said) and err.count('\n') == 1


def test_options_come_from_the_file(parser, config):
    text = 'name: a b\nsteps: 3\nlangs: [no, de]\nsystem:\n- [x, y]\n- [z]\nquiet: true\n'
    found = parser.parse_args(config(text))
    assert (found.name, found.steps, found.langs) == ('a b', 3, ['no', 'de'])
    assert found.system == [['x', 'y'], ['z']] and found.quiet is True
    assert parser.parse_args(config('name: x\nquiet: false\nsystem: one\nlangs: de')).given == {
        'name': 'x', 'steps': None, 'langs': ['de'], 'system': [['one']], 'quiet': False,
    }  # fmt: skip


def test_the_command_line_wins(parser, config):
    found = parser.parse_args([
        *config('name: x\nsteps: 3\nlangs: [de]\nsystem: [[a], [b]]\n'), '--steps=4', '--langs', 'en', '--system', 'c'
    ])  # fmt: skip
    assert (found.name, found.steps, found.langs, found.system) == ('x', 4, ['en'], [['c']])


@pytest.mark.parametrize(('text', 'said'), [
    ('nme: x', "has the option 'nme'; tool has name, steps, langs, system, quiet"),
    ('config: x', "has the option 'config'"),
    ('- name', 'must map options to values'),
    ('name: [', 'is not YAML'),
    ('name: [a, b]', 'name takes one value, not a list'),
    ('name: {a: b}', 'name takes one value'),
    ('langs: [[a]]', 'langs takes a value or a list'),
    ('langs: [&a de, *a]', 'line 1 has an alias; write the value out'),
    ('name: ' + '[' * 3000 + ']' * 3000, 'is nested too deeply'),
    ('name: ' + 'x' * 2_000_000, 'it is no configuration'),
    ('steps: 4\nsteps: 2', "line 2 has 'steps' again; keep one of them"),
    ('quiet: yes', "quiet is 'yes'; it is true or false"),
    ('name: x\nsteps: many', "invalid int value: 'many'"),
])  # fmt: skip
def test_bad_files(parser, config, capsys, text, said):
    with pytest.raises(SystemExit, match='2'):
        parser.parse_args(config(text))
    assert said in capsys.readouterr().err


def test_a_traceback_for_those_who_ask(monkeypatch, capsys):
    monkeypatch.setattr('pyterrier_hybrid.cli.demo.opened_pairs', lambda _: 1 / 0)
    assert cli.main(['demo', '--quiet']) == 1
    assert 'Traceback' not in capsys.readouterr().err
    monkeypatch.setenv('PYTERRIER_HYBRID_TRACEBACK', '1')
    assert cli.main(['demo', '--quiet']) == 1
    assert 'Traceback' in capsys.readouterr().err


@pytest.mark.parametrize('argv', [
    ['index', '--dataset', 'worldfacts', '--out', 'x'],
    ['index', '--dataset', 'worldfacts', '--out', 'x', '--bm25', '--mode', 'resume'],
    ['evaluate', '--dataset', 'worldfacts', '--out', 'x'],
    ['evaluate', '--dataset', 'worldfacts', '--out', 'x', '--bm25', 'name'],
    ['evaluate', '--dataset', 'worldfacts', '--out', 'x', '--bm25', 'n', 'x', '--trec-depth', '0'],
    ['evaluate', '--dataset', 'worldfacts', '--out', 'x', '--bm25', 'n', 'x', '--measures', 'nonsense'],
    ['demo', '--dataset', 'xquad-r'],
    ['index', '--dataset', 'worldfacts', '--out', 'x', '--encoder', 'x', '--ray-cpus', '2'],
    ['report', '--out', 'x'],
    ['report', '--out', 'x', '--baseline', 'x'],
    ['report', '--out', 'x', '--study', 'x', '--margin', 'AP=1'],
    ['train', '--out', 'x', '--batch-size', '0'],
    ['train', '--out', 'x', '--mix', 'mono=1'],
    ['train', '--out', 'x', '--mix', 'monolingual=.5'],
    ['train', '--out', 'x', '--patience', '2'],
    ['train', '--out', 'x', '--temperature', 'nan'],
    ['study', '--dataset', 'worldfacts', '--out', 'x', '--alphas', '2'],
    ['study', '--dataset', 'worldfacts', '--out', 'x', '--simplex', '0'],
    ['study', '--dataset', 'worldfacts', '--out', 'x', '--steps', '0'],
    ['study', '--dataset', 'worldfacts', '--out', 'x', '--fractions', '2'],
    ['study', '--dataset', 'worldfacts', '--out', 'x', '--seeds', '-1'],
    ['study', '--dataset', 'worldfacts', '--out', 'x', '--processes', '0'],
    ['demo', '--steps', '0'],
    ['demo', '--batch-size', '1'],
    ['demo', '--seed', '-1'],
])  # fmt: skip
def test_arguments_that_do_not_go_together_are_code_2(argv, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert cli.main(argv) == 2
    assert capsys.readouterr().err.count('\n') == 1 and not any(tmp_path.iterdir())


@pytest.mark.parametrize('argv', [['demo', '--dataset', 'nope'], ['study', '--dataset', 'nope', '--out', 'x']])
def test_a_data_set_that_is_not_there_is_code_1(argv, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert cli.main(argv) == 1
    assert "there is no data set 'nope'" in capsys.readouterr().err and not any(tmp_path.iterdir())


def test_an_output_that_is_there_is_refused_in_the_options_words(tmp_path, capsys):
    assert cli.main(['index', '--dataset', 'worldfacts', '--bm25', '--out', str(tmp_path)]) == 1
    assert '--mode overwrite' in capsys.readouterr().err


@pytest.mark.parametrize('module', ['pyterrier_hybrid', 'pyterrier_hybrid.cli'])
def test_the_version_as_a_module(module):
    run = subprocess.run([sys.executable, '-m', module, '--version'], capture_output=True, text=True, check=True)
    assert run.stdout == f'pyterrier-hybrid {__version__}\n'


def test_a_missing_file(parser, capsys):
    with pytest.raises(SystemExit, match='2'):
        parser.parse_args(['--config', 'nowhere.yaml'])
    assert '--config nowhere.yaml cannot be read: No such file' in capsys.readouterr().err


def test_the_record_runs_the_same_again(parser, tmp_path):
    argv = ['--name', 'no: "1"', '--langs', 'no', 'ü', '--system', 'a', 'b', '--system', 'c', '--quiet']
    arguments = parser.parse_args(argv)
    path = keep_record(arguments, tmp_path / 'out.d')
    assert path == tmp_path / 'out.d.config.yaml'
    assert path.read_text().startswith('# pyterrier-hybrid do --config THIS_FILE\n')
    assert 'steps' not in yaml.safe_load(path.read_text())
    assert parser.parse_args(['--config', str(path)]).given == arguments.given


@pytest.mark.parametrize(('text', 'expected'), [
    ('500', 500), ('.05', 0.05), ('0', 0), ('squadshifts-new-wiki',) * 2, ('v1/dev.json',) * 2,
])  # fmt: skip
def test_what_to_validate_on(text, expected):
    found = parse_validation(text)
    assert (type(found), found) == (type(expected), expected)
