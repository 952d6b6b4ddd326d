"""What a row of the interchange format may be, and what is said about one that is not."""
import pytest

from pyterrier_hybrid.pairs.rows import check_row

QA = {'id': '1', 'source': 's', 'query': {'en': 'q', 'de': 'f'}, 'positive': {'en': 'p'}}
BITEXT = {'id': '1', 'source': 's', 'text': {'ru': 'т', 'en': 't'}}


def test_qa():
    row = check_row({**QA, 'passage_id': 'p1', 'negatives': {'en': ['a', 'b'], 'de': []}, 'licence': 'MIT'}, 'row 1')
    assert row == ('1', 's', 'qa', {'de': 'f', 'en': 'q'}, {'en': 'p'}, 'p1', {'en': ['a', 'b']}, None)
    assert check_row({**QA, 'query_id': 'q1'}, 'row 1').query_id == 'q1'
    assert list(row.query) == ['de', 'en']


def test_bitext_has_one_text_on_both_sides():
    row = check_row({**BITEXT, 'doc': 'd'}, 'row 1')
    assert row.kind == 'bitext'
    assert list(row.query.items()) == [('en', 't'), ('ru', 'т')]
    assert row.positive is row.query


@pytest.mark.parametrize(
    ('value', 'message'),
    [
        (['a'], 'x, line 7 is not a JSON object but list'),
        ({**QA, 'id': None}, 'x, line 7 has no "id"'),
        ({**QA, 'id': 3}, 'x, line 7 has the id 3; it must be a string'),
        ({**QA, 'source': ' '}, 'x, line 7 has an empty "source"'),
        ({**QA, 'passage_id': 3}, 'x, line 7 has the passage_id 3'),
        ({**QA, 'query_id': ''}, 'x, line 7 has an empty "query_id"'),
        ({**BITEXT, 'query_id': 'q'}, 'x, line 7 has both "text" and "query_id"'),
        ({'id': '1', 'source': 's'}, 'x, line 7 has no "query"; a row has "query" and "positive"'),
        ({'id': '1', 'source': 's', 'query': {'en': 'q'}}, 'x, line 7 has no "positive"'),
        ({**QA, 'text': {'en': 't'}}, 'x, line 7 has both "text" and "query"'),
        ({**BITEXT, 'negatives': {}}, 'x, line 7 has both "text" and "negatives"'),
        ({**QA, 'query': 'q'}, 'x, line 7: "query" must map languages to texts'),
        ({**QA, 'positive': {}}, 'x, line 7: "positive" must map languages to texts'),
        ({**QA, 'query': {'English': 'q'}}, "x, line 7: \"query\" has the language 'English'"),
        ({**QA, 'query': {'EN': 'q'}}, "x, line 7: \"query\" has the language 'EN'"),
        ({**QA, 'query': {'en': 7}}, "x, line 7: \"query\" in 'en' is not a text but 7"),
        ({**QA, 'positive': {'en': None}}, "x, line 7: \"positive\" in 'en' is not a text but None"),
        ({**BITEXT, 'text': {'en': 't', 'de': ' \n'}}, "x, line 7: \"text\" in 'de' is an empty text"),
        ({**QA, 'negatives': ['n']}, 'x, line 7: "negatives" must map languages to lists'),
        ({**QA, 'negatives': {'en': 'n'}}, "x, line 7: \"negatives\" in 'en' must be a list of texts"),
        ({**QA, 'negatives': {'en': ['n', '']}}, "x, line 7: \"negatives\" in 'en' is an empty text"),
        ({**QA, 'negatives': {'1': ['n']}}, "x, line 7: \"negatives\" has the language '1'"),
    ],
)
def test_malformed(value, message):
    with pytest.raises(ValueError) as error:
        check_row(value, 'x, line 7')
    assert str(error.value).startswith(message)


def test_a_field_of_the_other_kind_that_is_null_is_absent():
    assert check_row({**QA, 'text': None}, 'x') == check_row(QA, 'x')
    assert check_row({**BITEXT, 'query': None, 'negatives': None}, 'x') == check_row(BITEXT, 'x')
