"""The list of the examples."""
from pathlib import Path

EXAMPLES = Path(__file__).resolve().parents[2] / 'examples'


def test_every_example_has_its_line():
    lines = (EXAMPLES / 'README.md').read_text().splitlines()
    for script in EXAMPLES.glob('*.py'):
        assert sum(f'[{script.name}]({script.name})' in line for line in lines) == 1
