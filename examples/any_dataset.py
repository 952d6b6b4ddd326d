"""The same encoder, index and experiment on any ir_datasets id in one language, such as BEIR's.

    python examples/any_dataset.py irds:vaswani runs/hybrid
    python examples/any_dataset.py irds:beir/scifact/test sentence-transformers/LaBSE --out runs/scifact

Such a collection says nothing about languages in its records. What they need is a default: the language that
ir_datasets states for the whole collection, or ``--lang``. Measures of language bias have nothing to measure then, and
say so in a warning; their values (rank distance 0, language preference 1) are the same for every system.
"""

# %% What to run
import argparse
import sys
from pathlib import Path

import pandas as pd
import pyterrier as pt
from ir_measures import AP, R, nDCG

import pyterrier_hybrid as ph
from pyterrier_hybrid.measures import LPR, RankDistance

parser = argparse.ArgumentParser(description='BM25 and an encoder on any ir_datasets id in one language.')
parser.add_argument('dataset', help='an id with documents, queries and qrels, such as irds:vaswani')
parser.add_argument('encoder', help='run folder, checkpoint folder or name on the hub')
parser.add_argument('--lang', help='the language of it all, where ir_datasets states none')
parser.add_argument('--out', type=Path, default=Path('runs/any-dataset'), help='where indexes go')
# In a notebook the command line belongs to Jupyter: write yours into the list.
args = parser.parse_args(['irds:vaswani', 'runs/hybrid'] if 'ipykernel' in sys.modules else None)
if not args.dataset.startswith(('irds:', 'hybrid:')):
    parser.error(f'{args.dataset} is not an id of ir_datasets; write irds:{args.dataset}')

# %% Data: every collection's fields differ, but all of them say what their text is (default_text)
dataset = pt.get_dataset(args.dataset)
data = dataset.irds_ref()
if not (data.has_docs() and data.has_queries() and data.has_qrels()):
    parser.error(f'{args.dataset} has no documents, no queries or no qrels; one of its subsets may have all three')
lang = args.lang or dataset.get_corpus_lang()
if lang is None:
    parser.error(f'no language is stated for {args.dataset}: give --lang if it has one, see xquad_r.py if it has many')
topics = pd.DataFrame([(q.query_id, q.default_text(), lang) for q in data.queries_iter()],
                      columns=['qid', 'query', 'query_lang'])
qrels = pd.DataFrame([(q.query_id, q.doc_id, q.relevance, lang, lang) for q in data.qrels_iter()],
                     columns=['qid', 'docno', 'label', 'iteration', 'query_lang'])


def corpus():
    """The documents, with the language that all of them are in."""
    for doc in pt.tqdm(data.docs_iter(), desc=args.dataset, total=data.docs_count()):
        yield {'docno': doc.doc_id, 'text': doc.default_text(), 'lang': lang}


# %% Indexes
encoder = ph.HybridEncoder(args.encoder)
index = ph.MultilingualIndex(args.out / 'dense.flex')
(encoder.doc_encoder() >> index.indexer(mode='overwrite')).index(corpus())
bm25 = ph.BM25Index(args.out / 'bm25').indexer(mode='overwrite').index(corpus())

# %% Experiment
systems = {'BM25': bm25.bm25(), 'dense': encoder.query_encoder() >> index.retriever()}
measures = [AP, nDCG @ 10, R @ 100, RankDistance @ 1000, LPR]
table = pt.Experiment(systems, topics, qrels, measures)
print(table.round(4).to_string(index=False))
