"""Inverting documents: a corpus worked by hand, independence of the order, bad documents."""
import random

import numpy as np
import pytest

from pyterrier_hybrid.lexical.postings import invert

DOCUMENTS = [
    {'docno': 'd2', 'text': 'Cats, cat: dogs', 'lang': 'en', 'title': 'ignored'},
    {'docno': 'd10', 'text': 'cat', 'lang': 'vi'},
    {'docno': 'd1', 'text': '', 'lang': 'en'},
    {'docno': 'a', 'text': 'Hund cat cat', 'lang': 'de'},
]


def as_dict(postings):
    """{term: {docno: frequency}}"""
    return {
        term: {
            postings.docnos[doc]: int(tf)
            for doc, tf in zip(
                postings.docs[postings.indptr[number]:postings.indptr[number + 1]],
                postings.tfs[postings.indptr[number]:postings.indptr[number + 1]],
            )
        }
        for term, number in postings.terms.items()
    }  # fmt: skip


def assert_equal(one, other):
    assert one.terms == other.terms and list(one.terms) == list(other.terms) and one.langs == other.langs
    for name in ('docnos', 'doc_langs', 'lengths', 'indptr', 'docs', 'tfs'):
        a, b = getattr(one, name), getattr(other, name)
        assert a.dtype == b.dtype and np.array_equal(a, b), name


def test_by_hand():
    postings = invert(DOCUMENTS)
    assert postings.docnos.tolist() == ['a', 'd1', 'd10', 'd2']
    assert [postings.langs[code] for code in postings.doc_langs] == ['de', 'en', 'vi', 'en']
    assert postings.lengths.tolist() == [3, 0, 1, 3]
    assert list(postings.terms) == ['cat', 'dog', 'hund']
    assert as_dict(postings) == {'cat': {'a': 2, 'd10': 1, 'd2': 2}, 'dog': {'d2': 1}, 'hund': {'a': 1}}


def test_order_of_documents_does_not_matter():
    rng = random.Random(0)
    documents = [
        {'docno': f'{i}', 'text': ' '.join(rng.choices('abcdefgh', k=i % 7)), 'lang': rng.choice(['de', 'el'])}
        for i in range(60)
    ]
    shuffled = rng.sample(documents, len(documents))
    assert_equal(invert(documents), invert(shuffled))


@pytest.mark.parametrize('langs', [['en'], ['de', 'vi'], ['vi', 'de'], ['de', 'en', 'vi']])
def test_restriction_is_the_postings_of_those_documents(langs):
    restricted = invert(DOCUMENTS).restrict(langs)
    alone = invert([d for d in DOCUMENTS if d['lang'] in langs])
    assert {term: docs for term, docs in as_dict(restricted).items() if docs} == as_dict(alone)
    assert list(restricted.terms) == ['cat', 'dog', 'hund']
    assert restricted.langs == alone.langs == sorted(langs)
    for name in ('docnos', 'doc_langs', 'lengths'):
        assert np.array_equal(getattr(restricted, name), getattr(alone, name)), name


def test_documents_without_a_single_term():
    postings = invert([{'docno': 'd', 'text': '?', 'lang': 'en'}])
    assert postings.terms == {} and postings.indptr.tolist() == [0] and len(postings.docs) == 0


GOOD = {'docno': 'd1', 'text': 'x', 'lang': 'en'}


@pytest.mark.parametrize(('documents', 'message'), [
    ([], 'no documents'),
    ([GOOD, 'd2'], r'document 1 of the collection .* of type str; .*to_dict'),
    ([GOOD, {'text': 'x', 'lang': 'en'}], 'document 1 of the collection .* no docno'),
    ([GOOD, {**GOOD, 'docno': ' '}], r"document 1 of the collection .* empty docno \(' '\)"),
    ([GOOD, {**GOOD, 'docno': 7}], 'document 1 of the collection .* docno 7'),
    ([GOOD, {**GOOD, 'docno': 'x' * 4097}], 'document 1 of the collection .* docno of 4,097 bytes'),
    ([GOOD, {**GOOD, 'docno': 'd\ud800'}], 'document 1 of the collection .* not valid Unicode'),
    ([GOOD, GOOD], "document 'd1' occurs twice"),
    ([GOOD, {**GOOD, 'lang': 'de'}], "document 'd1' occurs twice"),
    ([{'docno': 'd9', 'text': 'x'}], "document 'd9' has no field 'lang'"),
    ([{**GOOD, 'lang': None}], "document 'd1' has the language None"),
    ([{**GOOD, 'lang': 'German'}], "document 'd1' has the language 'German'"),
    ([{'docno': 'd9', 'lang': 'en'}], "document 'd9' .*None"),
    ([{**GOOD, 'text': float('nan')}], "document 'd1' .*nan"),
    ([{**GOOD, 'text': 'half \ud83d'}], "document 'd1' .*surrogate"),
])  # fmt: skip
def test_bad_documents(documents, message):
    with pytest.raises(ValueError, match=message):
        invert(iter(documents))
