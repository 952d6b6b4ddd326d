"""Measures the data sets: loading and lookups of XQuAD-R and of a BEIR folder, and the pooled MIRACL iterator.

    python benchmarks/datasets_speed.py --passages 2000000

XQuAD-R is read from the ir_datasets home (``IR_DATASETS_HOME``). A BEIR folder and MIRACL's shards, in the real format,
are generated in a temporary folder that is removed afterwards (about 0.5 and 0.2 kB a passage).
"""
import argparse
import gzip
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

LANGS = ('bn', 'sw', 'te', 'yo')  # the languages with one or two shards


def xquad_r() -> dict[str, float]:
    """Seconds to load and iterate XQuAD-R and to look up 1,000 random ids, and milliseconds a lookup."""
    import ir_datasets

    import datasets_ext  # noqa: F401  (registers xquad-r)

    began = time.perf_counter()
    ids = [doc.doc_id for doc in ir_datasets.load('xquad-r').docs_iter()]
    store = ir_datasets.load('xquad-r').docs_store()
    chosen = random.Random(0).choices(ids, k=1000)
    lookups = []
    for doc_id in chosen:
        before = time.perf_counter()
        store.get(doc_id)
        lookups.append(time.perf_counter() - before)
    return {
        'load, iterate, 1,000 lookups (s)': time.perf_counter() - began,
        'median lookup (ms)': statistics.median(lookups) * 1000,
        'slowest lookup (ms)': max(lookups) * 1000,
    }


def beir(passages: int) -> dict[str, float]:
    """Figures of a folder of generated passages: the rate of making it a data set, memory a passage, and lookups."""
    import ir_datasets

    from datasets_ext import beir_folder

    draw = random.Random(0)
    folder = Path(os.environ['IR_DATASETS_HOME']) / 'beir'
    (folder / 'qrels').mkdir(parents=True)
    with (folder / 'corpus.jsonl').open('w') as file:
        for n in range(passages):
            record = {'_id': f'doc-{n}', 'title': f'Title {n}', 'text': 'word ' * draw.randint(30, 90)}
            file.write(json.dumps(record) + '\n')
    (folder / 'queries.jsonl').write_text('{"_id": "q", "text": "word"}\n')
    (folder / 'qrels' / 'test.tsv').write_text('q\tdoc-1\t1\n')
    before, began = resident(), time.perf_counter()
    beir_folder(folder, 'generated', lang='en')
    made, memory = time.perf_counter() - began, resident() - before
    store = ir_datasets.load('generated').docs_store()
    began = time.perf_counter()
    for n in draw.choices(range(passages), k=10_000):
        store.get(f'doc-{n}')
    looked_up = time.perf_counter() - began
    _, speed, _ = rate(ir_datasets.load('generated').docs_iter())
    return {
        'passages': passages,
        'made a data set (passages/s)': passages / made,
        'memory (bytes a passage)': memory * 1e6 / passages,
        'lookup (ms)': looked_up / 10,
        'iterated (passages/s)': speed,
    }


def write_corpus(passages: int) -> None:
    """Writes the same number of passages for each language where ir_datasets looks for its corpus files."""
    from ir_datasets.datasets import miracl

    draw = random.Random(0)
    words = [''.join(draw.choices('abcdefghijklmnopqrstuvwxyz', k=draw.randint(2, 10))) for _ in range(5000)]
    texts = [' '.join(draw.choices(words, k=draw.randint(30, 90))) for _ in range(2000)]
    for lang in LANGS:
        shards = miracl.subsets[lang].docs_handler()._dlcs
        each = passages // len(LANGS) // len(shards)
        for n, dlc in enumerate(shards):
            path = Path(dlc.path(force=False))
            path.parent.mkdir(parents=True, exist_ok=True)
            with gzip.open(path, 'wt', compresslevel=1) as file:
                for i in range(each):
                    record = {'docid': f'{n}{i}#0', 'title': f'Title {i}', 'text': texts[i % len(texts)]}
                    file.write(json.dumps(record) + '\n')


def resident() -> float:
    """The process's memory now, in MB (Linux)."""
    pages = int(Path('/proc/self/statm').read_text().split()[1])
    return pages * os.sysconf('SC_PAGE_SIZE') / 1e6


def rate(docs, every: int = 50_000) -> tuple[int, float, float]:
    """Reads all documents; returns their number, their number a second of processor time, and the peak memory in MB."""
    began, memory, count = time.process_time(), resident(), 0
    for count, _ in enumerate(docs, 1):
        if count % every == 0:
            memory = max(memory, resident())
    return count, count / (time.process_time() - began), max(memory, resident())


def pooled(passages: int) -> dict[str, float]:
    """Rates of the pooled iterator and of ir_datasets' own single-language ones on the same files, and memory."""
    import ir_datasets

    from datasets_ext import pooled_miracl

    write_corpus(passages)
    before = resident()
    single = [rate(ir_datasets.load(f'miracl/{lang}').docs_iter())[:2] for lang in LANGS]
    alone = sum(count for count, _ in single) / sum(count / speed for count, speed in single)
    count, speed, memory = rate(pooled_miracl(LANGS, 'dev').docs_iter())
    return {
        'passages': count,
        'ir_datasets, one language (passages/s)': alone,
        'pooled (passages/s)': speed,
        'share of the speed': speed / alone,
        'memory before (MB)': before,
        'most memory while iterating (MB)': memory,
    }


def main() -> None:
    """Runs each measurement in a process of its own, since memory and the ir_datasets home belong to a process."""
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('--passages', type=int, default=2_000_000)
    parser.add_argument('--only', choices=['xquad-r', 'beir', 'pooled'])
    options = parser.parse_args()
    if options.only:
        n = options.passages
        measured = {'xquad-r': xquad_r, 'beir': lambda: beir(n), 'pooled': lambda: pooled(n)}
        for name, value in measured[options.only]().items():
            print(f'{name}: {value:,.3f}')
        return
    with tempfile.TemporaryDirectory() as home:
        mine = {**os.environ, 'IR_DATASETS_HOME': home}
        for only, env in (('xquad-r', os.environ), ('beir', mine), ('pooled', mine)):
            print(f'## {only}', flush=True)
            command = [sys.executable, __file__, '--only', only, '--passages', str(options.passages)]
            subprocess.run(command, env=env, check=True)


if __name__ == '__main__':
    main()
