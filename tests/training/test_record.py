"""What a run's record and card say of what was drawn."""
import json

import pytest

from pyterrier_hybrid.batches.hybrid import HybridBatches
from pyterrier_hybrid.training.card import write_card
from pyterrier_hybrid.training.record import drawn_languages, drawn_shares, verify_run, write_training_record

SETTINGS = {
    'backbone': 'static', 'mix': {'monolingual': 1.0}, 'pairs': 'f' * 32, 'batch_size': 8, 'steps_done': 10,
    'temperature': 0.05, 'negatives': 0, 'seed': 0, 'query_prefix': '', 'passage_prefix': '',
}  # fmt: skip


@pytest.fixture
def pairs(bare):
    """Sources of 300 and 100 rows; ru has too few rows for a batch, and it is in German rows alone; el in bitext."""
    return bare(
        large=('qa', [('de en', 'de en', 290), ('de', 'de ru', 10)]), small=('qa', [('en', 'en', 100)]),
        text=('bitext', [('de el', 'de el', 400)]),
    )  # fmt: skip


def test_by_hand(pairs):
    batches = HybridBatches(pairs, batch_size=20, mix={'monolingual': 0.75, 'crosslingual': 0.25})
    assert drawn_shares(batches, 10) == [
        {'kind': 'monolingual', 'share': 0.75, 'sources': {'large': 0.5625, 'small': 0.1875},
         'query_langs': {'de': 0.28125, 'en': 0.46875}, 'passage_langs': {'de': 0.28125, 'en': 0.46875}},
        {'kind': 'crosslingual', 'share': 0.25, 'sources': {'large': 0.105072, 'text': 0.144928},
         'query_langs': {'de': 0.125, 'el': 0.072464, 'en': 0.052536},
         'passage_langs': {'de': 0.125, 'el': 0.072464, 'en': 0.052536}},
    ]  # fmt: skip


@pytest.mark.parametrize('mix', [
    {'monolingual': 0.5, 'crosslingual': 0.5},
    {'multilingual': 0.4, 'mixed': 0.6},
    [(0, {'monolingual': 1.0}), (200, {'crosslingual': 1.0})],
])  # fmt: skip
@pytest.mark.parametrize('temperature', [0.0, 1.0])
def test_shares_are_what_is_drawn(corpus, mix, temperature):
    """The small corpus's sources are pooled where they cannot fill a batch of 12."""
    batches = HybridBatches(corpus, batch_size=12, mix=mix, source_temperature=temperature)
    drawn, shares = batches.preview(400), drawn_shares(batches, 400)
    for part in shares:
        of_kind = drawn[drawn['kind'] == part['kind']]
        assert sum(of_kind['pairs']) / 4_800 == pytest.approx(part['share'], abs=0.08)
        for column, table in (('source', 'sources'), ('query_lang', 'query_langs'), ('passage_lang', 'passage_langs')):
            found = of_kind.groupby(column)['pairs'].sum() / 4_800
            assert found.to_dict() == pytest.approx(part[table], abs=0.08)
            assert sum(part[table].values()) == pytest.approx(part['share'], abs=1e-5)
    assert sum(part['share'] for part in shares) == pytest.approx(1)


@pytest.mark.parametrize(('mix', 'steps', 'expected'), [
    ({'monolingual': 1.0}, 10, ['de', 'en']),
    ({'monolingual': 0.5, 'crosslingual': 0.5}, 10, ['de', 'el', 'en']),
    ([(0, {'monolingual': 1.0}), (8, {'crosslingual': 1.0})], 8, ['de', 'en']),
    ([(0, {'monolingual': 1.0}), (8, {'crosslingual': 1.0})], 9, ['de', 'el', 'en']),
])  # fmt: skip
def test_languages_that_are_never_drawn_are_not_on_the_card(pairs, mix, steps, expected):
    assert drawn_languages(drawn_shares(HybridBatches(pairs, batch_size=20, mix=mix), steps)) == expected


def test_the_record_is_json(pairs, tmp_path):
    shares = drawn_shares(HybridBatches(pairs, batch_size=20, mix={'monolingual': 1.0}), 10)
    write_training_record(tmp_path, {**SETTINGS, 'composition': shares})
    assert json.loads((tmp_path / 'training.json').read_text())['composition'] == shares


def test_the_card_states_no_licence_and_says_so(tmp_path):
    write_card(tmp_path, 'run', SETTINGS, ['de', 'no'], 64)
    front, text = (tmp_path / 'README.md').read_text().removeprefix('---\n').split('---\n', 1)
    assert front.splitlines()[-1] == 'language: ["de", "no"]' and 'license' not in front
    assert 'No licence is stated: it depends on those of the backbone and of the pairs' in text


@pytest.fixture
def written(tmp_path):
    """The folder of a run."""
    (tmp_path / 'deep').mkdir()
    (tmp_path / 'deep' / 'weights').write_bytes(b'weights')
    write_training_record(tmp_path, SETTINGS)
    return tmp_path


def test_a_run_is_verified(written):
    verify_run(written)
    (written / 'deep' / 'weights').write_bytes(b'Weights')
    with pytest.raises(ValueError, match='deep/weights has changed since it was written: train again'):
        verify_run(str(written))
    (written / 'deep' / 'weights').unlink()
    with pytest.raises(FileNotFoundError, match='deep/weights is missing'):
        verify_run(written)


@pytest.mark.parametrize(('content', 'message'), [
    ('{', r'training\.json is not JSON'), ('[]', r'has no training\.json with digests'),
    ('{"mix": {}, "seed": 0, "pairs": ""}', r'has no training\.json with digests'),
])  # fmt: skip
def test_what_cannot_be_verified(written, content, message):
    (written / 'training.json').write_text(content)
    with pytest.raises(ValueError, match=message):
        verify_run(written)
