"""What the examples are run with: a small encoder, and a way to run a script as the command line would."""
import runpy
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).resolve().parents[2] / 'examples'


@pytest.fixture(scope='session')
def encoder(tmp_path_factory) -> Path:
    """The folder of an untrained static embedding."""
    from pyterrier_hybrid.encoding.backbones import static_backbone

    folder = tmp_path_factory.mktemp('encoder') / 'static'
    static_backbone(['Otters hold hands.', 'Otter halten Händchen.'], vocab_size=100, dimension=8).save(str(folder))
    return folder


@pytest.fixture
def run(monkeypatch, tmp_path):
    """Runs an example with these arguments, in an empty folder; returns its variables."""
    monkeypatch.chdir(tmp_path)

    def run_example(name: str, *arguments: object) -> dict:
        monkeypatch.setattr(sys, 'argv', [name, *map(str, arguments)])
        return runpy.run_path(str(EXAMPLES / name), run_name='__main__')

    return run_example
