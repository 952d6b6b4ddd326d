"""A real encoder, multilingual-e5-small, on real sentences: against other libraries, and in an index."""
import ir_datasets
import numpy as np
import pandas as pd
import pyterrier as pt
import pytest
import torch
from ir_measures import AP, R
from sentence_transformers import SentenceTransformer
from transformers import AutoModel, AutoTokenizer

import pyterrier_hybrid  # noqa: F401
from pyterrier_hybrid.encoding import HybridEncoder, precision
from pyterrier_hybrid.indexing import MultilingualIndex

LANGS = ('ar', 'de', 'el', 'en', 'es', 'hi', 'ru', 'th', 'tr', 'vi', 'zh')


@pytest.fixture(scope='module')
def sentences(data_root) -> list[dict]:
    """Three parallel sentences in each of eleven languages."""
    store = ir_datasets.load('xquad-r').docs_store()
    return [{'docno': docno, 'text': store.get(docno).text, 'lang': docno[:2]}
            for lang in LANGS for docno in (f'{lang}/0.0', f'{lang}/1.0', f'{lang}/2.0')]  # fmt: skip


@pytest.fixture(scope='module')
def texts(sentences) -> list[str]:
    return [doc['text'] for doc in sentences]


@pytest.fixture(scope='module')
def full(e5) -> HybridEncoder:
    return HybridEncoder(e5, device='cpu', dtype='float32')


@pytest.fixture(scope='module')
def expected(full, texts) -> np.ndarray:
    return full.encode_docs(texts)


def test_the_checkpoint_says_how_it_is_used(full):
    assert (full.query.prefix, full.passage.prefix, full.normalize) == ('query: ', 'passage: ', True)
    assert (full.passage.max_length, full.dimension) == (512, 384)


def test_plain_transformers_text_by_text(e5, texts, expected):
    tokenizer, model = AutoTokenizer.from_pretrained(e5), AutoModel.from_pretrained(e5, dtype=torch.float32).eval()
    for text, vector in zip(texts, expected):
        inputs = tokenizer(f'passage: {text}', truncation=True, max_length=512, return_tensors='pt')
        with torch.no_grad():
            mean = model(**inputs).last_hidden_state[0].mean(0)
        assert np.abs((mean / mean.norm()).numpy() - vector).max() < 2e-6


def test_sentence_transformers(e5, full, texts, expected):
    model = SentenceTransformer(str(e5), device='cpu', model_kwargs={'dtype': torch.float32})
    assert np.abs(model.encode(texts, prompt_name='document') - expected).max() < 2e-6
    queries = model.encode(texts[:11], prompt_name='query')
    assert np.abs(queries - full.encode_queries(texts[:11])).max() < 2e-6


@pytest.mark.filterwarnings('ignore:.*is slow on the device')
def test_bfloat16_is_sentence_transformers_in_bfloat16_and_near_float32(e5, texts, expected):
    some = slice(None, None, 3)
    half = HybridEncoder(e5, device='cpu', dtype='bfloat16').encode_docs(texts[some])
    assert (half * expected[some]).sum(1).min() > 0.9997
    model = SentenceTransformer(str(e5), device='cpu', model_kwargs={'dtype': torch.bfloat16})
    theirs = model.encode(texts[some], prompt_name='document', convert_to_tensor=True).float().numpy()
    theirs /= np.linalg.norm(theirs, axis=1, keepdims=True)  # which was done in bfloat16 there, as was the mean
    assert (theirs * half).sum(1).min() > 0.9997


def test_auto_takes_bfloat16_where_the_processor_has_it_and_the_check_passes(e5, texts, expected, monkeypatch, recwarn):
    monkeypatch.delenv(precision.VARIABLE, raising=False)
    encoder = HybridEncoder(e5, device='cpu')
    vectors = encoder.encode_docs(texts)
    assert encoder.dtype == precision.resolve_dtype('auto', [torch.device('cpu')])
    assert not [w for w in recwarn if 'other vectors' in str(w.message)]
    cosines = (vectors * expected).sum(1)
    assert cosines.min() > (0.9997 if encoder.dtype == torch.bfloat16 else 0.999999)


def test_an_index_an_artifact_and_an_experiment(full, sentences, expected, tmp_path):
    index = MultilingualIndex(tmp_path / 'e5.flex', verbose=False)
    (full.doc_encoder() >> index).index(iter(sentences))
    opened = pt.Artifact.load(str(tmp_path / 'e5.flex'))
    assert list(opened.docnos()) == [doc['docno'] for doc in sentences]
    assert np.abs(opened.open().vecs - expected).max() < 1e-6

    topics = pd.DataFrame({'qid': ['0', '1', '2'], 'query': [doc['text'] for doc in sentences if doc['lang'] == 'en']})
    judged = [(doc['docno'].partition('/')[2][0], doc['docno'], 1) for doc in sentences]
    qrels = pd.DataFrame(judged, columns=['qid', 'docno', 'label'])
    table = pt.Experiment([full.query_encoder() >> opened.retriever(33)], topics, qrels, [AP, R @ 11])
    scores = full.encode_queries(topics['query']) @ expected.T
    by_hand = []
    for qid, row in enumerate(scores):
        relevant = np.array([doc['docno'].partition('/')[2][0] == str(qid) for doc in sentences])[np.argsort(-row)]
        by_hand.append(((np.cumsum(relevant) / np.arange(1, 34))[relevant]).mean())
    assert table.loc[0, 'AP'] == pytest.approx(np.mean(by_hand), abs=1e-6)
    assert table.loc[0, 'R@11'] > 0.9  # a sentence finds its translations


@pytest.mark.filterwarnings('ignore:.*is slow on the device')
def test_rankings_survive_bfloat16(e5, full):
    """On the first paragraphs of XQuAD-R in two languages; benchmarks/encode_quality.py has all of it."""
    docs = [doc for doc in ir_datasets.load('xquad-r').docs_iter()
            if doc.lang in ('de', 'en') and int(doc.doc_id[3:].partition('.')[0]) < 7]  # fmt: skip
    places, judged = {doc.doc_id: i for i, doc in enumerate(docs)}, {}
    for qrel in ir_datasets.load('xquad-r/en').qrels_iter():
        if qrel.doc_id in places:
            judged.setdefault(qrel.query_id, []).append(places[qrel.doc_id])
    asked = {query.query_id: query.query for query in ir_datasets.load('xquad-r/en').queries_iter()}
    queries = [asked[qid] for qid in judged]
    assert len(queries) > 20

    def figures(encoder) -> tuple[float, float]:
        scores = encoder.encode_queries(queries) @ encoder.encode_docs([doc.text for doc in docs]).T
        ranks = [np.sort(1 + (row[:, None] > row[relevant]).sum(0)) for row, relevant in zip(scores, judged.values())]
        precisions = [(np.arange(1, len(found) + 1) / found).mean() for found in ranks]
        return np.mean(precisions), np.mean([found[-1] - found[0] for found in ranks])

    (full_ap, full_distance), (ap, distance) = figures(full), figures(HybridEncoder(e5, device='cpu', dtype='bfloat16'))
    assert 0.5 < full_ap < 1 and full_distance > 1
    assert abs(ap - full_ap) < 0.005
    assert abs(distance - full_distance) < 0.05 * full_distance
