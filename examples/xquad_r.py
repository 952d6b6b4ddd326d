"""An encoder, an index and one table on XQuAD-R: English questions over passages in 11 languages.

    python examples/xquad_r.py                     # trains a small encoder first, in about a minute
    python examples/xquad_r.py runs/hybrid         # a run folder, any checkpoint's folder, or a name on the hub
    python examples/xquad_r.py runs/hybrid --mdpr castorini/mdpr-tied-pft-msmarco      # or a folder, or a TREC run

The cells (``# %%``) also run one by one in an editor or, through jupytext, as a notebook. ir_datasets fetches XQuAD-R
once, into ``IR_DATASETS_HOME`` (``~/.ir_datasets`` if that is not set).
"""

# %% What to run
import argparse
import sys
from pathlib import Path

import pandas as pd
import pyterrier as pt
from ir_measures import AP, R

import pyterrier_hybrid as ph
from datasets_ext import worldfacts
from pyterrier_hybrid.measures import RankDistance

parser = argparse.ArgumentParser(description='BM25, mDPR and an encoder of your own in one experiment on XQuAD-R.')
parser.add_argument('encoder', nargs='?', help='run folder, checkpoint folder or name (default: train one, a minute)')
parser.add_argument('--mdpr', metavar='PATH_OR_NAME', help='mDPR to compare with: a checkpoint, or a TREC run of it')
parser.add_argument('--dataset', default='xquad-r/en', help='questions in a language, over passages in many')
parser.add_argument('--out', type=Path, default=Path('runs/example'), help='where indexes go (default: runs/example)')
# In a notebook the command line belongs to Jupyter: write yours into the list.
args = parser.parse_args([] if 'ipykernel' in sys.modules else None)

# %% Data: questions in one language, passages in many, judgements that name the language of each passage
dataset = pt.get_dataset(f'hybrid:{args.dataset}')
topics, qrels = dataset.get_topics(), dataset.get_qrels()
print(topics.head(3).to_string(), qrels.head(3).to_string(), sep='\n\n')

# %% Encoder: the one given, or a static embedding, trained on hybrid batches of the collection inside the package
if args.encoder is None:
    args.encoder = args.out / 'encoder'
    if not args.encoder.exists():
        pairs = ph.ParallelPairs.from_rows(worldfacts.training_pairs(), args.out / 'pairs', overwrite=True)
        mix = {'monolingual': 0.5, 'crosslingual': 0.5}
        ph.train(pairs, args.encoder, backbone='static', mix=mix, batch_size=128, steps=400)
    print('Trained for a minute on generated facts: this shows how things go together, not how well they can work.')
encoders, runs = {'hybrid': ph.HybridEncoder(args.encoder)}, {}
if args.mdpr is None:
    print('There is no mDPR in the table: give --mdpr a name on the hub, a folder or a TREC run.')
elif Path(args.mdpr).is_file():
    runs['mDPR'] = pt.io.read_results(args.mdpr)
else:
    encoders['mDPR'] = ph.HybridEncoder(args.mdpr, preset='mdpr')

# %% Indexes: passages of all languages in one, each with its language
systems = {'BM25': ph.BM25Index(args.out / 'bm25').indexer(mode='overwrite').index(dataset.get_corpus_iter()).bm25()}
for name, encoder in encoders.items():
    index = ph.MultilingualIndex(args.out / f'{name}.flex')
    (encoder.doc_encoder() >> index.indexer(mode='overwrite')).index(dataset.get_corpus_iter())
    systems[name] = encoder.query_encoder() >> index.retriever()

# %% What one search gives: ranks, and the language of every passage
passages = pd.DataFrame(dataset.get_corpus_iter(verbose=False))[['docno', 'text']]
run = (systems['hybrid'] % 5)(topics.head(1)).drop(columns='query_vec').merge(passages, on='docno')
print(run[['rank', 'docno', 'doc_lang', 'score', 'text']].to_string(index=False, max_colwidth=80))

# %% Effectiveness, and the language bias beside it. RankDistance@1000: a passage that is not in the run ranks 1001
systems |= {name: pt.Transformer.from_df(run) for name, run in runs.items()}
table = pt.Experiment(systems, topics, qrels, [AP, R @ 10, RankDistance @ 1000], baseline='BM25', correction='holm')
print(table.set_index('name').round(4).T.to_string())
