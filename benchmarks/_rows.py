"""Rows of figures in one form, which each of the speed benchmarks writes with ``--json`` and suite.py collects.

A row is what one way to do a part of the work took at one size:

- ``part``, ``way``, ``size`` and ``unit``, such as encode, HybridEncoder, 768, texts;
- ``seconds``, and ``per_second``, units a second;
- ``ratio``, the speed of ours over this way's, so that ours has 1 and a higher number is in favour of ours;
- ``share`` of the rate of matrix products, measured in the same run; ``megabytes`` of memory, at most.

What was not measured is left out.
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
    """The option of the file."""
    parser.add_argument('--json', type=Path, help='also write the figures there, as rows')


def write(path: Path | None, rows: Iterable[dict], **about: object) -> None:
    """Writes rows, and in what they were measured, unless there is no path."""
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
    """Waits until a GPU has done what it was given, so that a clock can be read."""
    if device.type == 'cuda':
        torch.cuda.synchronize(device)


def matrix_rate(dtype: torch.dtype, device: torch.device, width: int, tokens: int = 4096) -> float:
    """The best rate of a layer's matrix product, tokens by a width of 4 times theirs; operations a second."""
    x, w = (torch.randn(n, width, device=device).to(dtype) for n in (tokens, 4 * width))
    best, in_a_row = float('inf'), 50 if device.type == 'cuda' else 1  # a wait takes as long as a product on a GPU
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
    """Seconds, and what the work returns."""
    start = time.perf_counter()
    found = work()
    return time.perf_counter() - start, found


def in_turns(ways: dict[str, Callable[[], object]], repeat: int) -> tuple[dict[str, float], dict[str, object]]:
    """The least seconds of each way, over rounds in which each comes once; and what each returned."""
    seconds, found = dict.fromkeys(ways, float('inf')), {}
    for _ in range(repeat):
        for name, way in ways.items():
            taken, found[name] = timed(way)
            seconds[name] = min(seconds[name], taken)
    return seconds, found
