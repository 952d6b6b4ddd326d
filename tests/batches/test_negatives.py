"""Hard negatives: given ones first, never a right answer to another question of the batch."""
from collections import Counter

import numpy as np
import pytest

from pyterrier_hybrid.batches.hybrid import HybridBatches
from pyterrier_hybrid.batches.negatives import batch_negatives
from pyterrier_hybrid.pairs.corpus import ParallelPairs


def plan(rows, folder, mix='monolingual', batch_size=4, **options):
    pairs = ParallelPairs.from_rows(rows, folder / 'pairs', verbose=False)
    return HybridBatches(pairs, batch_size=batch_size, mix={mix: 1.0}, **options)


def row(i, langs, negatives, **more):
    texts = {'query': {lang: f'{lang} q{i}' for lang in langs}, 'positive': {lang: f'{lang} p{i}' for lang in langs}}
    return {'id': f'{i}', 'source': 'faq', **texts, 'negatives': negatives, **more}


def test_given_negatives_are_used_in_the_language_of_the_passage(tmp_path):
    langs = ('de', 'en')
    rows = [row(i, langs, {lang: [f'{lang} n{i}'] for lang in langs}) for i in range(12)]
    batches = plan(rows, tmp_path, 'crosslingual')
    for step in range(20):
        batch = batches.batch(step)
        (texts,) = batch_negatives(batches, batch, 1)
        queries = batches.pairs['faq'].ids(batch.rows)
        assert texts.tolist() == [f'{lang} n{i}' for i, lang in zip(queries, batch.passage_langs)]


def test_what_is_missing_is_filled_up_with_other_passages(tmp_path):
    batches = plan((row(i, ('de',), {'de': [f'de n{i}']} if i % 2 else {}) for i in range(40)), tmp_path)
    for step in range(20):
        batch = batches.batch(step)
        ids = [int(i) for i in batches.pairs['faq'].ids(batch.rows)]
        texts = batch_negatives(batches, batch, 2)
        assert texts.shape == (2, 4) and texts.dtype == object
        fillers = []
        for slot, i in enumerate(ids):
            own = texts[:, slot].tolist()
            assert (f'de n{i}' in own) == (i % 2 == 1)
            fillers += [text for text in own if text != f'de n{i}']
        assert len(fillers) == sum(2 - i % 2 for i in ids) == len(set(fillers))
        assert all(text.startswith('de p') for text in fillers)
        assert not set(fillers) & {f'de p{i}' for i in ids}


def test_no_row_is_filled_up_with_what_it_has(tmp_path):
    """Each of 8 rows is given the passages of three others; two of 8 are in a batch."""
    rows = [row(i, ('de',), {'de': [f'de p{(i + d) % 8}' for d in (1, 2, 3)]}) for i in range(8)]
    batches = plan(rows, tmp_path, batch_size=2)
    for step in range(100):
        for own in batch_negatives(batches, batches.batch(step), 4).T:
            assert len(set(own)) == 4


def test_fillers_are_drawn_from_all_rows(tmp_path):
    batches = plan((row(i, ('de',), {}) for i in range(20)), tmp_path)
    drawn = Counter(text for step in range(100) for text in batch_negatives(batches, batches.batch(step), 1)[0])
    assert len(drawn) == 20 and max(drawn.values()) < 3 * min(drawn.values())


@pytest.mark.parametrize('kind', ['monolingual', 'crosslingual', 'multilingual', 'mixed'])
def test_never_a_passage_that_answers_another_row(tmp_path, kind):
    """Every row is given its neighbours' passages, in both languages: those in the batch are left out."""
    langs, n = ('de', 'en'), 12
    near = [{lang: [f'{lang} p{(i + d) % n}' for d in (1, 2, 3, 0)] for lang in langs} for i in range(n)]
    batches = plan((row(i, langs, near[i]) for i in range(n)), tmp_path, kind)
    left_out = 0
    for step in range(60):
        batch = batches.batch(step)
        ids = [int(i) for i in batches.pairs['faq'].ids(batch.rows)]
        answers = {f'{lang} p{i}' for i in ids for lang in langs}  # in whatever language they were drawn
        texts = batch_negatives(batches, batch, 2)
        assert not answers & set(texts.ravel().tolist())
        for slot, i in enumerate(ids):
            usable = set(near[i][batch.passage_langs[slot]]) - answers
            left_out += 4 - len(usable)
            own = set(texts[:, slot])
            assert own <= usable if len(usable) >= 2 else usable <= own
    assert left_out > 60


def test_never_the_passage_of_a_row_that_has_it_in_that_language_alone(tmp_path):
    """A row without German cannot be drawn in it, but its English passage is left out of English negatives."""
    rows = [row(i, ('en',), {'en': [f'en p{(i + 1) % 8}', f'en n{i}']}) for i in range(8)]
    batches = plan(rows, tmp_path, batch_size=6)
    for step in range(10):
        batch = batches.batch(step)
        ids = [int(i) for i in batches.pairs['faq'].ids(batch.rows)]
        for i, text in zip(ids, batch_negatives(batches, batch, 1)[0]):
            assert text == f'en n{i}' or (text == f'en p{(i + 1) % 8}' and (i + 1) % 8 not in ids)


def test_never_a_translation_that_another_row_alone_has(tmp_path):
    """Row i has its passage in German; that in English is known from row i + 8, and given to all as a negative."""
    given = {'en': [f'en p{i}' for i in range(8)] + [f'en n{i}' for i in range(3)]}
    rows = [row(i, ('de',), {}, passage_id=f'p{i}') for i in range(8)]
    rows += [
        {'id': f'{i}', 'source': 'faq', 'query': {'de': f'Frage {i}'}, 'positive': {'en': f'en p{i}'},
         'negatives': given, 'passage_id': f'p{i}'}
        for i in range(8)
    ]  # fmt: skip
    rows = [{**each, 'id': f'{at}'} for at, each in enumerate(rows)]
    batches = plan(rows, tmp_path, 'multilingual')
    seen, answered_in_german = Counter(), 0
    for step in range(60):
        batch = batches.batch(step)
        numbers = [int(i) % 8 for i in batches.pairs['faq'].ids(batch.rows)]
        assert len(set(numbers)) == 4
        answered_in_german += batch.passage_langs.count('de')
        english = [lang == 'en' for lang in batch.passage_langs]
        texts = batch_negatives(batches, batch, 2)[:, english].ravel().tolist()
        assert not {f'en p{i}' for i in numbers} & set(texts)
        seen.update(text[3] for text in texts)
    assert answered_in_german > 60 and seen['p'] > seen['n'] > 0


def test_more_given_than_asked_for_are_drawn_evenly(tmp_path):
    batches = plan((row(i, ('de',), {'de': [f'de n{i}.{j}' for j in range(5)]}) for i in range(8)), tmp_path)
    drawn = Counter()
    for step in range(200):
        texts = batch_negatives(batches, batches.batch(step), 2)
        assert all(a != b and a.split('.')[0] == b.split('.')[0] for a, b in texts.T)
        drawn.update(text.split('.')[1] for text in texts.ravel())
    assert min(drawn.values()) > 0.8 * max(drawn.values())


def test_equal_given_negatives_count_once(tmp_path):
    batches = plan((row(i, ('de',), {'de': [f'de n{i}'] * 3}) for i in range(12)), tmp_path)
    first, second = batch_negatives(batches, batches.batch(0), 2)
    assert all(('n' in a) != ('n' in b) for a, b in zip(first, second))


def test_pure(corpus):
    batches = HybridBatches(corpus, batch_size=8, mix={'crosslingual': 1.0}, source_temperature=0.0)
    again = HybridBatches(ParallelPairs(corpus.folder), batch_size=8, mix={'crosslingual': 1.0}, source_temperature=0.0)
    backwards = {step: batch_negatives(again, again.batch(step), 3) for step in range(19, -1, -1)}
    assert {batches.batch(step).sources[0] for step in range(20)} == {'faq', 'talks'}
    forwards = {step: batch_negatives(batches, batches.batch(step), 3) for step in range(20)}
    assert all(np.array_equal(forwards[step], backwards[step]) for step in range(20))
    other = HybridBatches(corpus, batch_size=8, mix={'crosslingual': 1.0}, source_temperature=0.0, seed=1)
    assert not np.array_equal(batch_negatives(other, other.batch(0), 3), backwards[0])


def test_bitext_is_filled_up_with_other_texts(corpus):
    batches = HybridBatches(corpus, batch_size=4, mix={'crosslingual': 1.0}, source_temperature=0.0)
    step = next(step for step in range(30) if batches.batch(step).sources[0] == 'talks')
    batch, texts = batches.batch(step), batch_negatives(batches, batches.batch(step), 2)
    numbers = [int(i[1:]) for i in batches.pairs['talks'].ids(batch.rows)]
    for slot, lang in enumerate(batch.passage_langs):
        for text in texts[:, slot]:
            assert text.startswith(f'{lang} sentence ') and int(text.split()[2]) not in numbers


def test_few_passages_are_used_again_when_all_were_used(tmp_path):
    batches = plan((row(i, ('de',), {}) for i in range(6)), tmp_path)
    texts = batch_negatives(batches, batches.batch(0), 3).ravel().tolist()
    assert sorted(Counter(texts).values()) == [6, 6]


def test_no_passage_to_fill_up_with(tmp_path):
    batches = plan((row(i, ('de',), {}) for i in range(4)), tmp_path)
    with pytest.raises(ValueError, match="step 0: beside the passages of the batch there is none in 'de' to fill"):
        batch_negatives(batches, batches.batch(0), 1)


def test_a_source_with_nothing_beside_the_batch_takes_from_the_others(corpus):
    batches = HybridBatches(corpus, batch_size=8, mix={'monolingual': 1.0}, source_temperature=0.0)
    step = next(step for step in range(30) if batches.batch(step).sources[0] == 'german')
    texts = batch_negatives(batches, batches.batch(step), 2).ravel().tolist()
    assert len(set(texts)) == 16 and all(text.startswith(('de passage', 'de sentence')) for text in texts)
