"""What every test needs: where the real data is, and an offline ir_datasets home that serves it.

Real data is found through ``PYTERRIER_HYBRID_DATA`` (default ``../shared/data``); this is the only place in the tests
that knows it. ``IR_DATASETS_HOME`` is read when ir_datasets is imported, so it is set here, before any test module.
multilingual-e5-small, a real encoder, is found through ``PYTERRIER_HYBRID_E5`` (default: beside the data). Encoders
compute in float32 unless a test says otherwise, so that vectors do not depend on the processor.

Here too: the corpora that tests of pairs, batches and training share, bare plans over invented rows and small folders
of real text.
"""
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parent.parent
DATA = Path(os.environ.get('PYTERRIER_HYBRID_DATA', ROOT.parent / 'shared' / 'data')).resolve()
E5 = Path(os.environ.get('PYTERRIER_HYBRID_E5', DATA.parent / 'multilingual-e5-small')).resolve()


def _offline_home() -> str:
    """A fresh ir_datasets home with links to the real data's files, so that nothing is downloaded or copied."""
    home = Path(tempfile.mkdtemp(prefix='irds-'))
    for source in sorted((DATA / 'irds').rglob('*')) if DATA.is_dir() else []:
        if source.is_file():
            link = home / source.relative_to(DATA / 'irds')
            link.parent.mkdir(parents=True, exist_ok=True)
            link.symlink_to(source)
    return str(home)


os.environ['IR_DATASETS_HOME'] = _offline_home()
os.environ.setdefault('IR_DATASETS_DL_TRIES', '1')
os.environ.setdefault('HF_HUB_OFFLINE', '1')
os.environ.setdefault('TOKENIZERS_PARALLELISM', 'false')
os.environ['PYTERRIER_HYBRID_DTYPE'] = 'float32'


@pytest.fixture(scope='session')
def data_root() -> Path:
    """The folder of real data; the test is skipped where it is not there."""
    if not DATA.is_dir():
        pytest.skip(f'no real data at {DATA}; set PYTERRIER_HYBRID_DATA')
    return DATA


@pytest.fixture(scope='session')
def e5() -> Path:
    """The folder of multilingual-e5-small; the test is skipped where it is not there."""
    if not (E5 / 'modules.json').is_file():
        pytest.skip(f'no checkpoint of multilingual-e5-small at {E5}; set PYTERRIER_HYBRID_E5')
    return E5


@pytest.fixture
def irds_home() -> Path:
    """The ir_datasets home of this test session."""
    return Path(os.environ['IR_DATASETS_HOME'])


class BareSource:
    """What a plan needs of a source: a name, strata, passage ids; it has no texts."""

    def __init__(self, name: str, kind: str, strata: list[tuple[str, str, int]], passages):
        from pyterrier_hybrid.pairs.source import Stratum

        self.name, self.kind, self.strata, at = name, kind, [], 0
        rows = sum(n for *_, n in strata)
        self.passage_ids = np.array([passages(row) for row in range(rows)], dtype=np.int64)
        for queries, answers, n in strata:
            different = len(np.unique(self.passage_ids[at : at + n]))
            self.strata.append(Stratum(tuple(queries.split()), tuple(answers.split()), at, at + n, different))
            at += n
        self.languages = sorted({lang for s in self.strata for lang in (*s.query_langs, *s.passage_langs)})

    def __len__(self) -> int:
        return len(self.passage_ids)


@pytest.fixture(scope='session')
def bare() -> Callable:
    """Makes pairs without texts: ``bare(a=('qa', [('de en', 'de', 12), ...]))``; each row has its own passage.

    A third entry maps a row to its passage.
    """

    def make(**sources):
        made = []
        for number, (name, (kind, strata, *passages)) in enumerate(sources.items()):
            of_row = passages[0] if passages else lambda row, number=number: number * 1_000_000 + row
            made.append(BareSource(name, kind, strata, of_row))
        return SimpleNamespace(sources=made)

    return make


LANGS = ('ar', 'de', 'en')


def _rows():
    """40 questions on 20 passages in three languages, 12 sentences, and 8 questions in German alone."""
    for i in range(40):
        yield {
            'id': f'q{i}', 'source': 'faq',
            'query': {lang: f'{lang} question {i} about topic{i}' for lang in LANGS},
            'positive': {lang: f'{lang} passage on topic{i - i % 2} and topic{i - i % 2 + 1}' for lang in LANGS},
            'negatives': {'de': [f'de wrong {i} a', f'de wrong {i} b', f'de wrong {i} c'], 'en': [f'en wrong {i}']},
        }  # fmt: skip
    for i in range(12):
        yield {'id': f's{i}', 'source': 'talks', 'text': {lang: f'{lang} sentence {i} of the talk' for lang in LANGS}}
    for i in range(8):
        yield {'id': f'g{i}', 'source': 'german', 'query': {'de': f'Frage {i}'}, 'positive': {'de': f'Antwort {i}'}}


@pytest.fixture(scope='session')
def corpus(tmp_path_factory):
    """A small corpus with texts: qa on shared passages with given negatives, bitext, and one in German alone."""
    from pyterrier_hybrid.pairs import ParallelPairs

    return ParallelPairs.from_rows(_rows(), tmp_path_factory.mktemp('corpus') / 'pairs', verbose=False)
