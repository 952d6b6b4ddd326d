"""TREC files: that tools read them as they are, what is in them, and where it comes from."""
import json

import ir_measures
import numpy as np
import pandas as pd
import pyterrier as pt
import pytest
import yaml
from ir_measures import AP, nDCG

from pyterrier_hybrid.experiment import EvaluationSet, MultilingualExperiment, write_runs
from pyterrier_hybrid.measures import LPR

pytestmark = pytest.mark.filterwarnings('ignore:small. .* have no relevant passage')


def test_runs_and_qrels_give_the_values_of_the_experiment(collection, make_dense, tmp_path):
    """Read by ir_measures and by PyTerrier, each file as it is."""
    systems = {'my toy': make_dense()}
    kinds = ['monolingual', 'multilingual']
    result = MultilingualExperiment(systems, collection, [AP, nDCG @ 3, LPR], settings=kinds, verbose=False)
    written = write_runs(systems, collection, tmp_path / 'runs', settings=kinds, depth=21, verbose=False)
    assert [path.relative_to(tmp_path / 'runs').as_posix() for path in written] == [
        'my%20toy/monolingual.de.de.trec', 'my%20toy/monolingual.en.en.trec', 'my%20toy/monolingual.th.th.trec',
        'my%20toy/multilingual.de.trec', 'my%20toy/multilingual.en.trec', 'my%20toy/multilingual.th.trec',
    ]  # fmt: skip
    for path in written:
        qrels = tmp_path / 'runs' / 'qrels' / f'{path.stem}.qrels'
        kind, lang = path.stem.split('.')[:2]
        runs = ir_measures.read_trec_run(str(path)), pt.io.read_results(str(path)).rename(columns=NAMES)
        judged = list(ir_measures.read_trec_qrels(str(qrels))), pt.io.read_qrels(str(qrels)).rename(columns=NAMES)
        for run, judgements in zip(map(separated, map(pd.DataFrame, runs)), judged):
            for measure in (AP, nDCG @ 3):
                found = ir_measures.calc_aggregate([measure], judgements, run)[measure]
                expected = result.by_query_language(repr(measure), kind).loc['my toy', lang]
                assert found == pytest.approx(expected)
    found = {v.query_id: v.value for v in ir_measures.iter_calc([LPR(query_lang='de')], judged[0], run)}
    assert set(found.values()) <= {0, 1, 1 / 3, 1 / 2, 2 / 5}  # the qrels' second column is the passage's language


NAMES = {'qid': 'query_id', 'docno': 'doc_id', 'label': 'relevance'}


def separated(run: pd.DataFrame) -> pd.DataFrame:
    """The run with distinct scores, in the order of the file: the toy vectors have many equal scores."""
    assert run.groupby('query_id')['score'].is_monotonic_decreasing.all()
    return run.assign(score=-np.arange(len(run), dtype=float))


def test_scores_are_the_systems_own(collection, make_dense, tmp_path):
    encoder, index = make_dense()
    (path, *_) = write_runs({'toy': (encoder, index)}, collection, tmp_path / 'x', depth=2, verbose=False)
    run = pt.io.read_results(str(path))
    assert run.groupby('qid').size().to_dict() == {'q1': 2, 'q2': 2, 'q3': 2, 'q5': 2}
    assert run['rank'].tolist() == [1, 2] * 4
    topics = collection.topics('de')
    expected = index.retriever(2)(topics.assign(query_vec=list(encoder.encode_queries(topics['query']))))
    expected = expected[expected['qid'] != 'q4']
    assert np.float32(run['score']).tolist() == expected['score'].tolist()
    assert run['docno'].tolist() == expected['docno'].tolist()


def test_nine_digits_tell_float32_apart(collection, tmp_path):
    scores = np.float32([np.pi, np.nextafter(np.float32(np.pi), np.float32(0)), 1e-8])
    run = pd.DataFrame({'qid': 'q1', 'docno': ['en/1', 'de/0', 'de/1'], 'score': scores, 'query_lang': 'de'})
    (path,) = write_runs({'run': run}, collection, tmp_path / 'x', verbose=False)
    assert path.read_text().splitlines()[0] == 'q1 Q0 en/1 1 3.14159274 run'
    assert np.float32(pt.io.read_results(str(path))['score']).tolist() == scores.tolist()


def test_the_record_is_a_file_of_its_own(collection, make_dense, tmp_path):
    systems = {'toy 1': make_dense()}
    written = write_runs(systems, collection, tmp_path / 'x', settings=['monolingual', 'multilingual'], verbose=False)
    record = yaml.safe_load((tmp_path / 'x' / 'toy%201' / 'ir_metadata.yaml').read_text())
    assert record['tag'] == 'toy%201' and record['runs'] == [path.name for path in written]
    assert record['data']['test collection']['fingerprint'] == collection.fingerprint
    assert record['data']['test collection']['settings'] == {'monolingual': 3, 'multilingual': 3}
    system = record['method']['retrieval'][0]
    assert (system['name'], system['model']) == ('toy 1', 'toy')


def test_the_same_bytes_again(collection, make_dense, tmp_path):
    systems = {'toy': make_dense()}
    for name in 'ab':
        write_runs(systems, collection, tmp_path / name, verbose=False)
    once, twice = (
        {path.relative_to(folder): path.read_bytes() for path in folder.rglob('*') if path.is_file()}
        for folder in (tmp_path / 'a', tmp_path / 'b')
    )
    assert once == twice and len(once) == 8


ODD = ['', '.', '..', '../up', 'x' * 500, 'BM25', 'bm25', 'qrels', 'manifest.json', '混合语言', 'a\nb']


def test_odd_names_of_systems_have_folders_of_their_own(collection, tmp_path):
    run = pd.DataFrame({'qid': ['q1'], 'docno': ['en/1'], 'score': [1.0], 'query_lang': 'de'})
    out = tmp_path / 'a' / 'runs'
    together = write_runs(dict.fromkeys(ODD[:6], run), collection, out, verbose=False)
    one_by_one = [path for name in ODD[6:] for path in write_runs({name: run}, collection, out, verbose=False)]
    folders = json.loads((out / 'manifest.json').read_text())['systems']
    assert list(folders) == ODD
    assert [path.parent for path in together + one_by_one] == [out / folders[name] for name in ODD]
    assert len({folder.casefold() for folder in folders.values()}) == len(ODD)
    assert {path.parent.parent.resolve() for path in tmp_path.rglob('*.trec')} == {out}
    assert write_runs({'': run}, collection, out, verbose=False) == together[:1]  # its folder again
    for path in together + one_by_one:
        assert len(pt.io.read_results(str(path))) == 1  # no white space in the tag


def test_a_folder_is_of_runs_over_one_collection(small, tmp_path):
    run = pd.DataFrame({'qid': ['q1'], 'docno': ['en/1'], 'score': [1.0], 'query_lang': 'de'})
    write_runs({'run': run}, small, tmp_path / 'runs', verbose=False)
    with pytest.raises(FileExistsError, match='holds runs over another collection than'):
        write_runs({'run': run}, EvaluationSet(small, languages=['de', 'en']), tmp_path / 'runs', verbose=False)
    (tmp_path / 'notes.txt').write_text('mine')
    with pytest.raises(FileExistsError, match='holds something that is not runs; give another folder'):
        write_runs({'run': run}, small, tmp_path, verbose=False)
    assert [path.name for path in tmp_path.glob('*.txt')] == ['notes.txt']


def test_a_pipeline_over_everything_has_multilingual_runs_alone(collection, tmp_path):
    run = pd.DataFrame({'qid': ['q1', 'q1'], 'docno': ['en/1', 'de/0'], 'score': 1.0, 'query_lang': 'de'})
    kinds = ['crosslingual', 'multilingual']
    written = write_runs({'run': run}, collection, tmp_path / 'x', settings=kinds, verbose=False)
    assert [path.name for path in written] == ['multilingual.de.trec']
    assert written[0].read_text() == 'q1 Q0 de/0 1 1 run\nq1 Q0 en/1 2 1 run\n'  # scores of others stay as they are


def test_qrels_with_labels_of_a_float_column_are_read_by_ir_measures(pooled, tmp_path):
    qrels = pooled.get_qrels().astype({'label': float})
    pooled.get_qrels = lambda: qrels
    run = pd.DataFrame({'qid': ['sw:q'], 'docno': ['sw:1'], 'score': [1.0], 'query_lang': ['sw']})
    write_runs({'run': run}, pooled, tmp_path / 'runs', verbose=False)
    written = ir_measures.read_trec_qrels(str(tmp_path / 'runs' / 'qrels' / 'multilingual.sw.qrels'))
    assert [(judged.doc_id, judged.relevance) for judged in written] == [('sw:0', 0), ('sw:1', 1)]


def test_a_question_that_is_a_passage_is_left_out_of_its_own_run(pooled, tmp_path):
    topics = pd.DataFrame([('sw:0', 'why', 'sw')], columns=['qid', 'query', 'query_lang'])
    qrels = pooled.get_qrels().query("query_lang == 'sw'").assign(qid='sw:0', label=1)
    pooled.get_topics, pooled.get_qrels = lambda: topics, lambda: qrels
    run = pd.DataFrame({'qid': 'sw:0', 'docno': ['sw:0', 'sw:1'], 'score': [2.0, 1.0], 'query_lang': 'sw'})
    (path,) = write_runs({'run': run}, pooled, tmp_path / 'x', ignore_identical_ids=True, verbose=False)
    assert path.read_text() == 'sw:0 Q0 sw:1 1 1 run\n'
    record = yaml.safe_load((path.parent / 'ir_metadata.yaml').read_text())
    assert record['data']['test collection']['ignore_identical_ids'] is True


def test_what_the_format_cannot_hold(pooled, tmp_path):
    run = pd.DataFrame({'qid': ['sw:q'], 'docno': ['sw 1'], 'score': [1.0]})
    docs = [*pooled.get_corpus_iter(), {'docno': 'sw 1', 'text': 'x', 'lang': 'sw'}]
    pooled.get_corpus_iter = lambda verbose: iter(docs)
    with pytest.raises(ValueError, match="docno 'sw 1' has white space, which a TREC file"):
        write_runs({'run': run}, pooled, tmp_path / 'x', verbose=False)
    with pytest.raises(ValueError, match='depth is 0; it is a number of passages, at least 1'):
        write_runs({'x': pt.Transformer.identity()}, pooled, tmp_path, depth=0)
