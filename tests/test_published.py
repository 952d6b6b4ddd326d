"""What README publishes is what the records of the runs say."""
import json
from collections import defaultdict
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
RECORDS = sorted((ROOT / 'benchmarks' / 'records').glob('*/*.json'))
COLUMNS = ['AP monolingual', 'AP crosslingual', 'AP multilingual', 'RankDistance multilingual']
#: The runs of a row of README's first table, by the beginning of its name.
ROWS = {
    'BM25': ['BM25'],
    'untouched': ['untouched'],
    'X-X-mono': ['X-X-mono-seed0', 'X-X-mono-seed1', 'X-X-mono-seed2'],
    'X-Y': ['X-Y-seed0', 'X-Y-seed1', 'X-Y-seed2'],
    'hybrid: half': ['hybrid-seed0', 'hybrid-seed1', 'hybrid-seed2'],
    'hybrid: a tenth': ['mono.1-seed0', 'mono.1-seed1'],
    'the average': ['average-of-longs-and-X-Y-seed0'],
}


def figures(path: Path) -> dict[str, float]:
    """The mean over the settings of a kind, by measure and kind."""
    values = defaultdict(list)
    for kind, _, _, measure, value in json.loads(path.read_text(encoding='utf-8'))['cells']:
        values[f'{measure} {kind}'].append(value)
    return {name: sum(each) / len(each) for name, each in values.items()}


def published() -> dict[str, list[float]]:
    """The rows of README's first table."""
    table = (ROOT / 'README.md').read_text(encoding='utf-8').partition('| | mAP Mono.')[2].partition('\n\n')[0]
    rows = [line.strip('|').split('|') for line in table.splitlines()[2:]]
    return {name.strip(): [float(cell.strip(' *').replace(',', '')) for cell in cells] for name, *cells in rows}


@pytest.mark.parametrize('name', ROWS)
def test_a_row_is_the_mean_of_its_runs(name):
    (row,) = (row for label, row in published().items() if label.startswith(name))
    runs = [figures(ROOT / 'benchmarks' / 'records' / 'xquad-r' / f'{run}.json') for run in ROWS[name]]
    means = [sum(run[column] for run in runs) / len(runs) for column in COLUMNS]
    assert row == pytest.approx([*(round(mean, 3) for mean in means[:3]), round(means[3])], abs=1e-9)
    assert len(published()) == len(ROWS)


@pytest.mark.parametrize('path', RECORDS, ids=lambda path: f'{path.parent.name}/{path.stem}')
def test_the_questions_of_a_record_make_up_its_figures(path):
    questions, found = json.loads(path.read_text(encoding='utf-8'))['questions'], figures(path)
    for name in found.keys() & questions.keys():
        values = [value for value in questions[name] if value is not None and value == value]
        digits = 0.5 if name.startswith('RankDistance') else 5e-4  # as both are rounded
        assert sum(values) / len(values) == pytest.approx(found[name], abs=digits), name
    assert COLUMNS[0] in found.keys() & questions.keys()  # of SQuADShifts, which is English, no more
