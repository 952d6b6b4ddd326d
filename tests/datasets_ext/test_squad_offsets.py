"""SQuAD-format files whose fields have the right names: read, mended or refused as the rules say."""
import json
from itertools import pairwise

import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

from datasets_ext.checks import LeftOut
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
    for span in spans:
        if len(span) != 2 or not all(map(whole, span)) or not end <= span[0] < span[1] <= len(context):
            return None
        if context[slice(*span)].isspace():
            return None
        end = span[1]
    return [tuple(span) for span in spans]


def holding(spans, start) -> int | None:
    return next((n for n, (a, b) in enumerate(spans) if a <= start < b), None)


def exactly(answer, paragraph, spans) -> int | None:
    """The number of the passage in which an answer starts, None if it does not start where it says."""
    start = answer['answer_start']
    if not whole(start) or start < 0 or not paragraph['context'][start:].startswith(answer.get('text', '')):
        return None
    return holding(spans, start)


def nearby(answer, paragraph, spans) -> int | None:
    """The number of the passage that has an answer's text nearest to where it should be."""
    text, start = answer.get('text', ''), answer['answer_start'] if whole(answer['answer_start']) else 0
    there = [at for at in range(len(paragraph['context']))
             if text and paragraph['context'][at:].startswith(text) and holding(spans, at) is not None]
    return holding(spans, min(there, key=lambda at: (abs(at - start), at))) if there else None


def read(file, strict: bool) -> tuple[list, dict, int] | None:
    """Passages, answers and the number of faults by the rules, without regard to anything else.

    None where it must be refused: where there is a fault and reading is strict, or where it cannot be mended.
    """
    docs, known, faults = [], {}, 0
    for number, paragraph in enumerate(file):
        if not paragraph['context'].strip():
            faults += 1
            continue
        spans = passages(paragraph)
        if spans is None:
            return None
        docs += [(f'de/{number}.{n}', paragraph['context'][a:b]) for n, (a, b) in enumerate(spans)]
        for qa in paragraph['qas']:
            name, text = str(qa['id']), qa['question']
            if not name or ' ' in name or not isinstance(text, str):
                return None
            if not text.strip():
                faults += 1
                continue
            at = None
            if qa.get('is_impossible') is not True:
                found = [exactly(answer, paragraph, spans) for answer in qa['answers']]
                faults += not found or found[0] is None if strict else not found or set(found) == {None}
                found += [nearby(answer, paragraph, spans) for answer in qa['answers']]
                at = next((n for n in found if n is not None), None)
            value = (text, None if at is None else f'de/{number}.{at}')
            faults += name in known
            if known.setdefault(name, value) != value:
                return None
    answers = {name: doc_id for name, (_, doc_id) in known.items() if doc_id}
    return None if strict and faults else (docs, answers, faults)


@settings(max_examples=1500, deadline=None)
@given(st.lists(paragraphs, max_size=2), st.booleans())
def test_refused_or_mended_exactly_when_the_rules_say_so(file, strict):
    data = json.dumps({'data': [{'title': 't', 'paragraphs': file}]}).encode()
    expected, left_out = read(file, strict), LeftOut(strict)
    event('refused' if expected is None else f'read, with {"some" if expected[1] else "no"} answers, strict {strict}')
    if expected is None:
        with pytest.raises(ValueError, match=r'^x\.json: data\[0\]\.paragraphs\[\d\]'):
            parse(data, 'de', 'x.json', left_out)
    else:
        found = parse(data, 'de', 'x.json', left_out)
        faults = sum(map(len, left_out.found.values()))
        assert ([(doc.doc_id, doc.text) for doc in found.docs], found.answers, faults) == expected
        assert [query.query_id for query in found.queries] == list(found.answers)
        assert not {query.query_id for query in found.unanswered} & found.answers.keys()
