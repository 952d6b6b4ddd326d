"""Training runs, on corpora and backbones that take a second."""
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from pyterrier_dr import SBertBiEncoder
from sentence_transformers import SentenceTransformer

from pyterrier_hybrid.batches.hybrid import HybridBatches
from pyterrier_hybrid.encoding import HybridEncoder
from pyterrier_hybrid.encoding.backbones import static_backbone
from pyterrier_hybrid.pairs.corpus import ParallelPairs
from pyterrier_hybrid.training import check_training, loop, trainer
from pyterrier_hybrid.training.feed import batch_texts
from pyterrier_hybrid.training.trainer import train

HALF = {'monolingual': 0.5, 'crosslingual': 0.5}
TINY = {'mix': HALF, 'batch_size': 8, 'source_temperature': 0.0, 'device': 'cpu', 'verbose': False}


def weights(folder: Path) -> dict[str, bytes]:
    """Every file of a run but its record, which holds the time it took."""
    files = [path for path in folder.rglob('*') if path.is_file() and path.name != 'training.json']
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


@pytest.fixture(scope='module')
def run(corpus, tmp_path_factory):
    """A finished static run."""
    folder = tmp_path_factory.mktemp('runs') / 'mixed'
    return train(corpus, folder, backbone='static', steps=60, **TINY), folder


def test_the_loss_falls_and_the_encoder_has_learned(corpus, run):
    encoder, folder = run
    losses = json.loads((folder / 'training.json').read_text())['losses']
    assert [step for step, _ in losses] == list(range(1, 61))
    assert np.mean([loss for _, loss in losses[-10:]]) < 0.5 * np.mean([loss for _, loss in losses[:10]])
    faq = corpus['faq']
    queries = encoder.encode_queries(faq.texts('query', range(0, 40, 2), ['de'] * 20))
    passages = encoder.encode_docs(faq.texts('passage', range(0, 40, 2), ['en'] * 20))
    assert (np.argmax(queries @ passages.T, axis=1) == np.arange(20)).mean() > 0.8


def test_the_run_folder_loads_everywhere_with_equal_vectors(corpus, run, tmp_path):
    encoder, folder = run
    texts = corpus['faq'].texts('passage', range(10), ['de'] * 10)
    expected = encoder.encode_docs(texts)
    np.testing.assert_allclose(np.linalg.norm(expected, axis=1), 1, atol=1e-6)
    np.testing.assert_allclose(HybridEncoder(folder, device='cpu').encode_docs(texts), expected, atol=1e-7)
    plain = SentenceTransformer(str(folder), device='cpu')
    np.testing.assert_allclose(plain.encode_document(texts), expected, atol=1e-6)
    np.testing.assert_allclose(plain.encode_query(texts), encoder.encode_queries(texts), atol=1e-6)
    assert plain.prompts == {'query': '', 'document': ''}


def test_a_transformer_with_its_prefixes_loads_everywhere(corpus, tiny_folder, tmp_path):
    encoder = train(corpus, tmp_path / 'run', backbone=tiny_folder, steps=3, **TINY)
    texts = corpus['faq'].texts('query', range(6), ['en'] * 6)
    plain = SentenceTransformer(str(tmp_path / 'run'), device='cpu')
    assert plain.prompts == {'query': 'Query: ', 'document': 'Passage: '}
    np.testing.assert_allclose(plain.encode_query(texts), encoder.encode_queries(texts), atol=1e-6)
    np.testing.assert_allclose(plain.encode_document(texts), encoder.encode_docs(texts), atol=1e-6)
    np.testing.assert_allclose(plain.encode([f'Query: {t}' for t in texts]), encoder.encode_queries(texts), atol=1e-6)
    assert np.abs(encoder.encode_queries(texts) - encoder.encode_docs(texts)).max() > 1e-3
    other = SBertBiEncoder(str(tmp_path / 'run'), device='cpu').encode_queries([f'Query: {t}' for t in texts])
    np.testing.assert_allclose(other, encoder.encode_queries(texts), atol=1e-6)  # it knows no prompts


def test_same_seed_same_bytes(corpus, tiny_folder, tmp_path):
    for backbone in ('static', str(tiny_folder)):
        runs = [tmp_path / f'{Path(backbone).name}-{i}' / 'run' for i in range(3)]
        for folder, seed in zip(runs, (4, 4, 5)):
            train(corpus, folder, backbone=backbone, steps=2, seed=seed, **TINY)
        one, same, other = map(weights, runs)
        assert one == same
        assert one.keys() == other.keys() and one['model.safetensors'] != other['model.safetensors']


def test_the_mix_matters(corpus, run, tmp_path):
    _, folder = run
    train(corpus, tmp_path / 'mono', backbone='static', steps=60, **{**TINY, 'mix': {'monolingual': 1.0}})
    assert weights(tmp_path / 'mono')['model.safetensors'] != weights(folder)['model.safetensors']


def test_record_and_card(corpus, run, tmp_path):
    _, folder = run
    record = json.loads((folder / 'training.json').read_text(encoding='utf-8'))
    expected = {
        'backbone': 'static', 'mix': HALF, 'pairs': corpus.fingerprint, 'batch_size': 8, 'steps': 60,
        'learning_rate': 0.05, 'weight_decay': 0.01, 'warmup': 0.1, 'temperature': 0.05, 'source_temperature': 0.0,
        'negatives': 0, 'query_prefix': '', 'passage_prefix': '', 'max_length': None, 'encode_length': None,
        'mini_batch_size': None, 'bf16': False, 'gradient_checkpointing': False, 'seed': 0, 'epochs': 1.0,
    }  # fmt: skip
    length = len(HybridBatches(corpus, batch_size=8, mix=HALF))
    assert {name: record[name] for name in expected} == {**expected, 'epochs': 60 / length}
    assert record['versions']['torch'] == torch.__version__ and record['seconds'] > 0
    card = (folder / 'README.md').read_text(encoding='utf-8')
    for said in ('language: ["ar", "de", "en"]', '# mixed', 'mix of batches: monolingual 0.5, crosslingual 0.5',
                 corpus.fingerprint, "HybridEncoder('mixed')", '60 steps of 8 pairs'):  # fmt: skip
        assert said in card
    assert str(folder.parent) not in card and 'question 1' not in card
    assert not any(path.suffix in ('.bin', '.pt', '.pth') for path in folder.rglob('*'))


@pytest.mark.parametrize('backbone', ['static', 'transformer'])
def test_the_record_counts_tokens(corpus, tiny_folder, tmp_path, backbone):
    own = {'backbone': 'static'} if backbone == 'static' else {'backbone': tiny_folder, 'max_length': 6}
    encoder = train(corpus, tmp_path / 'run', steps=3, **own, **TINY)
    batches, expected = HybridBatches(corpus, batch_size=8, mix=HALF, source_temperature=0.0), 0
    for step in range(3):
        for name, texts in batch_texts(batches, step).items():
            side = encoder.query if name == 'query' else encoder.passage
            for text in texts:
                ids = encoder.model.tokenizer.encode(side.prefix + text, add_special_tokens=backbone != 'static')
                length = len(ids if isinstance(ids, list) else ids.ids)
                expected += length if side.max_length is None else min(length, side.max_length)
    assert json.loads((tmp_path / 'run' / 'training.json').read_text())['tokens'] == expected > 100


def test_one_epoch_by_default(corpus, tmp_path):
    train(corpus, tmp_path / 'run', backbone='static', **{**TINY, 'batch_size': 16})
    record = json.loads((tmp_path / 'run' / 'training.json').read_text())
    assert record['steps'] == len(HybridBatches(corpus, batch_size=16, mix=HALF)) and record['epochs'] == 1


def test_a_schedule_of_mixes(corpus, tmp_path):
    schedule = [(0, {'monolingual': 1.0}), (2, {'crosslingual': 0.5, 'mixed': 0.5})]
    train(corpus, tmp_path / 'list', backbone='static', steps=4, **{**TINY, 'mix': schedule})
    train(corpus, tmp_path / 'function', backbone='static', steps=4,
          **{**TINY, 'mix': lambda step: {'monolingual': float(step < 2), 'crosslingual': (step > 1) / 2,
                                          'mixed': (step > 1) / 2}})  # fmt: skip
    one, same = (weights(tmp_path / name) for name in ('list', 'function'))
    assert one['model.safetensors'] == same['model.safetensors']
    record = json.loads((tmp_path / 'list' / 'training.json').read_text())
    assert record['mix'] == [[0, {'monolingual': 1.0}], [2, {'crosslingual': 0.5, 'mixed': 0.5}]]
    assert 'from step 2 on crosslingual 0.5, mixed 0.5' in one['README.md'].decode()
    assert 'by the function' in same['README.md'].decode()


def test_negatives_reach_the_loss(corpus, tmp_path):
    losses = []
    for negatives in (0, 3):
        train(corpus, tmp_path / f'{negatives}', backbone='static', steps=1, negatives=negatives, temperature=1, **TINY)
        losses.append(json.loads((tmp_path / f'{negatives}' / 'training.json').read_text())['losses'][0][1])
    assert losses[1] > losses[0] + 0.1


def test_nothing_is_printed_without_verbose(corpus, tiny_folder, tmp_path):
    """In a process of its own, where no test framework holds warnings and logs back."""
    code = (
        'from pyterrier_hybrid import ParallelPairs, train\n'
        f'pairs = ParallelPairs({str(corpus.folder)!r})\n'
        f'for backbone in ("static", {str(tiny_folder)!r}):\n'
        f'    folder = {str(tmp_path)!r} + "/run-" + str(len(backbone))\n'
        f'    train(pairs, folder, backbone=backbone, mix={HALF!r}, batch_size=8,\n'
        '          steps=3, checkpoint_steps=2, query_prefix="", passage_prefix="", device="cpu", verbose=False)\n'
    )
    run = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True, check=True, env=os.environ)
    assert (run.stdout, run.stderr) == ('', '')
    assert len(list(tmp_path.glob('run-*'))) == 2


def test_verbose_tells_what_is_never_drawn(corpus, tmp_path, capsys):
    train(corpus, tmp_path / 'run', backbone='static', steps=1, **{**TINY, 'verbose': True})
    told = capsys.readouterr().out.splitlines()
    assert len(told) == 2  # and a line on what came of it
    assert told[0].startswith('never drawn from the pairs: ') and 'bitext serves no' in told[0]
    rows = {source.name: sum(s.stop - s.start for s in source.strata) for source in corpus.sources}
    found = re.findall(r'([\d,]+) of ([\d,]+) rows of (\w+) for', told[0])
    assert found and all(int(never) <= int(of) == rows[name] for never, of, name in found)
    assert told[1].startswith('trained 1 steps in 0:00:0')


def test_a_model_in_memory_is_trained_in_place(corpus, tmp_path):
    model = static_backbone([text for _, text in corpus.iter_texts()], dimension=8)
    before = model[0].embedding.weight.detach().clone()
    encoder = train(corpus, tmp_path / 'deep' / 'er' / 'run', backbone=model, steps=2, **TINY)
    assert not torch.equal(before, model[0].embedding.weight)
    assert torch.equal(encoder.model[0].embedding.weight, model[0].embedding.weight)
    assert json.loads((tmp_path / 'deep/er/run/training.json').read_text())['backbone'] == 'StaticEmbedding in memory'


def test_the_folder_must_not_exist(corpus, run, tmp_path):
    _, folder = run
    before = weights(folder)
    with pytest.raises(FileExistsError, match='exists already; give another folder for this run, or resume=True'):
        train(corpus, folder, backbone='static', **TINY)
    assert weights(folder) == before
    (tmp_path / 'mine').mkdir()
    (tmp_path / 'mine' / 'text').write_text('x')
    with pytest.raises(FileExistsError, match='mine exists already, and is no run to resume; give another folder'):
        train(corpus, tmp_path / 'mine', backbone='static', resume=True, **TINY)
    assert (tmp_path / 'mine' / 'text').read_text() == 'x'


def test_resuming_a_finished_run_returns_its_encoder(corpus, run, monkeypatch):
    encoder, folder = run
    monkeypatch.setattr(trainer, 'fit', None)
    again = train(corpus, folder, backbone='static', steps=60, resume=True, **TINY)
    assert again.model_name == encoder.model_name
    with pytest.raises(ValueError, match='of a finished run with other settings: steps was 60, is 61'):
        train(corpus, folder, backbone='static', steps=61, resume=True, **TINY)


def test_max_length_cuts(corpus, tiny_folder, tmp_path):
    encoder = train(corpus, tmp_path / 'run', backbone=tiny_folder, steps=1, max_length=5, **TINY)
    long, cut = 'de passage on topic2 and topic3', 'de passage on topic2 and'
    assert encoder.model.max_seq_length == 5
    np.testing.assert_allclose(encoder.encode_docs([long * 3]), encoder.encode_docs([cut * 3]), atol=1e-6)


def test_prefixes_of_negatives(corpus, tiny_folder, tmp_path, monkeypatch):
    seen = []

    class Spy(loop.BatchTrainer):
        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            seen.append(self.args.prompts)

    monkeypatch.setattr(loop, 'BatchTrainer', Spy)
    train(corpus, tmp_path / 'run', backbone=tiny_folder, steps=1, negatives=2, **TINY)
    passage = 'Passage: '
    assert seen == [{'query': 'Query: ', 'passage': passage, 'negative_1': passage, 'negative_2': passage}]


def test_pairs_are_not_touched(corpus, run):
    assert ParallelPairs(corpus.folder).fingerprint == corpus.fingerprint


def test_sizes_and_token_dropout_of_a_static_embedding(corpus, tmp_path):
    encoder = train(
        corpus, tmp_path / 'run', backbone='static', steps=2, dimension=24, vocab_size=90, token_dropout=0.5, **TINY
    )
    table = encoder.model[0].embedding.weight
    assert table.shape[1] == 24 and table.shape[0] <= 90
    record = json.loads((tmp_path / 'run' / 'training.json').read_text())
    assert (record['dimension'], record['vocab_size'], record['token_dropout']) == (24, 90, 0.5)
    other = train(corpus, tmp_path / 'other', backbone='static', steps=2, dimension=24, vocab_size=90, **TINY)
    assert not torch.equal(other.model[0].embedding.weight, table)


def test_right_arguments_pass(tmp_path, run):
    for validation in (None, 12, 0.1, 'worldfacts/de', tmp_path):
        check_training(tmp_path / 'run', backbone='static', validation=validation, **TINY)
    with pytest.raises(FileExistsError, match='exists already'):
        check_training(run[1], backbone='static', **TINY)
    check_training(run[1], backbone='static', resume=True, **TINY)


def test_long_texts_are_cut_where_encoding_cuts_them(corpus, tiny_folder, tmp_path):
    """A tokenizer that states no greatest length, and texts that are longer than the model has positions."""
    folder = shutil.copytree(tiny_folder, tmp_path / 'endless')
    config = json.loads((folder / 'tokenizer_config.json').read_text())
    (folder / 'tokenizer_config.json').write_text(json.dumps({**config, 'model_max_length': int(1e30)}))
    given = {**TINY, 'query_prefix': 'sentence of the talk ' * 30}
    encoder = train(corpus, tmp_path / 'run', backbone=folder, steps=1, **given)
    assert encoder.query.max_length == HybridEncoder(folder, device='cpu').query.max_length == 64
    long = ['topic3 and topic4 ' * n for n in (30, 60)]
    np.testing.assert_allclose(*encoder.encode_docs(long), atol=1e-6)
    plain = SentenceTransformer(str(tmp_path / 'run'), device='cpu')
    np.testing.assert_allclose(plain.encode_document(long), encoder.encode_docs(long), atol=1e-6)
