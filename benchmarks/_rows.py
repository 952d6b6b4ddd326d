"""Rows of figures in a common form. Each of the speed benchmarks writes them with ``--json``; suite.py collects them.

A row says how long one way to do a part of the work took at one size:

- ``part``, ``way``, ``size`` and ``unit``, such as encode, HybridEncoder, 768, texts;
- ``seconds``, and ``per_second``, units a second;
- ``ratio``, the speed of ours over this way's: ours has 1, and a higher number is in favour of ours;
- ``share`` of the rate of matrix products, measured in the same run; ``megabytes`` of memory at the peak.

Fields that were not measured are left out.
"""
import argparse
import json
import os
import platform
import time
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
import torch


def row(part: str, way: str, size: int, unit: str, seconds: float, **more: float | None) -> dict:
    """One row; ``more`` are ratio, share and megabytes, None where unknown."""
    known = {name: value for name, value in more.items() if value is not None}
    found = {'part': part, 'way': way, 'size': size, 'unit': unit, 'seconds': seconds}
    return {**found, 'per_second': size / seconds, **known}


def add_json(parser: argparse.ArgumentParser) -> None:
    """Adds the option ``--json``."""
    parser.add_argument('--json', type=Path, help='also write the figures there, as rows')


def write(path: Path | None, rows: Iterable[dict], **about: object) -> None:
    """Writes rows, with the machine and further facts, if there is a path."""
    if path is not None:
        path.write_text(json.dumps({'about': {**machine(), **about}, 'rows': list(rows)}, indent=1) + '\n')


def machine() -> dict:
    """The processor, how many of its cores this process may use, and torch."""
    cpuinfo = Path('/proc/cpuinfo')
    lines = cpuinfo.read_text(errors='replace').splitlines() if cpuinfo.is_file() else []
    name = next((line.partition(': ')[2] for line in lines if line.startswith('model name')), platform.machine())
    cores = len(os.sched_getaffinity(0)) if hasattr(os, 'sched_getaffinity') else os.cpu_count()
    gpu = torch.cuda.get_device_name() if torch.cuda.is_available() else None
    return {'processor': name, 'cores': cores, 'threads': torch.get_num_threads(), 'gpu': gpu,
            'torch': torch.__version__}  # fmt: skip


def wait_for(device: torch.device) -> None:
    """Waits until a GPU has finished its work, so that the time can be taken."""
    if device.type == 'cuda':
        torch.cuda.synchronize(device)


def matrix_rate(dtype: torch.dtype, device: torch.device, width: int, tokens: int = 4096) -> float:
    """The best rate, in operations a second, of a feed-forward layer's product: (tokens, width) by (width, 4 width)."""
    x, w = (torch.randn(n, width, device=device).to(dtype) for n in (tokens, 4 * width))
    best, in_a_row = float('inf'), 50 if device.type == 'cuda' else 1  # on a GPU, waiting takes as long as a product
    for _ in range(20):
        wait_for(device)
        start = time.perf_counter()
        for _ in range(in_a_row):
            torch.nn.functional.linear(x, w)
        wait_for(device)
        best = min(best, (time.perf_counter() - start) / in_a_row)
    return 2 * tokens * width * 4 * width / best


def operations(model, lengths: np.ndarray) -> float:
    """Floating-point operations of a transformer's matrix products for texts of these lengths in tokens, (n,)."""
    config = model[0].model.config
    layers = getattr(model[0].model, 'encoder', model[0].model)
    weights = sum(m.weight.numel() for m in layers.modules() if isinstance(m, torch.nn.Linear))
    attention = 4 * config.hidden_size * config.num_hidden_layers * (lengths.astype(float) ** 2).sum()
    return 2 * weights * float(lengths.sum()) + attention


def timed(work: Callable[[], object]) -> tuple[float, object]:
    """Returns the seconds that the work took, and its result."""
    start = time.perf_counter()
    found = work()
    return time.perf_counter() - start, found


def in_turns(ways: dict[str, Callable[[], object]], repeat: int) -> tuple[dict[str, float], dict[str, object]]:
    """The least seconds of each way over rounds in which each runs once, and the result of each."""
    seconds, found = dict.fromkeys(ways, float('inf')), {}
    for _ in range(repeat):
        for name, way in ways.items():
            taken, found[name] = timed(way)
            seconds[name] = min(seconds[name], taken)
    return seconds, found
