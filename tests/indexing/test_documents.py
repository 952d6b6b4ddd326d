"""What is refused of a document, each with its own message."""
from functools import partial

import numpy as np
import pytest
import torch

from pyterrier_hybrid.indexing.documents import Buffer, check_docno, check_lang, check_vector, read_documents


@pytest.mark.parametrize('doc, message', [
    ('docno', 'document 5 of the collection .*is of type str; documents are dicts'),
    ({}, 'document 5 of the collection .*has no docno'),
    ({'docno': None}, 'document 5 of the collection .*has no docno'),
    ({'docno': float('nan')}, 'document 5 of the collection .*has the docno nan of type float'),
    ({'docno': 17}, 'document 5 of the collection .*has the docno 17 of type int'),
    ({'docno': b'd1'}, 'of type bytes; a docno is a str'),
    ({'docno': ''}, 'document 5 of the collection .*has an empty docno'),
    ({'docno': ' \n'}, 'document 5 of the collection .*has an empty docno'),
    ({'docno': 'd\x00'}, r"the docno 'd\\x00', which holds a NUL"),
    ({'docno': 'é' * 2049}, r'document 5 of the collection .*has a docno of 4,098 bytes .* at most 4,096'),
    ({'docno': 'x' * 10**6}, r'document 5 of the collection .*has a docno of 1,000,000 bytes \(.x{50,80}\);'),
    ({'docno': '\ud800'}, 'is not valid Unicode'),
])  # fmt: skip
def test_bad_docnos(doc, message):
    with pytest.raises(ValueError, match=message):
        check_docno(doc, 5)


@pytest.mark.parametrize('docno', ['d1', 'de/17.3', '中', ' d', np.str_('d1'), 'x' * 4096])
def test_good_docnos(docno):
    assert check_docno({'docno': docno}, 1) == docno


@pytest.mark.parametrize('doc, message', [
    ({}, "document 'd1' has no doc_vec; put an encoder before the index"),
    ({'doc_vec': None}, "document 'd1' has no doc_vec"),
    ({'doc_vec': [1, 2]}, "document 'd1' has a vector of 2 dimensions, those before it have 3"),
    ({'doc_vec': [[1, 2, 3]]}, r"the doc_vec of document 'd1' has the shape \(1, 3\)"),
    ({'doc_vec': []}, r'has the shape \(0,\)'),
    ({'doc_vec': 3.0}, r'has the shape \(\)'),
    ({'doc_vec': 'vector'}, "the doc_vec of document 'd1' is not a vector of real numbers"),
    ({'doc_vec': ['1', '2', '3']}, 'is not a vector of real numbers'),
    ({'doc_vec': [1, [2], 3]}, 'is not a vector of real numbers'),
    ({'doc_vec': [1, 2j, 3]}, "the doc_vec of document 'd1' is not a vector of real numbers"),
    ({'doc_vec': np.ones(3, np.complex64)}, 'is not a vector of real numbers'),
    ({'doc_vec': np.array([1, 2j, 3], object)}, 'is not a vector of real numbers'),
    ({'doc_vec': np.array(['2026-01-01'] * 3, 'M8[D]')}, 'is not a vector of real numbers'),
    ({'doc_vec': [1, float('nan'), 3]}, "the doc_vec of document 'd1' has a value that is not finite"),
    ({'doc_vec': [1, float('inf'), 3]}, 'not finite'),
    ({'doc_vec': np.array([1e39, 0, 0])}, 'not finite in float32'),
])  # fmt: skip
def test_bad_vectors(doc, message):
    with pytest.raises(ValueError, match=message):
        check_vector(doc, 'd1', 3)


@pytest.mark.parametrize('vector', [[1, 2, 3], np.array([1, 2, 3], np.float16), torch.tensor([1.0, 2.0, 3.0])])
def test_good_vectors(vector):
    found = check_vector({'doc_vec': vector}, 'd1', None)
    assert (found.tolist(), found.dtype) == ([1, 2, 3], np.float32)


@pytest.mark.parametrize('doc, message', [
    ({}, "document 'd1' has no field 'lang'; every document"),
    ({'lang': None}, "document 'd1' has the language None"),
    ({'lang': float('nan')}, "document 'd1' has the language nan"),
    ({'lang': 'German'}, "document 'd1' has the language 'German'; a language is an ISO 639-1 code"),
])  # fmt: skip
def test_bad_languages(doc, message):
    with pytest.raises(ValueError, match=message):
        check_lang(doc, 'd1')


def test_a_buffer_gives_back_what_was_added():
    buffer = Buffer(2)
    for rounds in range(2):
        assert buffer.room([np.array([1, 2], np.float32)]).tolist() == [[1, 2]]
        buffer.add(['b'], ['th'])
        buffer.room([np.array([3, 4], np.float32)])
        buffer.add(['a'], ['de'])
        taken = buffer.take()
        assert (list(taken.docnos), taken.langs().tolist(), taken.vecs.tolist()) == (
            ['b', 'a'], ['th', 'de'], [[1, 2], [3, 4]],
        ), rounds  # fmt: skip
        assert len(buffer) == 0


@pytest.mark.parametrize('change, message', [
    ({'docno': 'd\0'}, 'NUL'), ({'docno': ' '}, 'empty docno'), ({'docno': 'x' * 5000}, 'docno of 5,000 bytes'),
    ({'docno': '\ud800'}, 'half a surrogate'), ({'docno': 7}, 'docno 7 of type int'),
    ({'doc_vec': np.array([1, np.nan], np.float32)}, 'not finite'), ({'lang': 'German'}, "language 'German'"),
    ({'doc_vec': np.ones(3, np.float32)}, '3 dimensions'),
    ({'doc_vec': np.ones((1, 2), np.float32)}, 'shape'), ({'doc_vec': np.array([7e4, 0])}, 'up to 65504'),
    ({'doc_vec': np.array([np.inf, -np.inf], np.float32)}, 'not finite'), ({'doc_vec': None}, 'no doc_vec'),
])  # fmt: skip
@pytest.mark.parametrize('kind', [np.float32, np.float64, list])
def test_documents_are_read_up_to_the_first_that_is_wrong(change, message, kind):
    """Those of which nothing is out of the ordinary all at once, any others one by one, to the same effect."""
    make = list if kind is list else partial(np.asarray, dtype=kind)
    docs = [{'docno': f'd{i}', 'doc_vec': make([i, 1.0]), 'lang': 'de'} for i in range(5)]
    (docnos, vectors, langs), wrong = read_documents(docs, 0, None, Buffer(9), 65504.0)
    assert (docnos, vectors.tolist(), langs, wrong) == (
        ['d0', 'd1', 'd2', 'd3', 'd4'], [[i, 1] for i in range(5)], ['de'] * 5, None
    )  # fmt: skip
    docs[3] |= change
    (docnos, vectors, langs), wrong = read_documents(docs, 0, 2, Buffer(9), 65504.0)
    assert (docnos, vectors.tolist(), langs) == (['d0', 'd1', 'd2'], [[i, 1] for i in range(3)], ['de'] * 3)
    with pytest.raises(ValueError, match=message):
        raise wrong
