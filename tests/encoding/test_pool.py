"""An encoder on several devices: here two processes on the CPU."""
import copy
import os
import pickle
import signal

import numpy as np
import pandas as pd
import pyterrier as pt
import pytest
import torch

from pyterrier_hybrid.encoding import HybridEncoder


@pytest.fixture(scope='module')
def both(xlmr):
    """An encoder on one device and one on two, alike otherwise."""
    options = {'pooling': 'cls', 'normalize': True, 'query_prefix': 'q: ', 'passage_prefix': 'p: ',
               'max_passage_length': 12, 'dtype': 'float32'}  # fmt: skip
    return HybridEncoder(xlmr, device='cpu', **options), HybridEncoder(xlmr, device=['cpu', 'cpu'], **options)


def test_two_processes_give_the_same_vectors(both, texts, monkeypatch):
    monkeypatch.setattr('pyterrier_hybrid.encoding.pool.WINDOW', 100)
    one, two = both
    many = [f'{texts[i % len(texts)]} {i}' for i in range(450)]
    assert np.abs(one.encode_docs(many) - two.encode_docs(many)).max() < 1e-6
    assert np.abs(one.encode_queries(many[:10]) - two.encode_queries(many[:10])).max() < 1e-6
    assert two.encode_docs([]).shape == (0, 16)
    assert one.model_name == two.model_name
    assert (one.devices, two.devices) == ((torch.device('cpu'),), (torch.device('cpu'),) * 2)


class Reader(pt.Indexer):
    """Takes a stream of documents, and notes how many were asked for when it got each."""

    def __init__(self, asked: list):
        self.asked, self.docnos, self.vectors, self.ahead = asked, [], [], []

    def index(self, docs, **options):
        for doc in docs:
            self.docnos.append(doc['docno'])
            self.vectors.append(doc['doc_vec'])
            self.ahead.append(len(self.asked))


def test_a_stream_keeps_its_order_and_is_not_read_ahead(both, monkeypatch):
    monkeypatch.setattr('pyterrier_hybrid.encoding.stages.WINDOW', 100)
    monkeypatch.setattr('pyterrier_hybrid.encoding.pool.WINDOW', 100)
    one, two = both
    asked = []

    def docs():
        for i in range(930):
            asked.append(i)
            yield {'docno': f'd{i}', 'text': f'text {i}' * (i % 5)}

    reader = Reader(asked)
    (two.doc_encoder() >> reader).index(docs())
    assert reader.docnos == [f'd{i}' for i in range(930)]
    assert reader.ahead == [400] * 400 + [800] * 400 + [930] * 130  # two windows for each process, no more
    assert np.abs(np.stack(reader.vectors) - one.encode_docs([doc['text'] for doc in docs()])).max() < 1e-6


def test_a_killed_process_is_an_error_and_the_next_call_starts_anew(both):
    _, two = both
    two.encode_docs(['a'])
    victim = next(iter(two._engine._pool._executor._processes))
    os.kill(victim, signal.SIGKILL)
    with pytest.raises(ChildProcessError, match='one of the 2 processes that encode was killed'):
        for _ in range(100):
            two.encode_docs(['a'])
    assert two.encode_docs(['a']).shape == (1, 16)


def test_a_bad_text_is_refused_before_it_is_sent(both):
    _, two = both
    with pytest.raises(ValueError, match="document 'd1' is not a string"):
        two.doc_encoder()(pd.DataFrame({'docno': ['d0', 'd1'], 'text': ['a', None]}))


def test_a_copy_encodes(both):
    _, two = both
    expected = two.encode_docs(['a'])
    for other in (copy.deepcopy(two), pickle.loads(pickle.dumps(two))):
        assert np.array_equal(other.encode_docs(['a']), expected)
    with torch.no_grad():
        next(other.model.parameters()).add_(1)
    with pytest.raises(ValueError, match='the model has changed'):
        copy.deepcopy(other).encode_docs(['a'])


@pytest.mark.parametrize('change', ['weights', 'dimension'])
@pytest.mark.parametrize('begun', [False, True])
def test_a_changed_model_is_refused(xlmr, change, begun):
    """The processes read the checkpoint, which does not have the change."""
    encoder = HybridEncoder(xlmr, device=['cpu', 'cpu'], dtype='float32')
    if begun:
        encoder.encode_docs(['a'])
    if change == 'weights':
        with torch.no_grad():
            next(encoder.model.parameters()).add_(1)
    else:
        encoder.model.truncate_dim = 4
    with pytest.raises(ValueError, match='the model has changed since its checkpoint was read'):
        encoder.encode_docs(['a'])


def test_devices_that_are_not_there(xlmr):
    with pytest.raises(ValueError, match="the device 'warp' cannot be used"):
        HybridEncoder(xlmr, device=['cpu', 'warp'])
    with pytest.raises(ValueError, match='device is an empty list'):
        HybridEncoder(xlmr, device=[])
