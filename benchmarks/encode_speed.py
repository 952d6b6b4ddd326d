"""Compares the speed of encoding and indexing XQuAD-R with the alternatives that a user would choose.

    python benchmarks/encode_speed.py                              # multilingual-e5-small, PYTERRIER_HYBRID_E5
    python benchmarks/encode_speed.py --model xlm-r-base           # XLM-R base's shape, random weights
    python benchmarks/encode_speed.py --model static               # a static embedding of the same vocabulary
    python benchmarks/encode_speed.py --json encode.json

The ways to encode take turns in one process, on the same checkpoint and texts, and the best of ``--repeat`` rounds
counts, so that a machine that slows down slows all of them. Encoding is compared with sentence-transformers' ``encode``
by default, and with its ONNX and OpenVINO backends if they are installed. The way from a stream of documents to a
finished index is compared with pyterrier_dr's ``SBertBiEncoder.doc_encoder() >> FlexIndex``. The share is of the rate
of matrix products, measured in the same run in the same precision; it counts the products of the layers and of
attention, without padding. A quarter and a half of the texts show how the cost grows. A static embedding also has rows
for each way to tokenise, measured before any words or characters are known and before kitoken has started; in the other
rows it has started in the warm-up.
"""
# ruff: noqa: E402
from _data import e5_small, offline_home

offline_home()  # before the import of ir_datasets, which reads its home directory then

import argparse
import importlib.util
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

import ir_datasets
import numpy as np
import torch
from _rows import add_json, in_turns, matrix_rate, operations, row, write
from _sentences import LANGS
from _sentences import texts as sentences
from pyterrier_dr import FlexIndex, SBertBiEncoder
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.modules import Normalize, StaticEmbedding
from tokenizers import Tokenizer
from transformers import AutoTokenizer, XLMRobertaConfig, XLMRobertaModel

import pyterrier_hybrid as ph  # the import registers xquad-r
from pyterrier_hybrid.encoding import kitoken_ids
from pyterrier_hybrid.encoding.backbones import is_static
from pyterrier_hybrid.encoding.words import WordIds, token_ids
from pyterrier_hybrid.indexing import MultilingualIndex

THEIRS = 'sentence-transformers'
PIPELINE = 'SBertBiEncoder >> FlexIndex'
#: Texts in each round, for a duration of some minutes on two cores.
TEXTS = {'e5-small': 768, 'xlm-r-base': 256, 'static': 13_014}


def xlmr_base(folder: Path) -> Path:
    """Writes a checkpoint of XLM-R base's shape and vocabulary with random weights, as fast as trained ones."""
    tokenizer = AutoTokenizer.from_pretrained(e5_small())
    config = XLMRobertaConfig(
        vocab_size=len(tokenizer), hidden_size=768, num_hidden_layers=12, num_attention_heads=12,
        intermediate_size=3072, max_position_embeddings=514, type_vocab_size=1, pad_token_id=1, layer_norm_eps=1e-5,
    )  # fmt: skip
    XLMRobertaModel(config, add_pooling_layer=False).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def static(folder: Path) -> Path:
    """Writes a static embedding of 256 dimensions with random vectors, of the kind of static-similarity and potion."""
    tokenizer = Tokenizer.from_file(str(Path(e5_small()) / 'tokenizer.json'))
    modules = [StaticEmbedding(tokenizer, embedding_dim=256), Normalize()]
    SentenceTransformer(modules=modules, device='cpu').save(str(folder))
    return folder


def least_cosine(vectors: np.ndarray, others: np.ndarray) -> float:
    """The least cosine between the vectors in the same row."""
    lengths = np.linalg.norm(vectors, axis=1) * np.linalg.norm(others, axis=1)
    return float(((vectors * others).sum(axis=1) / lengths).min())


def backends(checkpoint: str, device: str, prefix: str, texts: list[str]) -> dict[str, Callable[[], np.ndarray]]:
    """sentence-transformers' ``encode`` with each of its installed backends."""
    ways = {}
    for name, package in (('torch', 'torch'), ('onnx', 'optimum.onnxruntime'), ('openvino', 'optimum.intel')):
        try:
            if importlib.util.find_spec(package) is None:
                continue
        except ModuleNotFoundError:
            continue
        model = SentenceTransformer(checkpoint, device=device, backend=name)
        model.encode(texts[:64], prompt=prefix)
        label = THEIRS if name == 'torch' else f'{THEIRS}, {name}'
        ways[label] = lambda model=model: model.encode(texts, prompt=prefix)
    return ways


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--model', choices=list(TEXTS), default='e5-small')
    parser.add_argument('--checkpoint', help='a folder or hub name instead of --model')
    parser.add_argument('--make', type=Path, help='write the checkpoint of --model into this folder, and end')
    parser.add_argument('--texts', type=int, help='texts of XQuAD-R; for more than 13,014, of the training texts')
    parser.add_argument('--dtypes', nargs='+', default=['auto', 'float32'], help='of HybridEncoder')
    parser.add_argument('--device', nargs='+', help='several are a process each')
    parser.add_argument('--repeat', type=int, default=2, help='rounds; the best counts')
    parser.add_argument('--no-index', action='store_true', help='leave out the pipelines to an index')
    add_json(parser)
    args = parser.parse_args()

    made = {'e5-small': lambda folder: e5_small(), 'xlm-r-base': xlmr_base, 'static': static}
    if args.make:
        made[args.model](args.make)
        return
    kitoken_ids.WORTH = 1  # start kitoken in the warm-up, as if the collection were larger
    texts = drawn(args.texts or TEXTS[args.model])
    devices = args.device or ['cuda' if torch.cuda.is_available() else 'cpu']
    with tempfile.TemporaryDirectory() as scratch:
        checkpoint = args.checkpoint or str(made[args.model](Path(scratch) / args.model))
        figures = compared(checkpoint, texts, devices, args, Path(scratch))
    figures = {'model': args.checkpoint or args.model, **figures}
    print_table(figures)
    write(args.json, figures.pop('rows'), **figures)


def drawn(count: int) -> list[str]:
    """Passages of XQuAD-R, evenly spaced; for more than it has, sentences of the training texts, mixed in language."""
    passages = [doc.text for doc in ir_datasets.load('xquad-r').docs_iter()]
    if count > len(passages):
        by_language = sentences(-(-count // len(LANGS))).values()
        passages = [text for each in zip(*by_language) for text in each]
    return [passages[i] for i in np.linspace(0, len(passages) - 1, count).astype(int)]


def anew(encoder: ph.HybridEncoder) -> ph.HybridEncoder:
    """The encoder of a static embedding, without the words that it has kept from the last round."""
    ids = encoder._engine._ids[1]
    if ids is not None and isinstance(ids.way, WordIds):
        encoder._engine._ids = (None, None)
    return encoder


def begun(encoder: ph.HybridEncoder, way: str) -> ph.HybridEncoder:
    """The encoder of a static embedding as in a new process, before kitoken has started, tokenising in one way."""
    tokenizer = encoder.model[0].tokenizer
    ids = kitoken_ids.TokenIds(tokenizer)
    if way != 'kitoken':
        ids.expect(['a'])
        ids.way = WordIds(tokenizer) if way == 'words' else partial(token_ids, tokenizer)
    encoder._engine._ids = (tokenizer, tokenizer.get_vocab_size()), ids
    return encoder


def compared(checkpoint: str, texts: list[str], devices: list[str], args: argparse.Namespace, scratch: Path) -> dict:
    """Encodes and indexes in every way, and returns the figures, JSON values."""
    device = devices if len(devices) > 1 else devices[0]
    encoders = {dtype: ph.HybridEncoder(checkpoint, dtype=dtype, device=device, pooling=None if Path(
        checkpoint, 'modules.json').exists() else 'mean') for dtype in args.dtypes}  # fmt: skip
    first = next(iter(encoders.values()))
    prefix = first.passage.prefix
    for encoder in encoders.values():
        encoder.encode_docs(texts[:64])  # warm-up, and the check of the precision
    names = {f'HybridEncoder, {dtype} ({_name(encoder.dtype)}, {encoder.library})': encoder
             for dtype, encoder in encoders.items()}  # fmt: skip
    ways = backends(checkpoint, devices[0], prefix, texts)
    ways |= {name: lambda e=encoder: anew(e).encode_docs(texts) for name, encoder in names.items()}
    if is_static(first.model):
        other = ph.HybridEncoder(checkpoint, dtype=args.dtypes[0], device=device)
        ways |= {f'HybridEncoder, begun by {way}': lambda way=way: begun(other, way).encode_docs(texts)
                 for way in ('kitoken', 'words', 'the tokenizer')}  # fmt: skip
    docs = [{'docno': str(i), 'text': text, 'lang': 'en'} for i, text in enumerate(texts)]
    folders = (scratch / f'{i}.flex' for i in range(1000))
    if not args.no_index:
        streams = {f'{name.partition(" (")[0]} >> MultilingualIndex': lambda e=encoder: (
            anew(e).doc_encoder() >> MultilingualIndex(next(folders), verbose=False)).index(docs)
            for name, encoder in list(names.items())[:1]}  # fmt: skip
        if args.model != 'static' or args.checkpoint:  # SBertBiEncoder cannot load this static embedding
            bi = SBertBiEncoder(checkpoint, device=torch.device(devices[0]))
            prefixed = [{**doc, 'text': prefix + doc['text']} for doc in docs]
            streams[PIPELINE] = lambda: (bi.doc_encoder() >> FlexIndex(str(next(folders)), verbose=False)).index(
                iter(prefixed))  # fmt: skip
        ways |= streams
    seconds, found = in_turns(ways, args.repeat)

    tokens = np.array([len(ids) for ids in AutoTokenizer.from_pretrained(e5_small())(
        [prefix + text for text in texts], truncation=True, max_length=512)['input_ids']])  # fmt: skip
    is_transformer = hasattr(first.model[0], 'model')
    rates, rows = {}, []
    for name, taken in seconds.items():
        cosine = least_cosine(found[name], found[THEIRS]) if isinstance(found[name], np.ndarray) else None
        dtype = names[name].dtype if name in names else first.dtype if '>> Multi' in name else torch.float32
        share = None
        if is_transformer and 'onnx' not in name and 'openvino' not in name:
            if dtype not in rates:
                rates[dtype] = matrix_rate(dtype, torch.device(devices[0]), first.model[0].model.config.hidden_size)
            share = operations(first.model, tokens) / taken / rates[dtype]
        ours = next(n for n in seconds if n.startswith('HybridEncoder') and ('>>' in n) == ('>>' in name))
        ratio = None if ', begun by ' in name else taken / seconds[ours]
        rows.append(row('encode', name, len(texts), 'texts', taken, ratio=ratio, share=share, least_cosine=cosine))
    for part in (4, 2):
        some, name = texts[::part], next(iter(names))
        taken = in_turns({name: lambda some=some: anew(first).encode_docs(some)}, args.repeat)[0][name]
        rows.append(row('encode', name, len(some), 'texts', taken))
    return {
        'texts': len(texts), 'tokens_per_text': float(tokens.mean()), 'devices': devices,
        'matrix_rate_per_second': {_name(d): rate for d, rate in rates.items()}, 'rows': rows,
    }  # fmt: skip


def _name(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix('torch.')


def print_table(figures: dict) -> None:
    """Prints the figures as Markdown."""
    rates = ', '.join(f'{rate / 1e9:.0f} GF/s in {name}' for name, rate in figures['matrix_rate_per_second'].items())
    print(f'{figures["model"]}: {figures["texts"]} passages, {figures["tokens_per_text"]:.0f} tokens on average; '
          f'{", ".join(figures["devices"])}, {torch.get_num_threads()} threads; matrix products '
          f'{rates or "not measured"}\n\n| | passages/s | ratio of ours | share of the matrix rate | least cosine |\n'
          '|---|---|---|---|---|')  # fmt: skip
    for each in (each for each in figures['rows'] if each['size'] == figures['texts']):
        ratio, share, cosine = each.get('ratio'), each.get('share'), each.get('least_cosine')
        print(f'| {each["way"]} | {each["per_second"]:.1f} | {"" if ratio is None else f"{ratio:.2f}"} | '
              f'{"" if share is None else f"{share:.0%}"} | {"" if cosine is None else f"{cosine:.5f}"} |')  # fmt: skip
    first = next(each['way'] for each in figures['rows'] if each['way'].startswith('HybridEncoder'))
    grown = sorted((each['size'], each['seconds']) for each in figures['rows'] if each['way'] == first)
    print('\nHow the cost grows: ' + '; '.join(f'{size} texts {seconds:.2f} s' for size, seconds in grown))


if __name__ == '__main__':
    main()
