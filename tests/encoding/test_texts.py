"""What is refused before anything is encoded."""
import pandas as pd
import pyterrier as pt
import pytest

from pyterrier_hybrid.encoding.texts import check_column, check_texts


@pytest.mark.parametrize(('texts', 'names', 'message'), [
    (['a', ''], None, 'query 1 is empty'),
    (['a', ' \n\t'], ['q1', 'q2'], "query 'q2' is empty"),
    (['a', None], ['q1', 'q2'], "query 'q2' is not a string but NoneType: None"),
    (['a', 'b \ud83d c'], ['q1', 'q2'], "query 'q2' holds half a surrogate pair .* at character 2"),
    ([float('nan')], None, 'query 0 is not a string but float: nan'),
])  # fmt: skip
def test_bad_texts_are_named(texts, names, message):
    with pytest.raises(ValueError, match=message):
        check_texts(texts, 'query', names, empty=False)


def test_an_empty_document_is_fine():
    check_texts(['', 'a'], 'document')


def test_a_missing_column_names_those_there_are():
    with pytest.raises(pt.validate.InputValidationError, match="no column 'text' to encode; the input has docno, body"):
        check_column(pd.DataFrame({'docno': ['d'], 'body': ['x']}), 'text', 'docno')
    check_column(pd.DataFrame({'text': ['x']}), 'text', 'docno')


def test_messages_are_short_whatever_they_name():
    with pytest.raises(ValueError) as error:
        check_texts([None], 'document', ['d' * 10_000_000])
    assert len(str(error.value)) < 300
