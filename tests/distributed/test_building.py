"""Indexes that a cluster builds, against those that one process builds, to the byte."""
import hashlib
import os
import signal
import threading

import numpy as np
import pytest
import torch
from ir_datasets import Dataset

from datasets_ext import shape
from datasets_ext.about import Computed
from datasets_ext.shape import Doc, MemoryDocs
from pyterrier_hybrid.cli import main
from pyterrier_hybrid.distributed import Resources, build_index, building
from pyterrier_hybrid.files import Busy, Exists
from pyterrier_hybrid.indexing import MultilingualIndex

# Classes and functions are local, so that they are sent as they are: no other process can import a test.


@pytest.fixture
def make_encoder(tmp_path):
    """Makes encoders that map a text to small integers, after they have called ``before`` with the texts."""

    def make(name: str = 'hashing', before=lambda texts: None):
        from pyterrier_dr import BiEncoder

        class Hashing(BiEncoder):
            def __init__(self):
                super().__init__()
                self.model_name = name

            def encode_docs(self, texts, batch_size=None):
                before(list(texts))
                digests = [hashlib.md5(text.encode()).digest()[:4] for text in texts]
                return np.array([[byte % 5 - 2 for byte in digest] for digest in digests], np.float32)

            encode_queries = encode_docs

            def __repr__(self):
                return f'Hashing({name!r})'

        return Hashing()

    return make


@pytest.fixture
def docs() -> list[dict]:
    """450 passages: four shards of 100, and one of 50."""
    return [
        {'docno': f'{lang}/{i}', 'text': f'{lang} {i}', 'lang': lang, 'url': i}
        for i in range(150)
        for lang in ('th', 'de', 'en')
    ]


@pytest.fixture
def one(tmp_path, docs, make_encoder):
    """The index that one process builds."""
    index = MultilingualIndex(tmp_path / 'one', verbose=False)
    encoder = make_encoder()
    (encoder.doc_encoder() >> index.indexer(encoder=encoder)).index(docs)
    return index


@pytest.fixture
def build(ray, tmp_path, docs):
    """Builds an index on the cluster, in shards of 100."""

    def build(encoder, documents=None, **options):
        options = {'shard_size': 100, 'verbose': False, **options}
        return build_index(encoder, docs if documents is None else documents, tmp_path / 'x', **options)

    return build


def content(index) -> dict[str, bytes]:
    folder = index.path
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob('*')) if path.is_file()}


def hidden(folder) -> list[str]:
    """What is left beside the index."""
    return [path.name for path in folder.iterdir() if not path.name.endswith('.lock') and path.name not in ('one', 'x')]


@pytest.mark.parametrize('where', ['', '{}/shards', 'file://{}/shards'])
def test_the_bytes_of_one_process(build, one, make_encoder, docs, tmp_path, where):
    index = build(make_encoder(), iter(docs), shards=where.format(tmp_path) or None)
    assert content(index) == content(one)
    assert hidden(tmp_path) == []


@pytest.mark.parametrize('precision', ['float16', 'int8'])
def test_the_precision_of_one_process(build, make_encoder, docs, tmp_path, precision):
    one = MultilingualIndex(tmp_path / 'one', verbose=False)
    encoder = make_encoder()
    (encoder.doc_encoder() >> one.indexer(precision=precision, encoder=encoder)).index(docs)
    assert content(build(make_encoder(), precision=precision)) == content(one)


def test_a_checkpoint_is_loaded_by_the_workers(build, checkpoint, tmp_path):
    """2,500 texts are two batches of a pipeline; a text's vector depends on its batch in the last digits."""
    from pyterrier_hybrid.encoding import HybridEncoder

    encoder = HybridEncoder(checkpoint, device='cpu', batch_size=4)
    rng = np.random.default_rng(0)
    texts = [' '.join(f'w{i}' for i in rng.integers(0, 50, rng.integers(1, 40))) for _ in range(2500)]
    docs = [{'docno': str(i), 'text': text, 'lang': 'en'} for i, text in enumerate(texts)]
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        one = MultilingualIndex(tmp_path / 'one', verbose=False)
        (encoder.doc_encoder() >> one.indexer(encoder=encoder)).index(docs)
    finally:
        torch.set_num_threads(before)
    index = build(encoder, docs, shard_size=1)  # rounded up to one batch
    assert content(index) == content(one)


@pytest.fixture(scope='module')
def checkpoint(tmp_path_factory):
    """A BERT of two layers, with random weights."""
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

    folder = tmp_path_factory.mktemp('bert')
    words = ['[PAD]', '[UNK]', *(f'w{i}' for i in range(50))]
    tokenizer = Tokenizer(models.WordLevel({word: i for i, word in enumerate(words)}, unk_token='[UNK]'))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, pad_token='[PAD]', unk_token='[UNK]').save_pretrained(folder)
    torch.manual_seed(0)
    config = BertConfig(vocab_size=52, hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=32)
    BertModel(config, add_pooling_layer=False).save_pretrained(folder)
    return folder


def test_a_worker_that_is_killed_is_replaced(build, one, make_encoder, tmp_path):
    def die_once(texts):
        with open(tmp_path / hashlib.md5(texts[0].encode()).hexdigest(), 'a') as file:
            file.write('x')
        if 'th 100' in texts and not (tmp_path / 'died').exists():
            (tmp_path / 'died').touch()
            os.kill(os.getpid(), signal.SIGKILL)

    assert content(build(make_encoder(before=die_once))) == content(one)
    begun = [path.read_text() for path in tmp_path.iterdir() if len(path.name) == 32]
    assert sorted(begun) == ['x', 'x', 'x', 'x', 'xx']


@pytest.mark.parametrize('where', ['', 'file://{}/shards'])
def test_finished_shards_are_not_repeated(build, one, make_encoder, docs, tmp_path, where, monkeypatch):
    def note(texts):
        with open(tmp_path / 'encoded', 'a') as file:
            file.write(f'{texts[0]}\n')

    on_ray, options = building.on_ray, {'shards': where.format(tmp_path) or None, 'workers': 1}

    def stopped(*args, **kwargs):
        tasks = on_ray(*args, **kwargs)
        yield next(tasks)
        yield next(tasks)
        tasks.close()
        raise KeyboardInterrupt

    monkeypatch.setattr(building, 'on_ray', stopped)
    with pytest.raises(KeyboardInterrupt):
        build(make_encoder(before=note), **options)
    assert not (tmp_path / 'x').exists()
    monkeypatch.setattr(building, 'on_ray', on_ray)
    assert content(build(make_encoder(before=note), mode='resume', **options)) == content(one)
    encoded = (tmp_path / 'encoded').read_text().split('\n')[:-1]
    assert encoded[:2] == [docs[0]['text'], docs[100]['text']] and len(encoded) - len(set(encoded)) <= 1
    assert content(build(make_encoder(before=note), None, mode='resume')) == content(one)  # nothing is left to do
    assert len((tmp_path / 'encoded').read_text().split('\n')[:-1]) == len(encoded)


def test_the_modes_are_those_of_one_process(build, make_encoder, docs, one, tmp_path):
    encoder = make_encoder()
    index = build(encoder, docs[:250])
    with pytest.raises(Exists, match='there is an index'):
        build(encoder)
    build(encoder, docs[250:], mode='append')
    assert content(index) == content(one)
    build(encoder, docs[:100], mode='overwrite')
    assert len(index) == 100


def test_vectors_of_another_encoder_are_not_appended(build, make_encoder, docs):
    index = build(lambda: make_encoder('first'), docs[:100])  # a function that makes the encoder
    assert index.recorded_encoder() == {'name': "Hashing('first')", 'model': 'first'}
    with pytest.raises(ValueError, match=r'\(model first\), and this one is .* \(model second\): append with that one'):
        build(make_encoder('second'), docs[100:], mode='append')
    assert len(build(make_encoder('first'), docs[100:], mode='append')) == len(docs)
    with pytest.raises(ValueError, match=r'finished index .* \(model first\), and this one is .* \(model second\)'):
        build(make_encoder('second'), docs, mode='resume')


@pytest.fixture
def interrupted(build, make_encoder, docs, tmp_path):
    """A build of which three shards are finished: the fourth cannot be encoded."""
    path = tmp_path / 'shards'

    def fail(texts):
        if 'en 110' in texts:
            raise RuntimeError('out of luck')

    with pytest.raises(RuntimeError, match='out of luck'):
        build(make_encoder(before=fail), shards=path, workers=1)
    assert sorted(folder.name for folder in path.glob('shard-*')) == [f'shard-00000{i}' for i in range(3)]
    return path


@pytest.mark.parametrize('changed', ['vecs.f4', 'docno_bytes.u1'])
def test_a_shard_that_was_changed_by_hand(build, make_encoder, interrupted, one, changed):
    path = interrupted / 'shard-000001' / changed
    before = path.read_bytes()
    path.write_bytes(bytes([before[0] ^ 1]) + before[1:])
    with pytest.raises(ValueError, match=rf'shard-000001/{changed} has changed .*remove this shard'):
        build(make_encoder(), shards=interrupted, mode='resume')
    path.write_bytes(before)
    assert content(build(make_encoder(), shards=interrupted, mode='resume')) == content(one)


def test_a_shard_that_was_removed_is_encoded_again(build, make_encoder, interrupted, one):
    for path in (interrupted / 'shard-000001').iterdir():
        path.unlink()
    (interrupted / 'shard-000001').rmdir()
    assert content(build(make_encoder(), shards=interrupted, mode='resume')) == content(one)


@pytest.mark.parametrize(('given', 'message'), [
    ({'name': 'other'}, r'has vectors of the encoder .* \(model hashing\), and this one is .* \(model other\): resume'),
    ({'shard_size': 200}, 'made with shard_size=100, here with 200'),
    ({'documents': 'reversed'}, 'shard 0 in .* was made of other documents than number 0 to 99 are now'),
    ({'documents': 'shorter'}, 'holds shard 2, but the documents end before it'),
])  # fmt: skip
def test_another_build_does_not_go_on(build, make_encoder, docs, interrupted, given, message):
    documents = {'reversed': docs[::-1], 'shorter': docs[:200], None: docs}[given.pop('documents', None)]
    with pytest.raises(ValueError, match=message):
        build(make_encoder(given.pop('name', 'hashing')), documents, shards=interrupted, mode='resume', **given)


@pytest.mark.parametrize(('change', 'message'), [
    (lambda docs: docs[420].pop('lang'), "document 'th/140' has no field 'lang'"),
    (lambda docs: docs[420].update(docno=''), r'document 420 of the collection \(counted from 0\) has an empty docno'),
    (lambda docs: docs[420].update(docno='de/0'), "the docno 'de/0' occurs twice, as documents 1 and 420 of the index"),
    (lambda docs: docs[420].update(text=3), "'th/140'"),
    (lambda docs: docs.__setitem__(420, 'x'), 'document 420 of the collection .* is of type str'),
    (lambda docs: docs.clear(), 'there are no documents to index'),
])  # fmt: skip
def test_a_document_that_cannot_be_indexed_is_named(build, checkpoint, docs, tmp_path, change, message):
    from pyterrier_hybrid.encoding import HybridEncoder

    change(docs)
    with pytest.raises(ValueError, match=message):
        build(HybridEncoder(checkpoint, device='cpu'))
    assert not (tmp_path / 'x').exists()


def test_what_is_no_document_is_named_also_where_languages_are_chosen(build, make_encoder, docs):
    with pytest.raises(ValueError, match='is of type NoneType'):
        build(make_encoder(), [*docs[:3], None], languages='de')


@pytest.mark.parametrize('lang', [None, 'DE', float('nan')])
def test_a_document_without_a_language_is_named_also_where_languages_are_chosen(build, make_encoder, docs, lang):
    docs[7]['lang'] = lang
    with pytest.raises(ValueError, match=docs[7]['docno']):
        build(make_encoder(), docs, languages='th')


def test_a_language_that_no_document_is_in(build, make_encoder, docs, tmp_path):
    for given in (docs, 'worldfacts'):
        with pytest.raises(ValueError, match='no document is in xx; give languages= that'):
            build(make_encoder(), given, languages=['de', 'xx'])
    with pytest.raises(ValueError, match="the collection miracl-multi has no 'xx'"):
        build(make_encoder(), 'miracl-multi', languages=['sw', 'xx'])
    assert not (tmp_path / 'x').exists()


def test_a_vector_that_is_not_finite_is_named(build, make_encoder, tmp_path):
    def make():
        encoder = make_encoder()
        encode = encoder.encode_docs
        encoder.encode_docs = lambda texts, batch_size=None: encode(texts) / [[text != 'de 3'] * 4 for text in texts]
        return encoder

    with pytest.raises(ValueError, match="the doc_vec of document 'de/3' has a value that is not finite"):
        build(make, shard_size=1000)
    assert hidden(tmp_path) == []


def test_a_second_build_is_refused_before_it_reads_anything(build, make_encoder, tmp_path):
    begun, go_on = threading.Event(), threading.Event()

    def documents():
        begun.set()
        go_on.wait(60)
        yield {'docno': '1', 'text': 'x', 'lang': 'de'}

    def unread():
        pytest.fail('a document was read')
        yield

    thread = threading.Thread(target=lambda: build(make_encoder(), documents(), shards=tmp_path / 'shards'))
    thread.start()
    assert begun.wait(60)
    with pytest.raises(Busy, match=f'is writing {tmp_path}/x;'):
        build(make_encoder(), unread())
    with pytest.raises(Busy, match=f'is writing {tmp_path}/shards;'):
        build_index(make_encoder(), unread(), tmp_path / 'y', shards=tmp_path / 'shards')
    go_on.set()
    thread.join()
    assert len(MultilingualIndex(tmp_path / 'x')) == 1


def test_an_encoder_that_cannot_be_sent(build, make_encoder):
    encoder = make_encoder()
    encoder.lock = threading.Lock()
    with pytest.raises(TypeError, match='cannot be sent to the machines of a Ray cluster'):
        build(encoder)
    with pytest.raises(TypeError, match="'labse' is neither an encoder nor a function"):
        build('labse')


def test_an_encoder_that_cannot_be_made_there(build, make_encoder):
    here, encoder = os.getpid(), make_encoder()

    def make():
        if os.getpid() != here:
            raise OSError('no such checkpoint')
        return encoder

    with pytest.raises(ValueError, match=r'a machine .* cannot make the encoder \(OSError: no such checkpoint\)'):
        build(make)


def test_an_encoder_that_is_another_one_there(build, make_encoder):
    with pytest.raises(ValueError, match=r'the encoder on .* is not the one given: its model_name is pid'):
        build(lambda: make_encoder(f'pid {os.getpid()}'))


def test_a_precision_is_chosen_once(checkpoint, monkeypatch):
    from pyterrier_hybrid.distributed.encoders import SentEncoder
    from pyterrier_hybrid.encoding import HybridEncoder

    given = HybridEncoder(checkpoint, device='cpu', batch_size=7)
    monkeypatch.setattr('pyterrier_hybrid.encoding.encoder.resolve_dtype', lambda dtype, device: {
        'auto': torch.bfloat16, 'float32': torch.float32}[dtype])  # fmt: skip
    sent = SentEncoder(given)
    made = sent.get()
    assert made is not given and made.dtype == torch.float32 and made.batch_size == 7
    assert made.model_name == given.model_name == sent.model_name


def test_bad_numbers(build, make_encoder):
    with pytest.raises(ValueError, match='shard_size is 0 and workers is None'):
        build(make_encoder(), shard_size=0)
    with pytest.raises(ValueError, match='both are at least 1'):
        build(make_encoder(), workers=0)


def test_a_mode_that_there_is_not(build, make_encoder):
    with pytest.raises(ValueError, match="there is no indexing mode 'again'; there are create, overwrite"):
        build(make_encoder(), mode='again')


def test_a_data_set_by_its_id_in_some_languages(build, make_encoder, tmp_path):
    from pyterrier_hybrid.experiment import EvaluationSet

    docs = EvaluationSet('worldfacts', languages=['de', 'th']).docs()
    one = MultilingualIndex(tmp_path / 'one', verbose=False)
    encoder = make_encoder()
    (encoder.doc_encoder() >> one.indexer(encoder=encoder)).index(docs)
    index = build(make_encoder(), 'worldfacts', languages=(lang for lang in ('th', 'de')), shard_size=16_384)
    assert content(index) == content(one) and index.languages() == ['de', 'th']


def test_more_gpus_than_there_are(build, make_encoder):
    with pytest.warns(UserWarning, match='it waits for such a machine'), pytest.raises(KeyboardInterrupt):
        build(make_encoder(), _interrupt(), resources=Resources(1, 1))


def _interrupt():
    raise KeyboardInterrupt
    yield


def test_the_command(ray, checkpoint, tmp_path, capsys):
    bare = Dataset(MemoryDocs(lambda: [Doc(f'{lang}/1', 'w1', '', '', lang) for lang in ('de', 'en', 'th')], None))
    shape.add('ray-bare', bare, Computed({'ray-bare': bare}))  # no questions
    argv = ['index', '--dataset', 'ray-bare', '--languages', 'de', 'en', '--encoder', checkpoint, '--quiet',
            '--out', tmp_path / 'x', '--ray', '--workers', 1, '--ray-cpus', 1, '--shards', tmp_path / 's']  # fmt: skip
    assert main([str(arg) for arg in argv]) == 0
    assert '2 passages in 2 languages are indexed in' in capsys.readouterr().out
    assert MultilingualIndex(tmp_path / 'x').languages() == ['de', 'en']
    assert 'ray: true\n' in (tmp_path / 'x.config.yaml').read_text()
