"""No passage that answers a question of a batch is a wrong answer in it: by an exhaustive look at random duplicates."""
import tempfile
from collections import Counter

import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from pyterrier_hybrid.batches.hybrid import HybridBatches
from pyterrier_hybrid.pairs.corpus import ParallelPairs
from pyterrier_hybrid.training.feed import batch_texts

LANGS = ('de', 'en', 'fr')
KINDS = ('monolingual', 'crosslingual', 'multilingual', 'mixed')


def texts(prefix: str):
    """One to three languages to texts of a small stock, some of which read the same in all languages."""
    number = st.integers(0, 30)
    text = st.builds(lambda n, same: (n, same), number, st.sampled_from([False, False, False, True]))
    chosen = st.dictionaries(st.sampled_from(LANGS), text, min_size=1)
    return chosen.map(
        lambda found: {lang: f'{prefix}{n}' if same else f'{lang} {prefix}{n}' for lang, (n, same) in found.items()}
    )


def ids(name: str):
    """A given id, mostly none."""
    return st.one_of(st.just({}), st.just({}), st.integers(0, 9).map(lambda n: {name: f'{n}'}))


passages = st.integers(0, 30).flatmap(lambda n: st.sampled_from([f'p{n}', *(f'{lang} p{n}' for lang in LANGS)]))
question_rows = st.builds(
    lambda query, positive, negatives, passage_id, query_id: {
        'source': 'faq', 'query': query, 'positive': positive, 'negatives': negatives, **passage_id, **query_id,
    },
    texts('q'), texts('p'), st.dictionaries(st.sampled_from(LANGS), st.lists(passages, max_size=5)),
    ids('passage_id'), ids('query_id'),
)  # fmt: skip
bitext_rows = st.builds(
    lambda text, passage_id: {'source': 'talks', 'text': text, **passage_id}, texts('p'), ids('passage_id')
)
corpora = st.lists(st.one_of(question_rows, question_rows, question_rows, bitext_rows), min_size=12, max_size=40)


def shared(row: dict) -> set:
    """What a row has in common with others, if they have it too."""
    said = [*row.get('positive', row.get('text')).values()]
    if 'query_id' not in row:
        said += row.get('query', {}).values()
    given_ids = {(name, row[name]) for name in ('passage_id', 'query_id') if name in row}
    return {('text', text) for text in said} | given_ids


def answers(rows: list[dict], start: int) -> set[str]:
    """All passages, in all languages, of the rows that can be reached from one through what rows have in common."""
    reached, keys = {start}, shared(rows[start])
    while True:
        more = {i for i, row in enumerate(rows) if i not in reached and keys & shared(row)}
        if not more:
            return {text for i in reached for text in rows[i].get('positive', rows[i].get('text')).values()}
        reached |= more
        keys = keys.union(*(shared(rows[i]) for i in more))


@pytest.mark.parametrize('kind', KINDS)
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(rows=corpora, batch_size=st.integers(2, 5), seed=st.integers(0, 99))
def test_no_false_negative_in_any_batch(kind, rows, batch_size, seed):
    rows = [{**row, 'id': f'{i}'} for i, row in enumerate(rows)]
    with tempfile.TemporaryDirectory() as folder:
        pairs = ParallelPairs.from_rows(rows, f'{folder}/pairs', verbose=False)
        try:
            batches = HybridBatches(pairs, batch_size=batch_size, mix={kind: 1.0}, seed=seed)
            batch_texts(batches, 0, 2)
        except ValueError as error:
            event(str(error)[:20])
            assert 'no source can fill' in str(error) or 'there is none in' in str(error)
            return
        event('drawn')
        for step in range(4):
            batch = batches.batch(step)
            try:
                columns = batch_texts(batches, step, 2)
            except ValueError as error:
                assert 'there is none in' in str(error)
                continue
            numbers = [int(pairs[source].ids([row])[0]) for source, row in zip(batch.sources, batch.rows)]
            for slot, number in enumerate(numbers):
                right = answers(rows, number)
                others = [text for at, text in enumerate(columns['passage']) if at != slot]
                assert not right & {*others, *columns['negative_1'], *columns['negative_2']}
                assert columns['passage'][slot] in right


@pytest.mark.parametrize('kind', KINDS)
def test_constructed_duplicates(kind, tmp_path):
    """Eight questions twice, each time with another passage; eight passages twice, with another question.

    Every question exists in two of three languages, and its double shares but one of them; so do the passages.
    """
    two = [('de', 'en'), ('en', 'fr'), ('fr', 'de')]

    def said(what: str, i: int, double: int) -> dict[str, str]:
        return {lang: f'{lang} {what}{i}' for lang in two[(i + double) % 3]}

    rows, group = [], {}
    for i in range(8):
        for double in (0, 1):
            other = f'{i}.{double}'
            for name, query, positive in (
                (f'question {other}', said('q', i, double), {lang: f'{lang} a{other}' for lang in LANGS}),
                (f'passage {other}', {lang: f'{lang} b{other}' for lang in LANGS}, said('p', i, double)),
            ):
                group[name] = name.split()[0], i
                rows.append({'id': name, 'source': 'faq', 'query': query, 'positive': positive})
    pairs = ParallelPairs.from_rows(rows, tmp_path / 'pairs', verbose=False)
    batches = HybridBatches(pairs, batch_size=10, mix={kind: 1.0})
    met = Counter()
    for step in range(60):
        drawn = [group[name] for name in pairs['faq'].ids(batches.batch(step).rows)]
        assert len(set(drawn)) == 10
        met.update(drawn)
    assert len(met) == 16 and min(met.values()) > 20
