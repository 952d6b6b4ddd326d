"""Held-out pairs: whole passages, out of everything that is trained on."""
import numpy as np
import pytest

from pyterrier_hybrid.pairs import PairsSubset, ParallelPairs
from pyterrier_hybrid.pairs.views import hold_out
from pyterrier_hybrid.training.validation_sources import from_pairs


def rows():
    """60 passages with one to three questions, the passage's text as bitext too, and 30 other texts; de and en."""
    for i in range(60):
        passage = {'de': f'de passage {i}', 'en': f'en passage {i}'}
        for j in range(1 + i % 3):
            question = {'de': f'de question {j} about {i}', 'en': f'en question {j} about {i}'}
            yield {'id': f'{i}.{j}', 'source': 'qa', 'query': question, 'positive': passage}
        yield {'id': f'p{i}', 'source': 'bitext', 'text': passage}
    for i in range(30):
        yield {'id': f't{i}', 'source': 'bitext', 'text': {'de': f'de text {i}', 'en': f'en text {i}'}}


@pytest.fixture(scope='module')
def pairs(tmp_path_factory):
    return ParallelPairs.from_rows(rows(), tmp_path_factory.mktemp('pairs') / 'pairs', verbose=False)


def ids(pairs) -> set[str]:
    return {name for source in pairs.sources for name in source.ids(range(len(source)))}


def passages(pairs) -> set[int]:
    return {number for source in pairs.sources for number in source.passage_ids.tolist()}


@pytest.mark.parametrize(('wanted', 'least', 'most'), [(0.3, 20, 55), (20, 20, 22), (1, 1, 3), (100, 100, 102)])
def test_whole_passages_go_and_nothing_of_them_stays(pairs, wanted, least, most):
    rest, held = hold_out(pairs, wanted)
    assert not passages(rest) & passages(held)
    assert ids(rest) | ids(held) == ids(pairs) and len(rest) + len(held) == len(pairs)
    assert least <= len(held['qa']) <= most
    assert {name for name in ids(held) if name[0] == 't'} == set()  # other bitext is trained on
    assert len(held['bitext']) == len(set(held['qa'].passage_ids.tolist()))
    assert not {text for _, text in rest.iter_texts()} & {text for _, text in held.iter_texts()}


def test_the_same_rows_each_time_and_a_smaller_number_is_a_part_of_a_larger(pairs):
    assert ids(hold_out(pairs, 30)[1]) == ids(hold_out(pairs, 30)[1]) > ids(hold_out(pairs, 10)[1])
    fingerprints = [part.fingerprint for wanted in (10, 30, 0.1) for part in hold_out(pairs, wanted)]
    assert len({*fingerprints, pairs.fingerprint}) == 7


def test_of_a_subset(pairs):
    """Of a study's fraction; the choice has nothing to do with it."""
    subset = PairsSubset(pairs, 0.6, seed=0)
    rest, held = hold_out(subset, 0.5)
    assert ids(rest) | ids(held) == ids(subset) and not passages(rest) & passages(held)
    assert ids(held) == ids(subset) & ids(hold_out(pairs, 0.5)[1])


def test_bitext_alone_is_held_out_too(tmp_path):
    texts = [{'id': f'{i}', 'source': 's', 'text': {'de': f'de {i}', 'en': f'en {i}'}} for i in range(20)]
    rest, held = hold_out(ParallelPairs.from_rows(texts, tmp_path / 'pairs', verbose=False), 5)
    assert (len(rest), len(held)) == (15, 5)
    whole = from_pairs(held, 'held')
    assert [kind for kind, _ in whole.settings] == ['crosslingual'] * 2 and whole.kinds == ['crosslingual']
    assert sorted(whole.queries) == sorted(whole.passages) and len(whole.queries) == 10


@pytest.mark.parametrize('wanted', [0, -1, 1.0, 1.5, 120, 500, float('nan'), np.int64(0)])
def test_out_of_bounds(pairs, wanted):
    with pytest.raises(ValueError, match='to hold out some of 120 rows give a fraction above 0 and below 1'):
        hold_out(pairs, wanted)


@pytest.mark.parametrize('wanted', [True, '3', None])
def test_no_number(pairs, wanted):
    with pytest.raises(ValueError, match='to hold out pairs give a fraction of them, or a number of rows'):
        hold_out(pairs, wanted)


def test_too_little(pairs):
    with pytest.raises(ValueError, match='held out 1e-09 leaves none of the 210 rows'):
        hold_out(pairs, 1e-9)


def test_settings_of_held_out_pairs(pairs):
    """Every question in both languages, over the passages in each; a passage once for its several questions."""
    _, held = hold_out(pairs, 40)
    whole = from_pairs(held, 'held')
    questions, different = len(held['qa']), len(set(held['qa'].passage_ids.tolist()))
    assert len(whole.queries) == 2 * questions and len(whole.passages) == 2 * different
    assert [kind for kind, _ in whole.settings] == ['monolingual', 'crosslingual', 'crosslingual', 'monolingual']
    for kind, judged in whole.settings:
        asked, found = whole.of_query[judged], whole.of_passage[judged]
        assert len(set(asked.tolist())) == questions and len(set(found.tolist())) == different
        for query, passage in zip(asked, found):
            assert whole.queries[query].split()[-1] == whole.passages[passage].split()[-1]
        langs = [{whole.queries[q][:2] for q in asked}, {whole.passages[p][:2] for p in found}]
        assert all(len(each) == 1 for each in langs) and (langs[0] == langs[1]) == (kind == 'monolingual')
        assert langs == [set(whole.query_langs[asked]), set(whole.passage_langs[found])]


def test_passages_joined_by_an_id_are_not_ranked_for_each_other(tmp_path):
    rows = [
        {'id': f'{i}', 'source': 's', 'passage_id': f'p{i // 2}', 'query': {'de': f'q{i}'}, 'positive': {'de': f'p{i}'}}
        for i in range(6)
    ]  # fmt: skip
    whole = from_pairs(ParallelPairs.from_rows(rows, tmp_path / 'pairs', verbose=False), 'own')
    assert len(whole.of_query) == 6 and len(whole.settings) == 1
    same = whole.query_groups[:, None] == whole.passage_groups
    assert same.sum(axis=1).tolist() == [2] * 6 and same[whole.of_query, whole.of_passage].all()


def test_one_passage_is_no_choice(tmp_path):
    one = [{'id': 'a', 'source': 's', 'query': {'de': 'q'}, 'positive': {'de': 'p', 'en': 'p'}}]
    with pytest.raises(ValueError, match='own: no language has two passages to choose from; hold out more'):
        from_pairs(ParallelPairs.from_rows(one, tmp_path / 'pairs', verbose=False), 'own')
