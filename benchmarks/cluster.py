"""Kills a node while a cluster builds an index, and one while it searches, and checks that the results are the same.

    python benchmarks/cluster.py --docs 3000

It starts a Ray cluster of three nodes on this machine, each with processes, memory and a scheduler of its own. The
cluster builds an index in 30 shards. After some shards are finished, one node is killed, and another one takes its
place. Three actors, one on each node, then hold the index, and one node is killed during a search of many batches. One
process does the same work. The program prints what happened, and fails if the index or a run differs in a byte, or if a
question has no answer.

The encoder takes no time, but waits a moment for each shard: this program shows what is lost, not how fast the work is.
"""
import argparse
import hashlib
import os
import tempfile
import threading
import time
from pathlib import Path

import numpy as np
import pandas as pd
from pyterrier_dr import BiEncoder

from pyterrier_hybrid.distributed import RayIndex, build_index, searching
from pyterrier_hybrid.indexing import MultilingualIndex

LANGS = ('ar', 'de', 'en', 'th')


class Slow(BiEncoder):
    """Maps a text to sixteen small integers, and waits for each batch."""

    model_name = 'slow'

    def __init__(self, seconds: float):
        super().__init__(batch_size=100)
        self.seconds = seconds

    def __repr__(self):
        return 'Slow()'  # both indexes record it

    def encode_docs(self, texts, batch_size=None):
        time.sleep(self.seconds)
        digests = [hashlib.md5(text.encode()).digest() for text in texts]
        return np.array([[byte % 7 - 3 for byte in digest] for digest in digests], np.float32).reshape(len(texts), 16)

    encode_queries = encode_docs


def content(folder: Path) -> dict[str, bytes]:
    """The bytes of every file in a folder."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob('*') if path.is_file()}


def when(condition, work) -> threading.Thread:
    """Starts a thread that does some work as soon as a condition holds."""

    def wait() -> None:
        while not condition():
            time.sleep(0.02)
        work()

    thread = threading.Thread(target=wait)
    thread.start()
    return thread


class Machines:
    """A cluster of three nodes: this process's own, and two more."""

    def __init__(self):
        from ray.cluster_utils import Cluster

        self._room = {'num_cpus': 2, 'object_store_memory': 80_000_000}
        self._cluster = Cluster(initialize_head=True, head_node_args={**self._room, 'include_dashboard': False})
        self._nodes = [self._cluster.add_node(**self._room) for _ in range(2)]

    def address(self) -> str:
        """The address of the cluster."""
        return self._cluster.address

    def kill(self) -> None:
        """Kills the processes of a node, like a power cut."""
        self._cluster.remove_node(self._nodes.pop(0), allow_graceful=False)

    def add(self) -> None:
        """Adds a node."""
        self._nodes.append(self._cluster.add_node(**self._room))

    def stop(self) -> None:
        """Ends all nodes."""
        self._cluster.shutdown()


def lose_one_while_building(machines: Machines, one: MultilingualIndex, docs: list[dict], encoder: Slow) -> None:
    """Builds on the cluster the index that one process has built, and kills a node."""
    shards = one.path.parent / 'shards'
    finished = []

    def kill() -> None:
        finished.append(len(list(shards.glob('shard-*'))))
        machines.kill()

    thread = when(lambda: len(list(shards.glob('shard-*'))) >= 5, kill)
    start = time.perf_counter()
    index = build_index(
        encoder, docs, one.path.parent / 'ray', shards=shards, shard_size=len(docs) // 30, workers=6, verbose=False
    )
    thread.join()
    same = content(index.path) == content(one.path)
    print(f'build: a node was killed when {finished[0]} of 30 shards were finished; index complete after '
          f'{time.perf_counter() - start:.1f} s, bytes equal: {same}')  # fmt: skip
    assert same and finished[0] < 30


def lose_one_while_searching(machines: Machines, index: MultilingualIndex, questions: int) -> None:
    """Searches on the cluster, where it kills a node, and in one process."""
    import ray

    vectors = np.random.default_rng(0).integers(-3, 4, (questions, 16)).astype(np.float32)
    topics = pd.DataFrame({'qid': [str(i) for i in range(questions)], 'query_vec': list(vectors)})
    expected = index.retriever(100)(topics)
    answered = []
    searching._RESULTS = 30 * 300  # 30 questions in a batch
    with RayIndex(index, workers=3) as held:
        actors = held._start()
        nodes = set(ray.get([actor.__ray_call__.remote(_node) for actor in actors]))
        thread = when(lambda: sum(answered) >= questions // 3, machines.kill)
        found_docids, _ = held.search(vectors, 100, progress=answered.append)
        thread.join()
        found = held.retriever(100)(topics)
        after = ray.get([actor.__ray_call__.remote(_node) for actor in actors])
    pd.testing.assert_frame_equal(found, expected, check_exact=True)
    same = (found_docids.ravel() == expected['docid'].to_numpy()).all()
    print(f'search: {len(nodes)} nodes held the index, {len(set(after))} after one was killed during the search; '
          f'{sum(answered)} of {questions} questions answered, results equal: {bool(same)}')  # fmt: skip
    assert same and len(nodes) == 3 and len(set(after)) == 2


def _node(actor) -> str:
    import ray

    return ray.get_runtime_context().get_node_id()


def main() -> None:
    """Runs both."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('parts', nargs='*', default=['build', 'search'], help='build, search (default: both)')
    parser.add_argument('--docs', type=int, default=3_000)
    parser.add_argument('--questions', type=int, default=3_000)
    parser.add_argument('--seconds', type=float, default=0.3, help='seconds that the encoder waits for a shard')
    args = parser.parse_args()
    os.environ['RAY_USAGE_STATS_ENABLED'] = '0'
    import ray

    docs = [
        {'docno': f'{i}/{lang}', 'text': f'{lang} {i}', 'lang': lang} for i in range(args.docs // 4) for lang in LANGS
    ]
    machines = Machines()
    try:
        ray.init(address=machines.address(), log_to_driver=False, logging_level='ERROR')
        with tempfile.TemporaryDirectory() as folder:
            one = MultilingualIndex(Path(folder) / 'one', verbose=False)
            (Slow(0).doc_encoder() >> one.indexer(encoder=Slow(0))).index(docs)
            if 'build' in args.parts:
                lose_one_while_building(machines, one, docs, Slow(args.seconds))
            if args.parts == ['build', 'search']:
                machines.add()
            if 'search' in args.parts:
                lose_one_while_searching(machines, one, args.questions)
    finally:
        ray.shutdown()
        machines.stop()


if __name__ == '__main__':
    main()
