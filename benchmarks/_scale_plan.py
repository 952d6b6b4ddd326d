"""Computes the cost of MIRACL's 106 million passages from measured rates and stated assumptions.

    python benchmarks/scale.py plan
    OMP_NUM_THREADS=1 python benchmarks/scale.py plan --measure multilingual-e5-small

Prints the tables of docs/scaling.md. Every input is an option, whose help says where the number comes from: measured by
a command, or assumed. Nothing is run, except if --measure names a checkpoint of multilingual-e5-small: then the program
measures how many tokens a core of this machine encodes in a second, of passages of four XQuAD-R sentences.
"""
import argparse
import time
from dataclasses import dataclass

from _scale_simulate import MIRACL

PASSAGES = sum(MIRACL.values())


@dataclass(frozen=True)
class Encoder:
    """The cost of an encoder.

    Args:
        name: of the checkpoint.
        dims: of its vectors.
        weights: the number of weights in the layers, without the embedding table, which needs no product.
        layers, hidden: of the transformer, for the products of attention.
    """

    name: str
    dims: int
    weights: float
    layers: int
    hidden: int

    def flops(self, tokens: float) -> float:
        """Floating-point operations of a passage.

        They are two for each weight and token, and in attention four for each pair of tokens, layer and dimension.
        """
        return tokens * (2 * self.weights + 4 * tokens * self.layers * self.hidden)


def layers(count: int, hidden: int, inner: int) -> float:
    """The weights of a transformer's layers."""
    return count * (4 * hidden**2 + 2 * hidden * inner)


ENCODERS = (
    Encoder('multilingual-e5-small', 384, layers(12, 384, 1536), 12, 384),
    Encoder('XLM-R base, LaBSE, mDPR', 768, layers(12, 768, 3072), 12, 768),
)
#: Bytes of a passage's vector in memory by backend, for d dimensions, by FAISS's own formulas (its wiki, "Guidelines to
#: choose an index"). The exact retriever maps the vectors, which are then in the page cache.
BACKENDS = {
    'exact, float32, mapped': lambda d: 4 * d,
    'exact, float16, mapped': lambda d: 2 * d,
    'exact, int8, mapped': lambda d: d,
    'HNSW, M = 32, float32': lambda d: 4 * d + 2 * 32 * 4,
    'IVF-Flat, float32': lambda d: 4 * d + 8,
    'IVF-PQ, 64 bytes': lambda d: 64 + 8,
}
ARGUMENTS = {
    'tokens': (128, 'tokens of a passage: assumed; the paper of MIRACL gives none for its encoders'),
    'core-tokens': (1_536, 'tokens/s of multilingual-e5-small on one core, float32: measured by --measure'),
    'read': (52_326, 'passages/s that one process reads of miracl-multi: measured by datasets_speed.py'),
    'gpu-flops': (989e12, 'bf16 matrix products of a GPU: datasheet of the H100 SXM, dense'),
    'gpu-share': (0.35, 'of that which encoding reaches: assumed'),
    'gpu-float32': (67e12, 'float32 operations/s of a GPU (exact search): datasheet of the H100 SXM'),
    'bus': (50e9, 'bytes/s from host to GPU: PCIe 5.0 x16 gives 63e9, of which about 80% are assumed'),
    'core-scores': (16e9, 'products and sums/s of exact ranking on a core: measured by grid_speed.py on two'),
    'cores': (64, 'of a CPU machine: assumed'),
    'memory-bandwidth': (200e9, 'bytes/s of its memory: assumed'),
    'disk': (3e9, 'bytes/s of its NVMe disk: assumed'),
    'gpu-hour': (3.0, 'dollars: assumed'),
    'core-hour': (0.05, 'dollars: assumed'),
    'batch': (256, 'queries searched at a time'),
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds an option for every input."""
    for name, (value, source) in ARGUMENTS.items():
        parser.add_argument(f'--{name}', type=float, default=value, help=f'{source} (default: {value:g})')
    parser.add_argument('--measure', metavar='CHECKPOINT', help='measures --core-tokens first')


def measure(checkpoint: str) -> float:
    """Measures the tokens encoded in a second of processor time, in float32."""
    import _data

    _data.offline_home()
    import ir_datasets

    from pyterrier_hybrid import HybridEncoder

    sentences = [doc.text for doc in ir_datasets.load('xquad-r').docs_iter()]
    texts = [' '.join(sentences[i : i + 4]) for i in range(0, len(sentences), 100)]
    encoder = HybridEncoder(checkpoint, dtype='float32', device='cpu')
    encoder.encode_docs(texts[:16])
    tokens = sum(map(len, encoder.model.tokenizer(texts)['input_ids']))
    start = time.process_time()
    encoder.encode_docs(texts)
    rate = tokens / (time.process_time() - start)
    print(f'{len(texts)} passages of {tokens / len(texts):.0f} tokens: {rate:,.0f} tokens a second of processor time\n')
    return rate


def main(args: argparse.Namespace) -> None:
    """Prints the tables."""
    if args.measure:
        args.core_tokens = measure(args.measure)
    print(f'{PASSAGES:,} passages in {len(MIRACL)} languages\n\n| number | value | from |\n|---|---|---|')
    for name, (_, source) in ARGUMENTS.items():
        print(f'| `--{name}` | {getattr(args, name.replace("-", "_")):,.6g} | {source} |')
    print()
    print_encoding(args)
    print_bytes()
    print_search(args)


def print_encoding(args: argparse.Namespace) -> None:
    """Prints hours and dollars of encoding; it takes at least as long as the single process that reads."""
    floor = PASSAGES / args.read / 3600
    print(f'Reading in one process: {floor:.2f} hours, whatever encodes\n')
    print('| encoder | on | passages/s | hours | with the reader | dollars |\n|---|---|---|---|---|---|')
    small = ENCODERS[0].flops(args.tokens)
    for encoder in ENCODERS:
        cost = encoder.flops(args.tokens)
        core = args.core_tokens / args.tokens * small / cost
        gpu = args.gpu_flops * args.gpu_share / cost
        places = [(f'{args.cores:.0f} cores', args.cores * core, args.cores * args.core_hour)]
        places += [(f'{n} GPU{"s" * (n > 1)}', n * gpu, n * args.gpu_hour) for n in (1, 8, 64)]
        for place, rate, price in places:
            hours = PASSAGES / rate / 3600
            print(f'| {encoder.name} | {place} | {rate:,.0f} | {hours:,.2f} | {max(hours, floor):,.2f} | '
                  f'{max(hours, floor) * price:,.0f} |')  # fmt: skip
    print()


def print_bytes() -> None:
    """Prints the gigabytes of all vectors by backend."""
    dims = sorted({encoder.dims for encoder in ENCODERS})
    print(f'| backend | {" | ".join(f"{d} dimensions, GB" for d in dims)} |\n|---|{"---|" * len(dims)}')
    for name, size in BACKENDS.items():
        print(f'| {name} | {" | ".join(f"{PASSAGES * size(d) / 1e9:,.0f}" for d in dims)} |')
    print()


def print_search(args: argparse.Namespace) -> None:
    """Prints the seconds of a batch of exact search: the greater of the times of the products and of the reading."""
    print('| dimensions | exact search, float32, by | s a batch | questions/s | limited by | dollars a million |')
    print('|---|---|---|---|---|---|')
    for d in sorted({encoder.dims for encoder in ENCODERS}):
        size, sums = PASSAGES * 4 * d, PASSAGES * d * args.batch
        rate = args.cores * args.core_scores
        machine, gpu = args.cores * args.core_hour, args.gpu_hour
        machines = [(f'{n} CPU machine{"s" * (n > 1)}, in memory', n * machine, {
            'products': sums / rate / n, 'memory': size / args.memory_bandwidth / n,
        }) for n in (1, 8)]  # fmt: skip
        machines.append(('1 CPU machine, from disk', machine, {'products': sums / rate, 'disk': size / args.disk}))
        machines += [(f'{n} GPU{"s" * (n > 1)}, rows sent at each search', n * gpu, {
            'products': 2 * sums / (args.gpu_float32 * args.gpu_share) / n, 'bus': size / args.bus / n,
        }) for n in (1, 8, 64)]  # fmt: skip
        for name, price, seconds in machines:
            limit = max(seconds, key=seconds.get)
            each = seconds[limit] / args.batch
            dollars = 1e6 * each * price / 3600
            print(f'| {d} | {name} | {seconds[limit]:,.2f} | {1 / each:,.1f} | {limit} | {dollars:,.0f} |')
