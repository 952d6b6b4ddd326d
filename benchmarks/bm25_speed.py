"""Compares the speed of BM25 on XQuAD-R, indexing and searching, with bm25s alone.

    python benchmarks/bm25_speed.py --questions 1000

bm25s alone is used in two ways: with its own tokenizer, as its users would, and with the terms of this package's
analysers, so that both do the same work and find the same passages. It writes its index to a folder too. It knows no
languages and no docnos. The ways take turns, and the best of ``--repeat`` rounds counts. A quarter and a half of the
passages show how the cost grows.
"""
# ruff: noqa: E402
from _data import offline_home

offline_home()  # before the import of ir_datasets, which reads its home directory then

import argparse
import tempfile
from pathlib import Path

import bm25s
import ir_datasets
import pandas as pd
from _rows import add_json, in_turns, row, write

import datasets_ext  # noqa: F401  (registers the data sets)
from pyterrier_hybrid.lexical import BM25Index
from pyterrier_hybrid.lexical.analysis import analyse

OURS, OUR_TERMS, THEIRS = 'BM25Index', 'bm25s, terms of ours', 'bm25s'
LANGS = ('ar', 'de', 'el', 'en', 'es', 'hi', 'ru', 'th', 'tr', 'vi', 'zh')


def tokens(way: str, texts: list[str], langs: list[str]) -> list[list[str]]:
    """The terms of texts, by our analysers or by bm25s."""
    if way == OUR_TERMS:
        return [analyse(text, lang) for text, lang in zip(texts, langs)]
    return bm25s.tokenize(texts, return_ids=False, show_progress=False)


def built(way: str, docs: list[dict], folder: Path) -> object:
    """Builds an index in one of the ways, on disk."""
    if way == OURS:
        return BM25Index(folder, verbose=False).index(docs)
    index = bm25s.BM25(k1=0.9, b=0.4, method='lucene')
    index.index(tokens(way, [d['text'] for d in docs], [d['lang'] for d in docs]), show_progress=False)
    index.save(folder)
    return index


def main() -> None:
    """Builds, searches, and prints the times."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, default in (('docs', 13_014), ('questions', 1_000), ('depth', 100), ('repeat', 2)):
        parser.add_argument(f'--{name}', type=int, default=default)
    add_json(parser)
    args = parser.parse_args()
    passages, rows = ir_datasets.load('xquad-r').docs_iter(), []
    docs = [{'docno': doc.doc_id, 'text': doc.text, 'lang': doc.lang} for doc in passages]
    docs = docs[:: -(-len(docs) // args.docs)]
    asked = [{'qid': query.query_id, 'query': query.query, 'query_lang': lang} for lang in LANGS
             for query in ir_datasets.load(f'xquad-r/{lang}').queries_iter()]  # fmt: skip
    frame = pd.DataFrame(asked[:: -(-len(asked) // args.questions)])

    with tempfile.TemporaryDirectory() as folder:
        folders = (Path(folder) / str(i) for i in range(1000))
        ways = (OURS, OUR_TERMS, THEIRS)
        work = {way: lambda way=way: built(way, docs, next(folders)) for way in ways}
        taken, indexes = in_turns(work, args.repeat)
        rows += [row('BM25 index', way, len(docs), 'passages', taken[way], ratio=taken[way] / taken[OURS])
                 for way in ways]  # fmt: skip
        for part in (4, 2):
            taken = in_turns({OURS: lambda part=part: built(OURS, docs[::part], next(folders))}, args.repeat)[0][OURS]
            rows.append(row('BM25 index', OURS, len(docs[::part]), 'passages', taken))

        def theirs(way: str) -> object:
            terms = tokens(way, frame['query'].tolist(), frame['query_lang'].tolist())
            return indexes[way].retrieve(terms, k=args.depth, show_progress=False)

        ours = indexes[OURS].bm25(args.depth)
        work = {OURS: lambda: ours(frame), OUR_TERMS: lambda: theirs(OUR_TERMS), THEIRS: lambda: theirs(THEIRS)}
        taken, found = in_turns(work, args.repeat)
        rows += [row('BM25 search', way, len(frame), 'questions', taken[way], ratio=taken[way] / taken[OURS])
                 for way in ways]  # fmt: skip
        best = dict(zip(frame['qid'] + frame['query_lang'], found[OUR_TERMS].scores.max(axis=1)))
        first = found[OURS][found[OURS]['rank'] == 0]
        same = [abs(best[key] - score) < 1e-3 for key, score in zip(first['qid'] + first['query_lang'], first['score'])]
    print('| | | passages or questions/s | ratio of ours |\n|---|---|---|---|')
    for each in rows:
        print(f'| {each["part"]}, {each["size"]} | {each["way"]} | {each["per_second"]:.0f} | '
              f'{each.get("ratio", 1):.2f} |')  # fmt: skip
    print(f'\nthe best score is that of bm25s with the same terms for {sum(same)} of {len(same)} questions')
    write(args.json, rows, depth=args.depth)


if __name__ == '__main__':
    main()
