import subprocess
import sys

import pytest

from pyterrier_hybrid.measures import Languages


def test_repr_is_short_and_tells_contents_apart_in_any_order_and_process():
    one = Languages({f'd{i}': 'de' if i % 2 else 'en' for i in range(13014)})
    assert repr(one) == repr(Languages({docno: one[docno] for docno in reversed(list(one))}))
    assert repr(one) != repr(Languages({**one, 'd0': 'de'}))
    assert len(repr(one)) < 50 and '13014' in repr(one)
    code = 'from pyterrier_hybrid.measures import Languages; print(repr(Languages({"d1": "de", "d2": "en"})))'
    other = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True, check=True,
                           env={'PYTHONHASHSEED': '7', 'PYTHONPATH': ':'.join(p for p in sys.path if p)})
    assert other.stdout.strip() == repr(Languages({'d2': 'en', 'd1': 'de'}))


def test_docno_and_language_do_not_run_together_in_the_fingerprint():
    assert repr(Languages({'a': 'de', 'b': 'en'})) != repr(Languages({'ade': 'de', 'b': 'en'}))


def test_is_a_mapping_that_later_changes_of_the_source_do_not_reach():
    source = {'d1': 'de', 'd2': 'en'}
    langs = Languages(source)
    source['d1'] = 'fr'
    assert dict(langs) == {'d1': 'de', 'd2': 'en'} and len(langs) == 2 and 'd3' not in langs
    assert langs == Languages([('d1', 'de'), ('d2', 'en')]) and hash(langs) == hash(Languages({'d2': 'en', 'd1': 'de'}))


def test_shares():
    assert Languages({'d1': 'en', 'd2': 'de', 'd3': 'en', 'd4': 'en'}).shares() == {'de': .25, 'en': .75}


@pytest.mark.parametrize(('contents', 'message'), [
    ({}, 'Languages is empty'),
    ({3: 'de'}, r"docno 3 \(int\)"),
    ({'d1': 'german'}, "document 'd1' has the language 'german'"),
    ({'d1': 'de', 'd2': None}, "document 'd2' has the language None"),
    ({'d1': ['de']}, "document 'd1'"),
])
def test_bad_input(contents, message):
    with pytest.raises(ValueError, match=message):
        Languages(contents)
