"""What is computed ahead, and when."""
import threading

import pytest

from pyterrier_hybrid.training.ahead import Ahead


def test_the_next_step_is_computed_meanwhile():
    begun, asked = {step: threading.Event() for step in range(4)}, []

    def compute(step, share):
        asked.append((step, share))
        begun[step].set()
        return step * 10 + share

    ahead = Ahead(compute, steps=3)
    assert ahead(0, 1) == 1 and begun[1].wait(10)
    assert asked == [(0, 1), (1, 1)]
    assert ahead(1, 1) == 11 and begun[2].wait(10)
    assert ahead(2, 1) == 21
    assert asked == [(0, 1), (1, 1), (2, 1)]  # each once, and none beyond the last


def test_another_share_or_step_is_computed_when_it_is_asked_for():
    ahead = Ahead(lambda step, share: (step, share), steps=9)
    assert [ahead(0, 1), ahead(1, 2), ahead(5, 2), ahead(5, 2), ahead(6)] == [(0, 1), (1, 2), (5, 2), (5, 2), (6, None)]


def test_an_error_waits_for_its_step():
    def compute(step, share):
        if step == 1:
            raise KeyError('the second')
        return step

    ahead = Ahead(compute, steps=2)
    assert ahead(0) == 0
    with pytest.raises(KeyError, match='the second'):
        ahead(1)
