"""Inverse cloze: part of a text asks for the whole."""
import pytest

from pyterrier_hybrid.pairs.cloze import inverse_cloze

WORDS = ' '.join(f'word{i}' for i in range(200))


def cloze(text, **options):
    return list(inverse_cloze([{'id': 'a', 'source': 's', 'text': text}], **options))


def test_a_row_becomes_a_question_and_its_passage():
    (row,) = cloze({'de': WORDS, 'en': WORDS.upper()})
    assert (row['id'], row['source'], row['query_id']) == ('a', 'inverse-cloze:s', 'inverse-cloze:s/a')
    assert row['positive'] == {'de': WORDS, 'en': WORDS.upper()}
    for lang, text in row['positive'].items():
        kept, units = row['query'][lang].split(), text.split()
        assert 70 < len(kept) < 130
        places = [units.index(unit) for unit in kept]
        assert places == sorted(set(places))  # in the text's order, none twice
    assert row['query']['de'] != row['query']['en'].lower()  # another choice in each language


@pytest.mark.parametrize(('text', 'units'), [
    ('ein Haus am See', ['ein', 'Haus', 'am', 'See']),
    ('谁写了浮士德', ['谁写', '了浮', '士德']),
    ('ใครเขียนเฟาสต์', ['ใครเ', 'ขียน', 'เฟาส', 'ต์']),
    ('iPhone是什么', ['iPhone', '是什', '么']),
])  # fmt: skip
def test_units_of_scripts_with_and_without_spaces(text, units):
    (row,) = cloze({'xx': text}, keep=1.0, min_units=1)
    assert row['query']['xx'] == ' '.join(units)


def test_a_row_without_texts():
    assert cloze(None) == []


def test_keep_is_the_expected_share():
    for keep in (0.1, 0.9):
        (row,) = cloze({'de': WORDS}, keep=keep)
        assert abs(len(row['query']['de'].split()) / 200 - keep) < 0.08


def test_at_least_one_unit_is_kept():
    (row,) = cloze({'de': 'a b c d'}, keep=0.0)
    assert row['query']['de'] in {'a', 'b', 'c', 'd'}


def test_short_texts_are_left_out():
    (row,) = cloze({'de': 'a b c', 'en': 'a b c d'})
    assert set(row['query']) == set(row['positive']) == {'en'}
    assert cloze({'de': 'a b c'}) == []


def test_rows_with_questions_are_passed_over():
    assert list(inverse_cloze([{'id': 'q', 'source': 's', 'query': {'de': WORDS}, 'positive': {'de': WORDS}}])) == []


def test_the_seed_decides():
    assert cloze({'de': WORDS}, seed=1) == cloze({'de': WORDS}, seed=1) != cloze({'de': WORDS}, seed=2)


@pytest.mark.parametrize('wrong', [{'keep': -0.1}, {'keep': float('nan')}, {'keep': 1.5}, {'min_units': 0}])
def test_what_would_keep_nothing_is_refused(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        list(inverse_cloze([], **wrong))
