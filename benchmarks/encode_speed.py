"""How fast passages are encoded: this package beside sentence-transformers, on XQuAD-R's sentences.

The model has XLM-R base's shape and random weights, which cost what trained ones cost; its tokenizer is trained on the
passages themselves. Another checkpoint is given by ``--checkpoint``.

    python benchmarks/encode_speed.py --texts 512
"""
import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import ir_datasets
import numpy as np
import torch
from sentence_transformers import SentenceTransformer
from tokenizers import Tokenizer, models, pre_tokenizers, processors, trainers
from transformers import PreTrainedTokenizerFast, XLMRobertaConfig, XLMRobertaModel

import pyterrier_hybrid as ph


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


def streamed(model: SentenceTransformer, texts: list[str]) -> np.ndarray:
    """sentence-transformers on batches of 32 in corpus order, as a streaming indexer sees them."""
    parts = [model.encode(texts[i : i + 32], batch_size=32) for i in range(0, len(texts), 32)]
    return np.concatenate(parts)


def report(name: str, encode: Callable[[], np.ndarray], reference: np.ndarray | None = None) -> np.ndarray:
    """Times one way to encode, and prints texts a second and the least cosine with the reference."""
    start = time.perf_counter()
    vectors = encode()
    seconds = time.perf_counter() - start
    cosine = ''
    if reference is not None:
        lengths = np.linalg.norm(vectors, axis=1) * np.linalg.norm(reference, axis=1)
        cosine = f'{((vectors * reference).sum(axis=1) / lengths).min():.6f}'
    print(f'| {name} | {len(vectors) / seconds:.1f} | {cosine} |', flush=True)
    return vectors


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--texts', type=int, default=512, help='passages, evenly spaced over the 13,014')
    parser.add_argument('--checkpoint', help='a folder or hub name instead of the random model')
    parser.add_argument('--layers', type=int, default=12, help='of the random model')
    parser.add_argument('--dtypes', nargs='+', default=['float32', 'bfloat16'])
    parser.add_argument('--batch-sizes', type=int, nargs='+', default=[32])
    args = parser.parse_args()

    passages = [doc.text for doc in ir_datasets.load('xquad-r').docs_iter()]
    texts = passages[:: max(1, len(passages) // args.texts)][: args.texts]
    device = 'cuda' if torch.cuda.is_available() else 'cpu'
    with tempfile.TemporaryDirectory() as folder:
        checkpoint = args.checkpoint or str(xlmr_base(Path(folder), passages, args.layers))
        plain = SentenceTransformer(checkpoint, device=device)
        tokens = [len(ids) for ids in plain.tokenizer(texts)['input_ids']]
        print(f'{len(texts)} passages, {np.mean(tokens):.0f} tokens on average, {max(tokens)} at most; {device}, '
              f'{torch.get_num_threads()} threads\n\n| | passages/s | cosine |\n|---|---|---|')  # fmt: skip
        plain.encode(texts[:64])  # warm-up
        reference = report('sentence-transformers, batches of 32', lambda: plain.encode(texts, batch_size=32))
        report('sentence-transformers, streamed', lambda: streamed(plain, texts), reference)
        for dtype in args.dtypes:
            for size in args.batch_sizes:
                encoder = ph.HybridEncoder(checkpoint, dtype=dtype, batch_size=size, query_prefix='', passage_prefix='')
                encoder.encode_docs(texts[:64])
                report(f'HybridEncoder, {dtype}, batch_size={size}', lambda e=encoder: e.encode_docs(texts), reference)


if __name__ == '__main__':
    main()
