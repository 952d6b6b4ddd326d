"""Texts that nobody expects: encoded, or refused by the document's id, and an index in the making is not lost."""
import numpy as np
import pytest

from pyterrier_hybrid.encoding import HybridEncoder
from pyterrier_hybrid.indexing import MultilingualIndex

ODD = {
    'empty': '',
    'spaces': ' \t\n\u3000',
    'controls': 'a\x00b\x01\x1b[31m\x7f\x85\u2028c',
    'right-to-left': 'abc \u202eمرحبا\u202c def \u200fשלום\u200e 123',
    'joined': '👨‍👩‍👧‍👦 e\u0301\u0301\u0301 \ufeff\ufffe',
    'unassigned': '\U000e0fff\U0010ffff\ue000',
    'nothing the tokenizer knows': '𒀀𒁀𒂀',
    'long': 'Faust ' * 20_000,
    'long word': 'x' * 100_000,
    'long without spaces': '谁' * 100_000,
}  # fmt: skip
REFUSED = [None, 3, 2.5, float('nan'), b'bytes', ['a list'], 'half \ud83d', '\udc00']


@pytest.mark.parametrize('folder', ['xlmr', 'labse', 'static'])
def test_odd_texts_are_encoded_each_as_it_is_alone(request, folder):
    encoder = HybridEncoder(request.getfixturevalue(folder), device='cpu', dtype='float32')
    together = encoder.encode_docs(ODD.values())
    assert np.isfinite(together).all()
    for vector, text in zip(together, ODD.values()):
        assert np.abs(encoder.encode_docs([text])[0] - vector).max() < 1e-5
    cut = encoder.encode_docs([ODD['long'][:60_000]])[0]
    if folder != 'static':  # which reads all of a text, unless it is told a length
        assert np.abs(cut - together[list(ODD).index('long')]).max() < 1e-5


@pytest.mark.parametrize('text', REFUSED, ids=ascii)
def test_a_refused_text_is_named_and_what_was_indexed_before_is_kept(static, tmp_path, monkeypatch, text):
    monkeypatch.setattr('pyterrier_hybrid.encoding.stages.WINDOW', 100)
    encoder, path = HybridEncoder(static, device='cpu', batch_size=1), tmp_path / 'x.flex'
    docs = [{'docno': f'd{i}', 'text': f'text {i}', 'lang': 'de'} for i in range(350)]
    broken = [doc if i != 230 else {**doc, 'text': text} for i, doc in enumerate(docs)]
    index = MultilingualIndex(path, verbose=False)
    with pytest.raises(ValueError, match=r"document 'd230' (is not a string|holds half a surrogate)"):
        (encoder.doc_encoder() >> index).index(broken)
    assert not index.built()
    indexer = index.indexer(mode='resume')
    assert len(list(indexer.remaining(docs))) == 150  # the windows before the broken one are on disk
    (encoder.doc_encoder() >> indexer).index(docs)
    assert list(index.docnos()) == [doc['docno'] for doc in docs]
