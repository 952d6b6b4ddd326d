"""TREC files: what is in them, and where it comes from."""
import io

import ir_measures
import pandas as pd
import pyterrier as pt
import pytest
import yaml
from ir_measures import AP

from pyterrier_hybrid.experiment import MultilingualExperiment, write_runs

pytestmark = pytest.mark.filterwarnings('ignore:small. .* have no relevant passage')


def split(text: str) -> tuple[dict, str]:
    """The metadata and the run in a file."""
    lines = text.splitlines(keepends=True)
    header = [line for line in lines if line.startswith('#')]
    assert (header[0], header[-1]) == ('# ir_metadata.start\n', '# ir_metadata.end\n')
    return yaml.safe_load(''.join(line[2:] for line in header[1:-1])), ''.join(lines[len(header) :])


def test_a_run_gives_the_values_of_the_experiment(collection, make_dense, tmp_path):
    systems = {'my toy': make_dense()}
    kinds = ['monolingual', 'multilingual']
    result = MultilingualExperiment(systems, collection, [AP], verbose=False)
    written = write_runs(systems, collection, tmp_path, settings=kinds, depth=21, verbose=False)
    assert [path.relative_to(tmp_path).as_posix() for path in written[:4]] == [
        'my%20toy/monolingual.de.de.trec', 'my%20toy/monolingual.en.en.trec', 'my%20toy/monolingual.th.th.trec',
        'my%20toy/multilingual.de.trec',
    ]  # fmt: skip
    metadata, run = split(written[3].read_text())
    assert metadata['tag'] == 'my%20toy'
    assert metadata['data']['test collection']['fingerprint'] == collection.fingerprint
    assert metadata['method']['retrieval'][0]['model'] == 'toy'
    assert run.splitlines()[0].split()[1::2] == ['Q0', '1', 'my%20toy']
    qrels = collection.qrels('de').rename(columns={'qid': 'query_id', 'docno': 'doc_id', 'label': 'relevance'})
    qrels = qrels[qrels['query_id'] != 'q4']
    found = ir_measures.calc_aggregate([AP], qrels, ir_measures.read_trec_run(io.StringIO(run)))
    assert found[AP] == pytest.approx(result.by_query_language('AP', 'multilingual').loc['my toy', 'de'])


def test_depth_and_no_header(collection, make_dense, tmp_path):
    (path, *_) = write_runs({'toy': make_dense()}, collection, tmp_path, depth=2, metadata=False, verbose=False)
    run = pd.DataFrame(ir_measures.read_trec_run(str(path)))
    assert run.groupby('query_id').size().to_dict() == {'q1': 2, 'q2': 2, 'q3': 2, 'q5': 2}


def test_the_same_bytes_again(collection, make_dense, tmp_path):
    systems = {'toy': make_dense()}
    once, twice = (write_runs(systems, collection, tmp_path / name, verbose=False) for name in 'ab')
    assert [path.read_bytes() for path in once] == [path.read_bytes() for path in twice]


def test_a_pipeline_over_everything_has_multilingual_runs_alone(collection, tmp_path):
    run = pd.DataFrame({'qid': ['q1', 'q1'], 'docno': ['en/1', 'de/0'], 'score': 1.0, 'query_lang': 'de'})
    written = write_runs({'run': run}, collection, tmp_path, settings=['crosslingual', 'multilingual'], verbose=False)
    assert [path.name for path in written] == ['multilingual.de.trec']
    assert split(written[0].read_text())[1] == 'q1 Q0 de/0 1 -1 run\nq1 Q0 en/1 2 -2 run\n'


def test_what_the_format_cannot_hold(pooled, tmp_path):
    run = pd.DataFrame({'qid': ['sw:q'], 'docno': ['sw 1'], 'score': [1.0]})
    pooled.get_corpus_iter = lambda verbose: iter([
        {'docno': 'sw 1', 'text': 'x', 'lang': 'sw'}, {'docno': 'sw:1', 'text': 'x', 'lang': 'sw'}
    ])  # fmt: skip
    with pytest.raises(ValueError, match="docno 'sw 1' has white space, which a TREC file"):
        write_runs({'run': run}, pooled, tmp_path, verbose=False)
    with pytest.raises(ValueError, match='depth is 0; it is a number of passages, at least 1'):
        write_runs({'x': pt.Transformer.identity()}, pooled, tmp_path, depth=0)
