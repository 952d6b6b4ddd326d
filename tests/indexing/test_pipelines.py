"""The pipelines that a user writes, as PyTerrier inspects and draws them: no stage without what it needs."""
import pandas as pd
import pyterrier as pt
import pytest
from pyterrier.schematic import transformer_schematic

from pyterrier_hybrid import BM25Index
from pyterrier_hybrid.encoding import HybridEncoder, static_backbone


@pytest.fixture
def pipelines(build, docs, tmp_path, monkeypatch):
    monkeypatch.setattr(pt.documentation, 'objects_inv', lambda *args, **kwargs: {})  # would be downloaded
    index, texts = build(docs), [doc['text'] for doc in docs]
    bm25 = BM25Index(tmp_path / 'b', verbose=False).index(docs)
    encoder = HybridEncoder.from_model(static_backbone(texts, vocab_size=100, dimension=8))
    queries = encoder.query_encoder()
    return {
        'search': queries >> index.retriever(),
        'without itself': queries >> index.retriever(5, exclude='qid', langs='de'),
        'index as a retriever': queries >> index,
        'indexing': encoder.doc_encoder() >> index,
        'indexing with an indexer': encoder.doc_encoder() >> index.indexer(mode='overwrite'),
        'indexing terms': pt.apply.text(lambda row: row['text']) >> bm25,
        'bm25': bm25.bm25(exclude='qid'),
        're-ranking': bm25.bm25() % 5 >> queries >> index.scorer(),
        'with languages': queries >> index.np_retriever(num_results=3) >> index.add_doc_lang(),
    }


def stages(schematic: dict) -> list[dict]:
    return [schematic, *(x for part in schematic.get('transformers', ()) for x in stages(part))]


def test_no_stage_is_drawn_as_broken(pipelines):
    for name, pipeline in pipelines.items():
        for stage in stages(transformer_schematic(pipeline)):
            assert 'input_validation_error' not in stage, name
            assert stage.get('type') != 'transformer' or stage['output_columns'], name
    kinds = {name: stages(transformer_schematic(pipeline))[-1]['type'] for name, pipeline in pipelines.items()}
    assert {name for name, kind in kinds.items() if kind == 'indexer'} == {
        'indexing', 'indexing with an indexer', 'indexing terms',
    }  # fmt: skip


def test_what_pipelines_need_and_give(pipelines):
    run = {'qid', 'query', 'query_vec', 'docno', 'docid', 'score', 'rank', 'doc_lang'}
    for name in ('search', 'without itself', 'index as a retriever'):
        assert pt.inspect.transformer_inputs(pipelines[name])[0] == ['qid', 'query']
        assert set(pt.inspect.transformer_outputs(pipelines[name], ['qid', 'query'])) == run
    assert pt.inspect.transformer_inputs(pipelines['re-ranking']) == [['qid', 'query', 'query_lang']]
    assert pt.inspect.transformer_inputs(pipelines['bm25']) == [['qid', 'query', 'query_lang']]


def test_an_empty_topic_stops_no_experiment(pipelines):
    topics = pd.DataFrame({'qid': ['1', '2', '3'], 'query': ['de passage 3', ' ', 'nothing'], 'query_lang': 'de'})
    qrels = pd.DataFrame({'qid': ['1', '2', '3'], 'docno': 'de/3', 'label': 1})
    systems = [pipelines[name] for name in ('search', 'bm25', 're-ranking')]
    with pytest.warns(UserWarning, match='empty'):
        table = pt.Experiment(systems, topics, qrels, ['recip_rank'], perquery=True)
    assert (table['value'][table['qid'] == '2'] == 0).all() and (table['value'][table['qid'] == '1'] > 0).all()


def test_re_ranking_nothing_gives_nothing(pipelines):
    found = pipelines['re-ranking'](pd.DataFrame({'qid': ['1'], 'query': ['nothing'], 'query_lang': ['de']}))
    assert len(found) == 0 and {'docno', 'score', 'rank', 'doc_lang'} <= set(found.columns)
