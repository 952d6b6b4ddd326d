"""SQuAD-format files whose fields have the right names: refused exactly when a plain reading of the rules says so."""
import json
from itertools import pairwise

import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

from datasets_ext.squad import parse

offsets = st.integers(0, 7) | st.sampled_from([0, 1, 2, 3, -1, 9, True, 1.0, '3', None])
contexts = st.text('aé𝄞b. ', min_size=1, max_size=8)
cuts = st.lists(st.integers(0, 8), max_size=5, unique=True).map(sorted)
spans_in_order = cuts.map(lambda at: [list(pair) for pair in pairwise(at)])
any_spans = st.lists(st.lists(offsets, max_size=3), max_size=3)
answers = st.fixed_dictionaries({'answer_start': offsets}, optional={'text': st.sampled_from(['', 'a', 'é𝄞'])})
questions = st.fixed_dictionaries(
    {'id': st.sampled_from(['q1', 'q2', 'q3', 'q4', 'q5', 'two words', '', 7]),
     'question': st.sampled_from(['Wer?', 'Wo?', 'Wie?', ' ', 5]),
     'answers': st.lists(answers, min_size=1, max_size=2) | st.lists(answers, max_size=1)},
    optional={'is_impossible': st.sampled_from([True, False, 1, 'false', None])})
paragraphs = st.fixed_dictionaries({'context': contexts, 'qas': st.lists(questions, max_size=2)},
                                   optional={'sentence_breaks': spans_in_order | any_spans})


def whole(value) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def passages(paragraph) -> list[tuple[int, int]] | None:
    """The spans of a paragraph's passages, None if the file must be refused."""
    context, end = paragraph['context'], 0
    spans = paragraph.get('sentence_breaks', [[0, len(context)]])
    if not context.strip():
        return None
    for span in spans:
        if len(span) != 2 or not all(map(whole, span)) or not end <= span[0] < span[1] <= len(context):
            return None
        if context[slice(*span)].isspace():
            return None
        end = span[1]
    return [tuple(span) for span in spans]


def answered(qa, paragraph, spans) -> int | None:
    """The number of the passage with the first answer, None if the file must be refused."""
    if not isinstance(qa['id'], str) or not qa['id'] or ' ' in qa['id']:
        return None
    if not isinstance(qa['question'], str) or not qa['question'].strip() or not qa['answers']:
        return None
    answer = qa['answers'][0]
    start = answer['answer_start']
    if not whole(start) or start < 0 or not paragraph['context'][start:].startswith(answer.get('text', '')):
        return None
    return next((n for n, (a, b) in enumerate(spans) if a <= start < b), None)


def read(file) -> tuple[list, dict] | None:
    """Passages and answers by the rules, written out without regard to anything else; None where it must be refused."""
    docs, answers = [], {}
    for number, paragraph in enumerate(file):
        spans = passages(paragraph)
        if spans is None:
            return None
        docs += [(f'de/{number}.{n}', paragraph['context'][a:b]) for n, (a, b) in enumerate(spans)]
        for qa in (qa for qa in paragraph['qas'] if qa.get('is_impossible') is not True):
            at = answered(qa, paragraph, spans)
            if at is None or qa['id'] in answers:
                return None
            answers[qa['id']] = f'de/{number}.{at}'
    return docs, answers


@settings(max_examples=1500, deadline=None)
@given(st.lists(paragraphs, max_size=2))
def test_refused_exactly_when_the_rules_say_so(file):
    data = json.dumps({'data': [{'title': 't', 'paragraphs': file}]}).encode()
    expected = read(file)
    event('refused' if expected is None else f'read, with {"some" if expected[1] else "no"} answers')
    if expected is None:
        with pytest.raises(ValueError, match=r'^x\.json: data\[0\]\.paragraphs\[\d\]'):
            parse(data, 'de', 'x.json')
    else:
        found = parse(data, 'de', 'x.json')
        assert ([(doc.doc_id, doc.text) for doc in found.docs], found.answers) == expected
