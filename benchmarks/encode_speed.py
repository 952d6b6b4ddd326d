"""How fast passages are encoded: this package beside sentence-transformers, on XQuAD-R's sentences.

    python benchmarks/encode_speed.py --texts 512 --repeat 2

What a user would write instead is sentence-transformers on batches of 32 as an indexer streams them; its ``encode`` on
the whole list at once is the other reference. The ratio is to the first. Ways to encode take turns, and the best of
``--repeat`` rounds counts, so that a machine that slows down slows all of them.

The model has XLM-R base's shape and random weights, which cost what trained ones cost; its tokenizer is trained on the
passages themselves. Another checkpoint is given by ``--checkpoint``.
"""
import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import _data
import numpy as np

_data.offline_home()

import ir_datasets  # noqa: E402
import torch  # noqa: E402
from sentence_transformers import SentenceTransformer  # noqa: E402
from tokenizers import Tokenizer, models, pre_tokenizers, processors, trainers  # noqa: E402
from transformers import PreTrainedTokenizerFast, XLMRobertaConfig, XLMRobertaModel  # noqa: E402

import pyterrier_hybrid as ph  # noqa: E402


def xlmr_base(folder: Path, texts: list[str], layers: int) -> Path:
    """Writes a checkpoint of XLM-R base's shape (768 dimensions, 12 heads, 514 positions) with random weights."""
    tokenizer = Tokenizer(models.Unigram())
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    names = {'cls_token': '<s>', 'pad_token': '<pad>', 'sep_token': '</s>', 'unk_token': '<unk>'}
    tokenizer.train_from_iterator(
        texts, trainers.UnigramTrainer(vocab_size=16_000, special_tokens=list(names.values()), unk_token='<unk>',
                                       show_progress=False),
    )  # fmt: skip
    tokenizer.post_processor = processors.TemplateProcessing(
        single='<s> $A </s>', special_tokens=[('<s>', 0), ('</s>', 2)]
    )
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, model_max_length=512, **names)
    config = XLMRobertaConfig(
        vocab_size=len(fast), hidden_size=768, num_hidden_layers=layers, num_attention_heads=12, intermediate_size=3072,
        max_position_embeddings=514, pad_token_id=1,
    )  # fmt: skip
    XLMRobertaModel(config).save_pretrained(folder)
    fast.save_pretrained(folder)
    return folder


STREAMED = 'sentence-transformers, streamed'


def streamed(model: SentenceTransformer, texts: list[str]) -> np.ndarray:
    """sentence-transformers on batches of 32 in corpus order, as a streaming indexer sees them."""
    parts = [model.encode(texts[i : i + 32], batch_size=32) for i in range(0, len(texts), 32)]
    return np.concatenate(parts)


def in_turns(ways: dict[str, Callable[[], np.ndarray]], repeat: int) -> tuple[dict[str, float], dict[str, np.ndarray]]:
    """The least seconds of each way to encode, over rounds in which each comes once; and the vectors."""
    seconds, vectors = dict.fromkeys(ways, float('inf')), {}
    for _ in range(repeat):
        for name, encode in ways.items():
            start = time.perf_counter()
            vectors[name] = encode()
            seconds[name] = min(seconds[name], time.perf_counter() - start)
    return seconds, vectors


def least_cosine(vectors: np.ndarray, others: np.ndarray) -> float:
    """The least cosine of two texts' vectors, row by row."""
    lengths = np.linalg.norm(vectors, axis=1) * np.linalg.norm(others, axis=1)
    return float(((vectors * others).sum(axis=1) / lengths).min())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--texts', type=int, default=512, help='passages, evenly spaced over the 13,014')
    parser.add_argument('--checkpoint', help='a folder or hub name instead of the random model')
    parser.add_argument('--layers', type=int, default=12, help='of the random model')
    parser.add_argument('--dtypes', nargs='+', default=['float32'], help='of HybridEncoder, such as float32 bfloat16')
    parser.add_argument('--batch-sizes', type=int, nargs='+', default=[32])
    parser.add_argument('--repeat', type=int, default=2, help='rounds; the best counts')
    args = parser.parse_args()

    passages = [doc.text for doc in ir_datasets.load('xquad-r').docs_iter()]
    texts = passages[:: max(1, len(passages) // args.texts)][: args.texts]
    device = 'cuda' if torch.cuda.is_available() else 'cpu'
    with tempfile.TemporaryDirectory() as folder:
        checkpoint = args.checkpoint or str(xlmr_base(Path(folder), passages, args.layers))
        plain = SentenceTransformer(checkpoint, device=device)
        tokens = [len(ids) for ids in plain.tokenizer(texts)['input_ids']]
        print(f'{len(texts)} passages, {np.mean(tokens):.0f} tokens on average, {max(tokens)} at most; {device}, '
              f'{torch.get_num_threads()} threads\n', flush=True)  # fmt: skip
        ways = {
            STREAMED: lambda: streamed(plain, texts),
            'sentence-transformers, all at once': lambda: plain.encode(texts, batch_size=32),
        }
        for dtype in args.dtypes:
            for size in args.batch_sizes:
                encoder = ph.HybridEncoder(checkpoint, dtype=dtype, batch_size=size, query_prefix='', passage_prefix='')
                ways[f'HybridEncoder, {dtype}, batch_size={size}'] = lambda e=encoder: e.encode_docs(texts)
                encoder.encode_docs(texts[:64])  # warm-up
        plain.encode(texts[:64])
        seconds, vectors = in_turns(ways, args.repeat)
    print('| | passages/s | ratio | least cosine |\n|---|---|---|---|')
    for name, taken in seconds.items():
        cosine = least_cosine(vectors[name], vectors[STREAMED])
        print(f'| {name} | {len(texts) / taken:.1f} | {seconds[STREAMED] / taken:.2f} | {cosine:.6f} |')


if __name__ == '__main__':
    main()
