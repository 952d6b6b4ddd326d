"""What each kind of batch takes, and that a further kind takes one file."""
import subprocess
import sys

import pytest

from pyterrier_hybrid.batches.kinds import Kind
from pyterrier_hybrid.pairs.protocol import Stratum

MONO, CROSS, MULTI, MIXED = Kind


@pytest.mark.parametrize(('kind', 'source_kind', 'queries', 'passages', 'expected'), [
    (MONO, 'qa', 'de en', 'de en', 'de-de en-en'),
    (MIXED, 'qa', 'de en', 'de en', 'de-de en-en'),
    (CROSS, 'qa', 'de en', 'de en', 'de-en en-de'),
    (MULTI, 'qa', 'de en', 'de en', 'de-de de-en en-de en-en'),
    (MONO, 'qa', 'de en', 'en fr', 'en-en'),
    (CROSS, 'qa', 'de en', 'en fr', 'de-en de-fr en-fr'),
    (MULTI, 'qa', 'de en', 'en fr', 'de-en de-fr en-en en-fr'),
    (MONO, 'qa', 'de', 'de', 'de-de'),
    (CROSS, 'qa', 'de', 'de', ''),
    (MULTI, 'qa', 'de', 'de', 'de-de'),
    (MONO, 'qa', 'de', 'en', ''),
    (MIXED, 'qa', 'de', 'en', ''),
    (CROSS, 'qa', 'de', 'en', 'de-en'),
    (MONO, 'bitext', 'de en', 'de en', ''),
    (MIXED, 'bitext', 'de en', 'de en', ''),
    (MULTI, 'bitext', 'de en', 'de en', ''),
    (CROSS, 'bitext', 'de en', 'de en', 'de-en en-de'),
    (CROSS, 'bitext', 'de', 'de', ''),
])  # fmt: skip
def test_language_pairs(kind, source_kind, queries, passages, expected):
    stratum = Stratum(tuple(queries.split()), tuple(passages.split()), 0, 1, 1)
    assert ' '.join(f'{x}-{y}' for x, y in kind.language_pairs(source_kind, stratum)) == expected


def test_a_kind_is_its_name():
    assert [Kind(kind.value) for kind in Kind] == list(Kind) == ['monolingual', 'crosslingual', 'multilingual', 'mixed']
    assert repr(Kind.MIXED) == "<Kind.MIXED: 'mixed'>"


@pytest.mark.parametrize('one_pair', [False, True])
def test_a_further_kind_is_a_further_member(tmp_path, one_pair):
    """A module in the place of ``kinds``, with one member more: batches, their negatives and tables know it at once."""
    code = f'''
import inspect, sys, types
from pyterrier_hybrid.batches import kinds

member = """    FROM_ENGLISH = Rule(
        'from-english', lambda queries, passages: [('en', y) for y in passages if 'en' in queries and y != 'en'],
        needs='question-passage rows that have a query in English and a passage in another language',
        one_pair={one_pair},
    )

    def __new__"""
kinds.__dict__.update(types.ModuleType('kinds').__dict__ | {{'__name__': kinds.__name__}})
exec(inspect.getsource(kinds).replace('    def __new__', member, 1), kinds.__dict__)

from pyterrier_hybrid.batches import HybridBatches
from pyterrier_hybrid.batches.negatives import batch_negatives
from pyterrier_hybrid.pairs import ParallelPairs

def row(i):
    langs = ('de', 'en', 'fr') if i < 16 else ('de', 'en')
    texts = {{side: {{lang: f'{{lang}} {{side}} {{i}}' for lang in langs}} for side in ('query', 'positive')}}
    return {{'id': str(i), 'source': 'faq', **texts}}

pairs = ParallelPairs.from_rows(map(row, range(24)), {str(tmp_path / 'pairs')!r}, verbose=False)
batches = HybridBatches(pairs, batch_size=4, mix={{'from-english': 0.5, 'mixed': 0.5}})
drawn = [batches.batch(step) for step in range(40)]
drawn = [batch for batch in drawn if batch.kind == 'from-english']
langs = [set(zip(batch.query_langs, batch.passage_langs)) for batch in drawn]
assert set().union(*langs) == {{('en', 'de'), ('en', 'fr')}}
assert all(len(pairs) == 1 for pairs in langs) == {one_pair}
assert batch_negatives(batches, drawn[0], 1).shape == (1, 4)
assert batches.describe().set_index('kind').loc['from-english', 'language_pairs'] == 2
try:
    HybridBatches(pairs, batch_size=40, mix={{'from-english': 1}})
except ValueError as error:
    print(error)
'''
    run = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True, check=True)
    assert 'no source can fill a from-english batch of 40' in run.stdout
    assert 'question-passage rows that have a query in English' in run.stdout
