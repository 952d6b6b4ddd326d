"""Every command on a collection of three languages and 30 passages each, from training to report."""
import gzip
import json
import sys
from itertools import islice

import pytest
import yaml
from ir_datasets import Dataset

from datasets_ext import shape, worldfacts
from datasets_ext.about import Computed
from datasets_ext.shape import Doc, MemoryDocs, Qrel, Query
from pyterrier_hybrid.cli import main, options
from pyterrier_hybrid.cli.options import add_training, training_arguments
from pyterrier_hybrid.cli.parser import CommandParser
from pyterrier_hybrid.encoding import HybridEncoder
from pyterrier_hybrid.encoding.backbones import static_backbone
from pyterrier_hybrid.experiment import EvaluationSet, Result
from pyterrier_hybrid.experiment.study_result import StudyResult
from pyterrier_hybrid.indexing import MultilingualIndex
from pyterrier_hybrid.publishing import claim
from pyterrier_hybrid.training.record import read_training_record

LANGS = ('de', 'en', 'th')
SIZE = 30


@pytest.fixture(scope='module')
def collection() -> str:
    """The name of a collection: passage i in every language answers question i, which is asked in every language."""
    shape.register(
        'cli-test',
        docs={
            lang: MemoryDocs(
                lambda lang=lang: [Doc(f'{lang}/{i}', f'{lang} passage {i}', '', '', lang) for i in range(SIZE)], lang
            )
            for lang in LANGS
        },
        queries=lambda ql: [Query(f'q{i}', f'{ql} question {i}', ql) for i in range(6)],
        qrels=lambda ql, dl: [Qrel(f'q{i}', f'{dl}/{i}', 1, dl, ql) for i in range(6)],
    )
    return 'cli-test'


@pytest.fixture(scope='module')
def jsonl(tmp_path_factory):
    """A folder of training pairs."""
    folder = tmp_path_factory.mktemp('jsonl')
    rows = [
        {
            'id': str(i), 'source': 'qa', 'query': {lang: f'{lang} question {i}' for lang in LANGS},
            'positive': {lang: f'{lang} passage {i}' for lang in LANGS},
        }
        for i in range(40)
    ]  # fmt: skip
    with gzip.open(folder / 'qa.jsonl.gz', 'wt') as file:
        file.writelines(json.dumps(row) + '\n' for row in rows)
    return folder


@pytest.fixture(scope='module')
def done(tmp_path_factory, jsonl, collection):
    """A folder in which everything up to evaluation was run: the encoder, its index, BM25's, the result, TREC runs."""
    out = tmp_path_factory.mktemp('cli')
    train = ['train', '--pairs', jsonl, '--keep-pairs', out / 'pairs', '--out', out / 'run', '--steps', 3]
    assert call(*train, '--batch-size', 4, '--mix', 'monolingual=.25,crosslingual=.75') == 0
    assert call('index', '--dataset', collection, '--encoder', out / 'run', '--out', out / 'run.flex') == 0
    assert call('index', '--dataset', collection, '--bm25', '--out', out / 'bm25') == 0
    assert call(*evaluation(out, collection), '--out', out / 'result', '--trec', out / 'trec', '--trec-depth', 7) == 0
    return out


def call(*argv) -> int:
    return main([str(arg) for arg in argv] + ['--quiet'])


def evaluation(out, collection) -> list:
    systems = ['--dense', 'hybrid 1', out / 'run', out / 'run.flex', '--bm25', 'BM25', out / 'bm25']
    return ['evaluate', '--dataset', collection, *systems, '--measures', 'AP', 'R@1', 'RankDistance']


def test_a_finished_index_is_not_resumed(done, collection, tmp_path, capsys):
    """Neither its card nor its record is written anew, by the same encoder or another."""
    out, other = tmp_path / 'run.flex', tmp_path / 'other'
    index = ['index', '--dataset', collection, '--out', out]
    assert call(*index, '--encoder', done / 'run') == 0
    before, record = files(out), (tmp_path / 'run.flex.config.yaml').read_text()
    static_backbone(['ein Haus', 'a house'], vocab_size=40, dimension=8).save_pretrained(str(other))
    capsys.readouterr()
    assert call(*index, '--encoder', done / 'run', '--mode', 'resume') == 0
    assert capsys.readouterr().out == f'{out} is finished, nothing is left to resume\n'
    assert call(*index, '--encoder', done / 'run', '--languages', 'de', '--mode', 'resume') == 1
    said = capsys.readouterr().err
    assert f'the finished index at {out} has ' in said and ' in de; build it again with --mode overwrite' in said
    assert call(*index, '--encoder', other, '--mode', 'resume') == 1
    said = capsys.readouterr().err
    assert f'the finished index at {out} has vectors of the encoder' in said and "mode='overwrite'" in said
    assert files(out) == before and (tmp_path / 'run.flex.config.yaml').read_text() == record


def test_a_collection_without_questions_is_indexed(done, tmp_path, capsys):
    docs = [Doc(f'{lang}/{i}', f'passage {i}', '', '', lang) for i in range(SIZE) for lang in LANGS]
    bare = Dataset(MemoryDocs(lambda: docs, None))
    shape.add('cli-bare', bare, Computed({'cli-bare': bare}))
    for out, *system in (['x', '--encoder', done / 'run'], ['bm25', '--bm25']):
        index = ['index', '--dataset', 'cli-bare', *system, '--out', tmp_path / out]
        assert call(*index) == 0 and call(*index, '--mode', 'overwrite', '--languages', 'th', 'de') == 0
        said = capsys.readouterr()
        assert said.out.splitlines() == [
            f'90 passages in 3 languages are indexed in {tmp_path / out}',
            f'60 passages in 2 languages are indexed in {tmp_path / out}',
        ]
        assert call(*index, '--mode', 'overwrite', '--languages', 'fr') == 1
        assert "the collection cli-bare has no 'fr'; its languages are de, en, th" in capsys.readouterr().err
    index = ['index', '--dataset', 'cli-bare', '--encoder', done / 'run', '--out', tmp_path / 'x', '--mode', 'resume']
    assert call(*index, '--languages', 'th', 'de') == 0 and call(*index) == 1
    assert 'has 60 passages in de, th, and cli-bare has 90 in de, en, th' in capsys.readouterr().err


def test_an_interrupted_index_is_resumed_without_encoding_again(done, collection, tmp_path, monkeypatch, capsys):
    docs, encoder = list(EvaluationSet(collection).docs()), HybridEncoder(done / 'run')
    with pytest.raises(ValueError, match='occurs twice'):
        interrupted = MultilingualIndex(tmp_path / 'x', verbose=False).indexer(encoder=encoder)
        (encoder.doc_encoder() >> interrupted).index([*docs[:40], docs[0]])
    encode, encoded = HybridEncoder.encode_docs, []
    monkeypatch.setattr(HybridEncoder, 'encode_docs', lambda self, texts, **options: (
        encoded.extend(texts) or encode(self, texts, **options)
    ))  # fmt: skip
    resume = ['index', '--dataset', collection, '--out', tmp_path / 'x', '--mode', 'resume', '--encoder']
    static_backbone(['ein Haus', 'a house'], vocab_size=40, dimension=8).save_pretrained(str(tmp_path / 'other'))
    assert call(*resume, tmp_path / 'other') == 1
    assert f'the interrupted build of {tmp_path / "x"} has vectors of the encoder' in capsys.readouterr().err
    encoded.clear()
    assert call(*resume, done / 'run') == 0
    assert encoded == [doc['text'] for doc in docs[40:]]
    assert MultilingualIndex(tmp_path / 'x').docnos().fwd[:].tolist() == [doc['docno'] for doc in docs]


def test_train_keeps_encoder_pairs_and_record(done):
    record = json.loads((done / 'run' / 'training.json').read_text())
    assert (record['steps'], record['batch_size'], record['seed']) == (3, 4, 0)
    config = yaml.safe_load((done / 'run.config.yaml').read_text())
    assert config['mix'] == 'monolingual=.25,crosslingual=.75' and config['keep-pairs'] == str(done / 'pairs')


def test_the_record_trains_the_same_encoder(done, tmp_path):
    pairs = ['--pairs', done / 'pairs', '--keep-pairs', tmp_path / 'unused']
    assert call('train', '--config', done / 'run.config.yaml', *pairs, '--out', tmp_path / 'again') == 0
    weights = 'model.safetensors'
    found = [next((folder).rglob(weights)).read_bytes() for folder in (done / 'run', tmp_path / 'again')]
    assert found[0] == found[1]


def test_a_command_that_is_started_again_opens_the_pairs_it_kept(jsonl, tmp_path, capsys):
    train = ['train', '--pairs', jsonl, '--keep-pairs', tmp_path / 'pairs', '--steps', 2, '--batch-size', 4]
    assert call(*train, '--out', tmp_path / 'run') == 0
    manifest = (tmp_path / 'pairs' / 'manifest.json').stat().st_mtime_ns
    assert call(*train, '--out', tmp_path / 'next') == 1
    assert f'{tmp_path / "pairs"} is there, and nothing says' in capsys.readouterr().err
    assert call(*train, '--out', tmp_path / 'next', '--resume') == 0
    assert (tmp_path / 'pairs' / 'manifest.json').stat().st_mtime_ns == manifest


def test_a_source_may_be_called_like_a_file(tmp_path):
    rows = [{**row, 'source': 'mkqa.jsonl'} for row in islice(worldfacts.training_pairs(), 40)]
    (tmp_path / 'x.jsonl').write_text(''.join(json.dumps(row) + '\n' for row in rows))
    train = ['train', '--steps', 2, '--batch-size', 4, '--keep-pairs', tmp_path / 'kept', '--pairs']
    assert call(*train, tmp_path / 'x.jsonl', '--out', tmp_path / 'run') == 0
    assert call(*train, tmp_path / 'kept', '--out', tmp_path / 'next') == 0


def test_worldfacts_is_what_comes_with_the_package(tmp_path, monkeypatch):
    (tmp_path / 'worldfacts').mkdir()
    monkeypatch.chdir(tmp_path)
    assert call('train', '--steps', 1, '--batch-size', 4, '--dimension', 8, '--vocab-size', 300, '--out', 'run') == 0


def test_the_working_directory_is_an_output(done, collection, tmp_path, monkeypatch):
    (tmp_path / 'here').mkdir()
    monkeypatch.chdir(tmp_path / 'here')
    evaluate = ['evaluate', '--dataset', collection, '--bm25', 'a', done / 'bm25', '--measures', 'AP']
    assert call(*evaluate, '--out', '.') == 0
    assert (tmp_path / 'here.config.yaml').exists()


def test_a_run_that_was_killed_at_its_very_end_is_tidied_up(jsonl, tmp_path, capsys):
    """It has its folder, and its checkpoints still."""
    train = ['train', '--pairs', jsonl, '--keep-pairs', tmp_path / 'pairs', '--steps', 2, '--batch-size', 4]
    train += ['--out', tmp_path / 'run', '--resume']
    assert call(*train) == 0
    weights = (tmp_path / 'run' / 'model.safetensors').stat().st_mtime_ns
    claim(tmp_path / 'run.checkpoints')
    capsys.readouterr()
    for _ in range(2):  # resuming a finished run is success
        assert call(*train) == 0
        assert capsys.readouterr().out == f'the trained encoder is in {tmp_path / "run"}\n'
        assert not (tmp_path / 'run.checkpoints').exists()
    assert (tmp_path / 'run' / 'model.safetensors').stat().st_mtime_ns == weights
    assert call(*train[:-1]) == 1
    assert f'{tmp_path / "run"} exists already' in capsys.readouterr().err


def test_arguments_are_checked_before_pairs_are_imported(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(options, '_import_pairs', None)
    wrong = [(['--device', 'warp'], "'warp' cannot be used"), (['--temperature', 'nan'], 'temperature is nan')]
    for given, said in wrong:
        assert call('train', '--out', tmp_path / 'run', *given) in (1, 2)
        assert said in capsys.readouterr().err
    wrong = [
        (['--temperature', 'nan'], 'temperature is nan'), (['--mix', 'mono=1'], "names the kind 'mono'"),
        (['--measures', 'best'], "'best' is not a measure"), (['--dataset', 'nowhere'], 'nowhere'),
    ]  # fmt: skip
    for given, said in wrong:
        assert call('study', '--dataset', 'worldfacts', '--out', tmp_path / 'study', *given) in (1, 2)
        assert said in capsys.readouterr().err


def test_lengths_on_the_command_line():
    arguments = ['--max-length', '32', '180']
    parser = CommandParser()
    add_training(parser)
    assert training_arguments(parser.parse_args(arguments))['max_length'] == [32, 180]
    assert training_arguments(parser.parse_args(arguments[:2]))['max_length'] == 32
    assert 'max_length' not in training_arguments(parser.parse_args([]))


def test_evaluate_saves_a_result(done):
    result = Result.load(done / 'result')
    assert result.systems == ['hybrid 1', 'BM25'] and list(result.cut) == ['BM25']
    assert result.measures == ['AP', 'R@1', 'RankDistance', f'RankDistance@{result.cut["BM25"]}']
    assert len(result.by_setting()) == 2 * (9 * 2 + 3 * 4)


def test_evaluate_gives_the_same_bytes(done, collection, tmp_path, capsys):
    again = [*evaluation(done, collection), '--out', tmp_path / 'result', '--trec', tmp_path / 'trec']
    assert call(*again, '--trec-depth', 7) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith(f'{collection}: means over the settings of each kind (AP: higher is better;')
    assert lines[2].split() == ['AP', 'R@1', 'RankDistance']
    assert lines[3].split() == ['System', *['Mono.', 'Cross.', 'Multi.'] * 2, 'Multi.']
    assert [(line.split()[0], len(line.split())) for line in lines[4:6]] == [('hybrid', 9), ('BM25', 9)]
    assert lines[5].startswith('BM25 †') and sum(line.startswith('† ') for line in lines) == 1
    assert files(tmp_path / 'result') == files(done / 'result')
    assert files(tmp_path / 'trec') == files(done / 'trec')


def files(folder) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob('*') if path.is_file()}


def test_trec_files_hold_the_runs_and_say_what_they_are(done):
    kinds = {(q, d): 'monolingual' if q == d else 'crosslingual' for q in LANGS for d in LANGS}
    names = [f'{kind}.{q}.{d}.trec' for (q, d), kind in kinds.items()] + [f'multilingual.{q}.trec' for q in LANGS]
    folder = done / 'trec' / 'hybrid%201'
    assert sorted(path.name for path in folder.iterdir()) == sorted([*names, 'ir_metadata.yaml'])
    lines = (folder / 'crosslingual.de.th.trec').read_text().splitlines()
    metadata = yaml.safe_load((folder / 'ir_metadata.yaml').read_text(encoding='utf-8'))
    assert metadata['tag'] == 'hybrid%201'
    system = Result.load(done / 'result').provenance['systems']['hybrid 1']
    assert metadata['method']['retrieval'][0]['model'] == system['model']
    rows = [line.split(' ') for line in lines]
    assert len(rows) == 6 * 7 and {len(row) for row in rows} == {6}
    assert [row[3] for row in rows[:8]] == ['1', '2', '3', '4', '5', '6', '7', '1']
    assert all(row[1] == 'Q0' and row[2].startswith('th/') and row[5] == 'hybrid%201' for row in rows)


def test_report_of_a_result(done, tmp_path):
    pytest.importorskip('matplotlib')
    assert call('report', '--result', done / 'result', '--out', tmp_path / 'r.html', '--title', 'My result') == 0
    assert 'My result' in (tmp_path / 'r.html').read_text()
    assert call('report', '--result', done / 'result', '--out', tmp_path / 'r.html') == 1


def test_report_with_tests_and_its_record(done, tmp_path):
    pytest.importorskip('matplotlib')
    tested = ['--baseline', 'BM25', '--margin', 'AP=.02', 'RankDistance=3']
    assert call('report', '--result', done / 'result', *tested, '--out', tmp_path / 'r.html') == 0
    page = (tmp_path / 'r.html').read_text()
    assert 'better than BM25' in page and 'of 3 languages, significantly in' in page and 'margin ±0.02' in page
    again = ['report', '--config', tmp_path / 'r.html.config.yaml', '--out', tmp_path / 's.html']
    assert call(*again) == 0
    assert (tmp_path / 's.html').read_text().replace('s_figures', 'r_figures') == page


def test_report_without_matplotlib_says_how_to_get_it(done, tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, 'matplotlib', None)
    assert call('report', '--result', done / 'result', '--out', tmp_path / 'r.html') == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert "install it with pip install 'pyterrier-hybrid[report]'" in line
    assert not (tmp_path / 'r.html').exists()


@pytest.mark.parametrize('margin', ['AP', 'AP=', '=.1', 'AP=much'])
def test_margins_that_are_none(margin, capsys):
    with pytest.raises(SystemExit, match='2'):
        call('report', '--out', 'x', '--baseline', 'a', '--margin', margin)
    assert f"'{margin}' is not a margin; give a measure and a number" in capsys.readouterr().err


def test_study_and_its_continuation(done, jsonl, collection, tmp_path, capsys):
    study = ['study', '--dataset', collection, '--pairs', done / 'pairs', '--steps', 2, '--batch-size', 4,
             '--out', tmp_path / 'study', '--measures', 'AP']  # fmt: skip
    assert call(*study, '--mix', 'mixed=1') == 0
    assert call(*study, '--alphas', 0, 1, '--seeds', 0, 1) == 0
    assert call(*study, '--simplex', 1) == 0
    values = StudyResult.load(tmp_path / 'study').values
    runs = values[['mix', 'seed']].drop_duplicates().itertuples(index=False, name=None)
    assert list(runs) == [('mixed1', 0), ('cross1', 0), ('cross1', 1), ('mono1', 0), ('mono1', 1), ('multi1', 0)]
    out = capsys.readouterr().out
    assert ' ± 0.' in out and 'Batches' in out
    keeping = [*study[:4], jsonl, *study[5:], '--keep-pairs', tmp_path / 'kept', '--mix', 'mixed=1']
    assert [call(*keeping) for _ in range(2)] == [0, 0]  # the import is opened
    another = tmp_path / 'another'
    assert call(*keeping, '--out', another) == 1 and not another.exists()  # of what, nothing says for a new study
    assert f'{tmp_path / "kept"} is there, and nothing says' in capsys.readouterr().err
    assert call(*study, '--mix', 'mixed=1', '--steps', 3) == 1
    assert 'begun in another way: steps was 2, is 3' in capsys.readouterr().err


def test_demo_prints_one_table(collection, jsonl, tmp_path, capsys):
    argv = ['demo', '--dataset', collection, '--pairs', jsonl, '--steps', 2, '--batch-size', 4]
    assert call(*argv, '--out', tmp_path / 'demo') == 0
    lines = capsys.readouterr().out.splitlines()
    title = f'{collection}: means over the settings of each kind (AP: higher is better; RankDistance: lower is better;'
    (at,) = (i for i, line in enumerate(lines) if line.startswith(title))
    assert [line.split()[0] for line in lines[at + 4 : at + 9]] == ['BM25', 'untrained', 'X-X-mono', 'X-Y', 'hybrid']
    assert Result.load(tmp_path / 'demo' / 'result').systems[-1] == 'hybrid'
    assert call(*argv, '--out', tmp_path / 'demo') == 1
    assert 'exists already; give another folder to --out' in capsys.readouterr().err


def test_demo_starts_from_a_checkpoint(collection, jsonl, tmp_path, capsys):
    static_backbone(['one text', 'another'], vocab_size=50, dimension=8).save(str(tmp_path / 'start'))
    argv = ['demo', '--dataset', collection, '--pairs', jsonl, '--steps', 2, '--batch-size', 4, '--quiet']
    assert call(*argv, '--backbone', tmp_path / 'start', '--out', tmp_path / 'demo') == 0
    result = Result.load(tmp_path / 'demo' / 'result')
    assert result.systems == ['BM25', 'untouched', 'X-X-mono', 'X-Y', 'hybrid']
    assert read_training_record(tmp_path / 'demo' / 'hybrid')['backbone'] == str(tmp_path / 'start')
    capsys.readouterr()
    assert call(*argv, '--backbone', tmp_path / 'stat', '--pairs', tmp_path / 'none') == 1
    assert 'did you mean' in capsys.readouterr().err  # before the pairs are looked for


DEMO = ['demo', '--pairs', '{jsonl}', '--dataset', '{collection}', '--out', '{new}']


@pytest.mark.parametrize(('argv', 'said'), [
    (['demo', '--dataset', 'xquad-r'], '--dataset xquad-r needs --pairs'),
    (['demo', '--pairs', 'nowhere'], 'nowhere'),
    (['demo', '--dataset', 'nowhere', '--pairs', '{jsonl}'], 'nowhere'),
    ([*DEMO, '--batch-size', '4', '--steps', '0'], 'steps is 0'),
    ([*DEMO, '--batch-size', '1'], 'batch_size is 1'),
    ([*DEMO, '--mdpr', '{jsonl}'], '{jsonl}'),
    (['train', '--out', '{done}/run'], 'exists already'),
    (['train', '--pairs', '{done}/pairs', '--out', '{new}', '--mix', 'mono=1'], "names the kind 'mono'"),
    (['train', '--pairs', '{broken}', '--out', '{new}'], 'broken.jsonl'),
    (['train', '--pairs', '{done}/pairs', '--batch-size', '4', '--out', '{new}', '--backbone', '{jsonl}'], '{jsonl}'),
    (['index', '--dataset', '{collection}', '--out', '{new}'], 'give either --encoder'),
    (['index', '--dataset', '{collection}', '--out', '{new}', '--bm25', '--encoder', 'x'], 'give either --encoder'),
    (['index', '--dataset', '{collection}', '--out', '{new}', '--bm25', '--mode', 'resume'], '--bm25 takes neither'),
    (['index', '--dataset', '{collection}', '--out', '{done}/run.flex', '--encoder', '{done}/run'], 'run.flex'),
    (['index', '--dataset', '{collection}', '--out', '{new}', '--bm25', '--languages', 'fr'], 'fr'),
    (['evaluate', '--dataset', '{collection}', '--out', '{new}'], 'there is nothing to evaluate'),
    (['evaluate', '--dataset', '{collection}', '--out', '{new}', '--dense', 'a', 'b'], '--dense takes NAME ENCODER'),
    (['evaluate', '--dataset', '{collection}', '--out', '{new}', '--bm25', 'a'], '--bm25 takes NAME INDEX'),
    (['evaluate', '--dataset', '{collection}', '--out', '{new}', '--bm25', 'a', '{new}'], '{new}'),
    (['evaluate', '--dataset', '{collection}', '--out', '{new}', '--bm25', 'a', '{done}/bm25', '--bm25', 'a',
      '{done}/bm25'], "two systems are called 'a'"),
    (['evaluate', '--dataset', '{collection}', '--out', '{new}', '--bm25', 'a', '{done}/bm25', '--measures', 'best'],
     "'best' is not a measure"),
    (['evaluate', '--dataset', '{collection}', '--out', '{done}', '--bm25', 'a', '{done}/bm25'], 'not a result'),
    (['evaluate', '--dataset', '{collection}', '--out', '{new}', '--bm25', 'a', '{done}/bm25', '--trec', '{done}'],
     'give another folder to --trec'),
    (['evaluate', '--dataset', '{collection}', '--out', '{new}', '--bm25', 'a', '{done}/bm25', '--trec',
      '{done}/result/result.json'], 'result.json is a file; give another folder to --trec'),
    (['evaluate', '--dataset', '{collection}', '--out', '{new}', '--bm25', 'a', '{done}/bm25', '--trec-depth', '0'],
     '--trec-depth is 0'),
    (['study', '--dataset', '{collection}', '--pairs', '{done}/pairs', '--out', '{new}', '--alphas', '2'],
     'alpha is 2'),
    (['study', '--dataset', '{collection}', '--pairs', '{done}/pairs', '--out', '{new}', '--ray-gpus', '1'],
     '--ray-gpus is for work on Ray; give --ray too'),
    (['study', '--dataset', '{collection}', '--pairs', '{done}/pairs', '--out', '{new}', '--ray', '--ray-cpus', '0'],
     'num_cpus is 0'),
    (['study', '--dataset', '{collection}', '--pairs', '{done}/pairs', '--out', '{new}', '--ray', '--processes', '2'],
     'processes is 2, and ray is given'),
    (['index', '--dataset', '{collection}', '--out', '{new}', '--encoder', 'x', '--ray-cpus', '2'], 'give --ray too'),
    (['report', '--out', '{new}'], 'nothing to report'),
    (['report', '--result', '{jsonl}', '--out', '{new}'], 'there is no result in'),
    (['report', '--study', '{jsonl}', '--out', '{new}'], 'there is no study in'),
    (['report', '--baseline', 'a', '--out', '{new}'], 'give --result too'),
    (['report', '--result', '{done}/result', '--margin', 'AP=1', '--out', '{new}'], 'give --baseline too'),
    (['report', '--result', '{done}/result', '--baseline', 'a', '--out', '{new}'], "the result has no system 'a'"),
    (['report', '--result', '{done}/result', '--baseline', 'BM25', '--margin', 'AP=-1', '--out', '{new}'],
     'the margin of AP is -1.0; it is a number above 0'),
    (['report', '--result', '{done}/result', '--baseline', 'BM25', '--margin', 'P=1', '--out', '{new}'],
     "margin names 'P', which is no measure of the result; it has AP"),
    (['evaluate', '--dataset', '{collection}', '--out', '{new}', '--bm25', 'a', '{done}/bm25', '--device', 'warp'],
     "the device 'warp' cannot be used"),
    (['index', '--dataset', '{collection}', '--out', '{new}', '--encoder', '{done}/run', '--device', 'warp'],
     "the device 'warp' cannot be used"),
])  # fmt: skip
def test_bad_input(argv, said, done, jsonl, collection, tmp_path, capsys):
    (tmp_path / 'broken.jsonl').write_text('{"id": "1"\n')
    places = {'done': done, 'jsonl': jsonl, 'collection': collection, 'new': tmp_path / 'new', 'broken': tmp_path}
    before = files(done)
    assert call(*(arg.format(**places) for arg in argv)) in (1, 2)  # which one it is: test_cli
    err = capsys.readouterr().err
    assert said.format(**places) in err and err.splitlines()[-1].startswith('pyterrier-hybrid: ')
    assert files(done) == before and not (tmp_path / 'new').exists()
    assert not (tmp_path / 'new.config.yaml').exists()


def test_train_with_validation(done, tmp_path, capsys, monkeypatch):
    """Its options reach the run and its record, and a logger that is missing is said in one line."""
    shape = ['--pairs', done / 'pairs', '--batch-size', 4, '--steps', 3]
    watched = ['--validation', 10, '--eval-steps', 1, '--patience', 3, '--metric-for-best-model', 'crosslingual_loss']
    given = [*shape, *watched, '--load-best-model-at-end', 'false', '--report-to', 'none']
    assert call('train', *given, '--out', tmp_path / 'run') == 0
    record = json.loads((tmp_path / 'run' / 'training.json').read_text())
    assert [each['step'] for each in record['validation']['figures']] == [1, 2, 3]
    assert record['validation']['name'] == '10 rows held out' and record['patience'] == 3
    assert record['metric_for_best_model'] == 'crosslingual_loss' and record['load_best_model_at_end'] is False
    config = yaml.safe_load((tmp_path / 'run.config.yaml').read_text())
    assert config['validation'] == 10 and config['load-best-model-at-end'] == 'false'
    monkeypatch.setattr('transformers.integrations.integration_utils.is_wandb_available', lambda: False)
    assert call('train', *shape, '--report-to', 'wandb', '--out', tmp_path / 'other') == 1
    assert 'whose package is not installed: pip install wandb' in capsys.readouterr().err
    assert not (tmp_path / 'other').exists()
