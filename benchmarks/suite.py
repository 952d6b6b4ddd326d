"""Runs all speed benchmarks, one after another, each in a process of its own; makes a table, a file and a picture.

    python benchmarks/suite.py --quick --out suite            # some minutes on two cores
    python benchmarks/suite.py --out suite --only encode search

Each part compares this package with the alternatives that a user would choose, on the same data and in turns. A ratio
is the speed of ours over that of the row: a ratio above 1 is in favour of ours. The folder gets ``rows.json``,
``table.md``, ``suite.svg`` and ``suite.png``. Things that are not installed or missing (ranx; sentence-transformers'
ONNX and OpenVINO backends; a checkpoint; data) are left out, with the reason.
"""
import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from _data import DATA, e5_small
from _rows import machine

#: For each part: the command of the full measurement, and the options that are added for a quick run.
PARTS = {
    'encode': ('encode_speed.py --dtypes auto', '--texts 48 --repeat 1'),
    'encode, static': ('encode_speed.py --model static --dtypes auto', '--texts 3000 --repeat 1'),
    'train': ('trainer_speed.py --models pretrained --encoder {e5}', '{few} --batch-size 8 --steps 3'),
    'train, static': ('trainer_speed.py --models static', '{few} --texts 5000 --batch-size 128 --steps 20'),
    'search': ('index_speed.py --docs 100000', '--docs 20000 --repeat 2'),
    'BM25': ('bm25_speed.py', '--docs 4000 --questions 200 --repeat 1'),
    'evaluate': ('grid_speed.py', '--dataset xquad-r --fraction 100 --pool 50000 --queries 200 --repeat 1'),
    'measures': ('measures_speed.py', '--queries 1000 --forms object'),
}
HERE = Path(__file__).resolve().parent


def taken(part: str, quick: bool) -> tuple[list[dict], str]:
    """Runs a part; returns its rows, and if there are none the reason."""
    command, smaller = PARTS[part]
    command += quick * f' {smaller}'
    try:
        e5 = e5_small() if '{e5}' in command else ''
    except FileNotFoundError as error:
        return [], str(error)
    few = f'--malloc default --pairs {DATA / "train" / "sections.qa.jsonl.xz"}'
    command = command.format(e5=e5, few=few)
    start = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, 'rows.json')
        script, *options = command.split()
        done = subprocess.run([sys.executable, HERE / script, *options, '--json', file], capture_output=True, text=True)
        print(f'{part}: {command}, {time.monotonic() - start:.0f} s\n{done.stdout}', flush=True)
        if done.returncode:
            return [], (done.stderr.strip().splitlines() or [f'exit status {done.returncode}'])[-1]
        rows = json.loads(file.read_text())['rows']
        kind = part.partition(', ')[2]  # a script may serve several parts
        return [{**each, 'part': f'{each["part"]}, {kind}' if kind else each['part']} for each in rows], ''


def table(rows: list[dict]) -> str:
    """The rows as Markdown."""
    lines = ['| | way | size | per second | ratio of ours | share of the matrix rate | MB |', '|---' * 7 + '|']
    for each in rows:
        ratio, share, memory = (each.get(name) for name in ('ratio', 'share', 'megabytes'))
        lines.append(
            f'| {each["part"]} | {each["way"]} | {each["size"]:,} {each["unit"]} | {each["per_second"]:,.4g} | '
            f'{"" if ratio is None else f"{ratio:.2f}"} | {"" if share is None else f"{share:.0%}"} | '
            f'{"" if memory is None else f"{memory:,.0f}"} |'
        )
    return '\n'.join(lines)


def picture(rows: list[dict]):
    """Draws the ratios as bars that begin at 1, on a logarithmic scale; our own ways have no bar."""
    from pyterrier_hybrid.experiment.report.canvas import FAINT, INK, SERIES, Drawing

    bars = [each for each in rows if each.get('ratio') not in (None, 1)]

    def draw(figure) -> None:
        axes = figure.add_subplot()
        ratios = [each['ratio'] for each in bars]
        colours = [SERIES[0] if ratio >= 1 else SERIES[1] for ratio in ratios]
        axes.barh(range(len(bars)), [ratio - 1 for ratio in ratios], left=1, color=colours, height=0.62)
        axes.set(xscale='log', ylim=(len(bars) - 0.4, -0.6))
        axes.set_xticks([x for x in (0.25, 0.5, 1, 2, 4, 10, 100, 1000) if min(ratios) / 2 < x < 2 * max(ratios)])
        axes.xaxis.set_major_formatter(lambda x, _: f'{x:g}')
        axes.xaxis.minorticks_off()
        axes.set_yticks(range(len(bars)), [f'{each["part"]}: {each["way"]}' for each in bars], fontsize=9)
        axes.axvline(1, color=INK, linewidth=1)
        axes.grid(False, axis='y')
        for at, ratio in enumerate(ratios):
            text = f'{ratio:.3g}' if ratio >= 100 else f'{ratio:.2f}'
            axes.annotate(text, (ratio, at), (4 if ratio >= 1 else -4, 0), textcoords='offset points', va='center',
                          ha='left' if ratio >= 1 else 'right', fontsize=9)  # fmt: skip
        axes.margins(x=0.18)
        axes.spines['bottom'].set_color(FAINT)

    about = machine()
    return Drawing(
        name='suite', title="The speed of this package divided by that of each row",
        about=', '.join([about['processor'], f'cores: {about["cores"]}', *filter(None, [about['gpu']])]),
        caption='', alt='', size=(760, 50 + 20 * len(bars)), draw=draw,
    )  # fmt: skip


def main() -> int:
    """The command line; returns the exit status: 1 if a part failed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--out', type=Path, required=True, help='folder of the results')
    parser.add_argument('--quick', action='store_true', help='small sizes, for a quick look')
    parser.add_argument('--only', nargs='+', choices=[*PARTS], default=[*PARTS], help='parts')
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    rows, missing = [], {}
    for part in args.only:
        found, reason = taken(part, args.quick)
        rows += found
        if reason:
            missing[part] = reason
            print(f'{part}: left out: {reason}', flush=True)
    content = {'about': {**machine(), 'quick': args.quick, 'missing': missing}, 'rows': rows}
    (args.out / 'rows.json').write_text(json.dumps(content, indent=1) + '\n', encoding='utf-8')
    (args.out / 'table.md').write_text(table(rows) + '\n', encoding='utf-8')
    print(table(rows))
    if any(each.get('ratio') not in (None, 1) for each in rows):
        for name, data in picture(rows).files().items():
            if not name.endswith('.pdf'):
                (args.out / name).write_bytes(data)
    return int(bool(missing))


if __name__ == '__main__':
    sys.exit(main())
