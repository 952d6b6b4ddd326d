"""The effect of storing vectors in less than float32: bytes, mAP, recall against float32, and rank distance.

    python benchmarks/scale.py storage --encoder multilingual-e5-small --folder scale

XQuAD-R's passages and questions in eleven languages are encoded once and kept in --folder. Each precision has an index
of its own, which is evaluated in all language settings over the whole ranking. recall@100 is the share of float32's
best 100 passages of the whole pool that is found: the mean over questions, and the mean in the worst question language.
"""
import argparse
import hashlib
import tempfile
from pathlib import Path

import _data
import numpy as np
import pandas as pd

_DEPTH = 100


class Kept:
    """An encoder whose vectors are kept in a folder: a text is encoded once."""

    def __init__(self, checkpoint: str, dtype: str, folder: Path):
        self._checkpoint, self._dtype, self._folder = checkpoint, dtype, folder
        self.model_name = f'{Path(checkpoint).name}, {dtype}'

    def encode_queries(self, texts: list[str], batch_size: int | None = None) -> np.ndarray:
        """Vectors of questions, float32, ``(n, d)``."""
        return self._encode('queries', texts)

    def encode_docs(self, texts: list[str], batch_size: int | None = None) -> np.ndarray:
        """Vectors of passages, float32, ``(n, d)``."""
        return self._encode('docs', texts)

    def _encode(self, side: str, texts: list[str]) -> np.ndarray:
        content = hashlib.blake2b('\0'.join([self.model_name, side, *texts]).encode(), digest_size=8).hexdigest()
        path = self._folder / f'{content}.npy'
        if not path.exists():
            from pyterrier_hybrid import HybridEncoder

            encoder = HybridEncoder(self._checkpoint, dtype=self._dtype)
            self._folder.mkdir(parents=True, exist_ok=True)
            np.save(path, getattr(encoder, f'encode_{side}')(texts))
        return np.load(path)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the options of the measurement."""
    parser.add_argument('--encoder', required=True, help='a checkpoint')
    parser.add_argument('--dtype', default='float32', help='precision of the encoder (default: %(default)s)')
    parser.add_argument('--folder', type=Path, required=True, help='keep vectors here for the next run')
    parser.add_argument('--dataset', default='xquad-r', help='(default: %(default)s)')


def main(args: argparse.Namespace) -> None:
    """Encodes the texts if they are not kept, builds, evaluates, prints."""
    _data.offline_home()
    from ir_measures import AP

    from pyterrier_hybrid import MultilingualExperiment, MultilingualIndex
    from pyterrier_hybrid.experiment import EvaluationSet
    from pyterrier_hybrid.indexing.vectors import FILES
    from pyterrier_hybrid.measures import RankDistance

    collection, encoder = EvaluationSet(args.dataset), Kept(args.encoder, args.dtype, args.folder)
    passages = list(collection.docs())
    vectors = encoder.encode_docs([doc['text'] for doc in passages])
    docs = [{**doc, 'doc_vec': vector} for doc, vector in zip(passages, vectors)]
    topics = pd.concat([collection.topics(lang) for lang in collection.query_languages], ignore_index=True)
    topics['qid'] = topics['query_lang'] + '/' + topics['qid']
    topics['query_vec'] = list(encoder.encode_queries(topics['query'].tolist()))
    with tempfile.TemporaryDirectory() as folder:
        indexes = {name: MultilingualIndex(Path(folder) / name, verbose=False).indexer(precision=name).index(docs)
                   for name in FILES}  # fmt: skip
        systems = {name: (encoder, index) for name, index in indexes.items()}
        result = MultilingualExperiment(systems, collection, [AP, RankDistance], verbose=False)
        found = {name: best(index, topics) for name, index in indexes.items()}
        table = result.table()
        print(f'{encoder.model_name}: {len(docs):,} passages of {vectors.shape[1]} dimensions, {len(topics):,} '
              f'questions\n\n| | bytes/passage | {" | ".join(f"{m} {s}" for m, s in table.columns)} | recall@{_DEPTH} '
              f'of float32 | least | in |\n|{"---|" * (6 + len(table.columns))}')  # fmt: skip
        for name, index in indexes.items():
            size = sum(path.stat().st_size for path in index.path.rglob('*') if path.name in FILES[name])
            values = ' | '.join(f'{value:.4f}' if value < 1 else f'{value:,.1f}' for value in table.loc[name])
            common = [len(found[name][qid] & found['float32'][qid]) / _DEPTH for qid in topics['qid']]
            means = pd.Series(common).groupby(topics['query_lang']).mean()
            print(f'| {name} | {size / len(docs):,.0f} | {values} | {np.mean(common):.4f} | {means.min():.4f} | '
                  f'{means.idxmin()} |', flush=True)  # fmt: skip


def best(index, topics: pd.DataFrame) -> dict[str, set[str]]:
    """The docnos of the best passages of each question."""
    run = index.retriever(_DEPTH, drop_query_vec=True)(topics)
    return run.groupby('qid')['docno'].agg(set).to_dict()
