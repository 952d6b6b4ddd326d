"""Finds the best settings to train a pretrained encoder, on held-out pairs and SQuADShifts, not on XQuAD-R or MLQA-R.

    python benchmarks/pretrained_settings.py --encoder runs/multilingual-e5-small --out runs/settings  # what is missing
    python benchmarks/pretrained_settings.py --encoder ... --out ... --runs base rate-1e-4
    python benchmarks/pretrained_settings.py --table                      # from the records, without encoder or data

A variant's name says how it differs from *base*. All variants are trained on the pairs without NTREX-128 and without
the course IoT-For-Beginners, and evaluated on three collections. Two are made from these held-out sources, in 11
languages: sentences of NTREX-128, where half of a sentence's words ask for the sentence, and sections of the course,
where a section's title asks for its text. The third is SQuADShifts' new Wikipedia in English, on which the paper stops
early. Each record is ``benchmarks/records/<collection>/<variant>.json``; an existing record is not made again.
"""
import sys

from _data import DATA, offline_home

if '--table' not in sys.argv:
    offline_home()  # before the import of ir_datasets, which reads its home directory then

import argparse
import json
import lzma
import tempfile
import time
import warnings
from pathlib import Path

from _records import place, read, write
from _runs import HELD_OUT, LENGTHS, LONG, SETTINGS, imported_pairs, rows, trained
from ir_measures import AP, R

from datasets_ext import squad_files
from pyterrier_hybrid.encoding import HybridEncoder
from pyterrier_hybrid.experiment import EvaluationSet, MultilingualExperiment
from pyterrier_hybrid.experiment.provenance import versions
from pyterrier_hybrid.files import replace_text
from pyterrier_hybrid.indexing import MultilingualIndex
from pyterrier_hybrid.measures import LPR, RankDistance
from pyterrier_hybrid.pairs import inverse_cloze
from pyterrier_hybrid.training import average_weights

HYBRID = {'monolingual': 0.5, 'crosslingual': 0.5}
MOSTLY_MULTILINGUAL = {'monolingual': 0.25, 'multilingual': 0.75}
#: The settings that each variant changes, or the variants whose weights it averages. The default mix is hybrid .5.
VARIANTS: dict[str, dict | list[str]] = {
    'base': {},
    'rate-1e-4': {'learning_rate': 1e-4},
    'mono.5-multi.5': {'mix': {'monolingual': 0.5, 'multilingual': 0.5}},
    'mono.25-multi.75': {'mix': MOSTLY_MULTILINGUAL},
    'multi': {'mix': {'multilingual': 1.0}},
    'temperature-.05': {'temperature': 0.05},
    'sources-by-size': {'source_temperature': 1.0},
    'three-together': {'mix': MOSTLY_MULTILINGUAL, 'temperature': 0.05, 'source_temperature': 1.0},
    'X-Y': {'mix': {'crosslingual': 1.0}},
    'mono.1': {'mix': {'monolingual': 0.1, 'crosslingual': 0.9}},
    'two-together': {'mix': MOSTLY_MULTILINGUAL, 'temperature': 0.05},
    'batch-64': {'mix': MOSTLY_MULTILINGUAL, 'batch_size': 64, 'steps': 50},
    'cross.5-multi.5': {'mix': {'crosslingual': 0.5, 'multilingual': 0.5}},
    'long': {'mix': MOSTLY_MULTILINGUAL, **LONG},
    'mono.1-long': {'mix': {'monolingual': 0.1, 'crosslingual': 0.9}, **LONG, 'steps': 800},
    'average-of-mixes': ['base', 'mono.5-multi.5', 'mono.25-multi.75', 'multi'],
    'average-of-six': ['base', 'mono.5-multi.5', 'mono.25-multi.75', 'multi', 'temperature-.05', 'sources-by-size'],
    'average-of-long-and-mixes': ['long', 'base', 'mono.25-multi.75', 'multi', 'temperature-.05', 'sources-by-size'],
    'average-of-long-and-untouched': ['long', 'untouched'],
    'average-of-longs': ['long', 'mono.1-long'],
    'average-of-longs-and-X-Y': ['long', 'mono.1-long', 'X-Y'],
}
#: One collection is made from each source in ``HELD_OUT``, in this order.
MADE = ('held-out-sentences', 'held-out-sections')
#: The rows of each collection, the characters after which a passage is cut, and the languages that a row must have.
ROWS, CHARACTERS, LANGUAGES = 100, 400, 11
SHIFTS = 'squadshifts-part'
COLLECTIONS = [*MADE, SHIFTS]
MEASURES = [AP, R @ 1, RankDistance, LPR]


def collections(folder: Path) -> dict[str, EvaluationSet]:
    """The three collections, by name."""
    folder.mkdir(parents=True, exist_ok=True)
    sentences, sections = (
        [row for row in rows(DATA / 'train' / path) if row['source'] in HELD_OUT]
        for path in ('sentences.bitext.jsonl.xz', 'sections.qa.jsonl.xz')
    )
    for name, found in zip(MADE, (list(inverse_cloze(sentences)), sections)):
        whole = [row for row in found if len(row['query']) == len(row['positive']) == LANGUAGES]
        spread = whole[:: max(len(whole) // ROWS, 1)][:ROWS]
        squad_files({lang: _squad(folder / f'{name}.{lang}.json', spread, lang) for lang in spread[0]['query']}, name)
    squad_files({'en': _shifts(folder / f'{SHIFTS}.json')}, SHIFTS)
    return {name: EvaluationSet(name) for name in COLLECTIONS}


def _squad(path: Path, asked: list[dict], lang: str) -> Path:
    """Writes rows of pairs as a SQuAD-format file: each passage is a paragraph, with one question."""
    paragraphs = []
    for at, row in enumerate(asked):
        passage = row['positive'][lang][:CHARACTERS]
        question = {'id': str(at), 'question': row['query'][lang], 'answers': [{'text': passage, 'answer_start': 0}]}
        paragraphs.append({'context': passage, 'qas': [question]})
    replace_text(path, json.dumps({'data': [{'title': '', 'paragraphs': paragraphs}]}))
    return path


def _shifts(path: Path) -> Path:
    """Writes every second paragraph of SQuADShifts' new Wikipedia, with every fourth of its questions."""
    with lzma.open(DATA / 'validation' / 'squadshifts_new_wiki.json.xz', 'rt', encoding='utf-8') as file:
        articles = json.load(file)['data']
    paragraphs = [paragraph for article in articles for paragraph in article['paragraphs']][::2]
    chosen = [{'context': paragraph['context'], 'qas': paragraph['qas'][::4]} for paragraph in paragraphs]
    replace_text(path, json.dumps({'data': [{'title': '', 'paragraphs': chosen}]}))
    return path


def made(name: str, arguments) -> tuple[Path, dict]:
    """Makes a variant if it does not exist; returns its folder and its entries for the record."""
    if name == 'untouched':
        return Path(arguments.encoder), {'settings': LENGTHS}
    folder, changed = arguments.out / name, VARIANTS[name]
    if isinstance(changed, list):
        if not folder.exists():
            average_weights([made(each, arguments)[0] for each in changed], folder)
        return folder, {'average': changed, 'settings': LENGTHS}
    mix, settings = changed.get('mix', HYBRID), {**SETTINGS, **{k: v for k, v in changed.items() if k != 'mix'}}
    pairs = imported_pairs(arguments.out / 'pairs', HELD_OUT)
    cost = trained(arguments.encoder, pairs, folder, mix, 0, settings)
    cost.pop('spent')
    return folder, {'mix': mix, 'seed': 0, 'settings': {**settings, **LENGTHS}, 'cost': cost}


def run_all(arguments) -> None:
    """Makes the records that are missing."""
    arguments.out.mkdir(parents=True, exist_ok=True)
    sets = collections(arguments.out / 'collections')
    for name in arguments.runs or ['untouched', *VARIANTS]:
        missing = [dataset for dataset in sets if not place(name, dataset).exists()]
        if not missing:
            continue
        folder, about = made(name, arguments)
        encoder = HybridEncoder(folder, **LENGTHS)
        about |= {'dtype': str(encoder.dtype).removeprefix('torch.'), 'versions': versions()}
        for dataset in missing:
            with tempfile.TemporaryDirectory() as scratch:
                index = MultilingualIndex(Path(scratch) / 'index', verbose=False)
                (encoder.doc_encoder() >> index).index(sets[dataset].docs())
                result = MultilingualExperiment({name: (encoder, index)}, sets[dataset], MEASURES, verbose=False)
            write(result, name, about)
        print(f'{name}: {time.strftime("%H:%M")}', flush=True)


def table() -> str:
    """A row for each variant: mAP and rank distance on the held-out pairs, mAP on SQuADShifts."""
    figures = [('AP', 'monolingual'), ('AP', 'crosslingual'), ('AP', 'multilingual'), ('RankDistance', 'multilingual')]
    columns = [(dataset, figure) for dataset in MADE for figure in figures]
    columns.append((SHIFTS, ('AP', 'monolingual')))
    names = {'monolingual': 'Mo.', 'crosslingual': 'Cr.', 'multilingual': 'Mul.'}
    heads = ['RD' if measure == 'RankDistance' else names[kind] for _, (measure, kind) in columns]
    lines = [f'| | {" | ".join(heads)} | minutes |', f'|---|{"---|" * len(columns)}---|']
    for name in ['untouched', *VARIANTS]:
        records = {dataset: read(name, dataset) for dataset in COLLECTIONS}
        if all(records.values()):
            cells = [f'{v:,.0f}' if m == 'RankDistance' else f'{v:.3f}' for d, (m, k) in columns
                     for v in [records[d].figures[m, k]]]  # fmt: skip
            minutes = records[SHIFTS].about.get('cost', {}).get('training_minutes', '')
            lines.append(f'| {name} | {" | ".join(cells)} | {minutes} |')
    return '\n'.join(lines)


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--encoder', help='folder or hub name of the pretrained encoder')
    parser.add_argument('--out', type=Path, help='folder for the pairs and the runs')
    parser.add_argument('--runs', nargs='+', choices=['untouched', *VARIANTS], metavar='NAME', help='these alone')
    parser.add_argument('--table', action='store_true', help='train and evaluate nothing')
    arguments = parser.parse_args()
    if not arguments.table:
        if arguments.encoder is None or arguments.out is None:
            parser.error('give --encoder and --out, or --table')
        with warnings.catch_warnings():
            warnings.simplefilter('ignore', UserWarning)
            run_all(arguments)
    print(table())


if __name__ == '__main__':
    main()
