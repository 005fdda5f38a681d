"""Memory is limited for all processes of a candidate together, and what they share counts once."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

import kernels_eval.devices.cpu
from kernels_eval import Judge, JudgeConfig, Status
from kernels_eval.sandbox.limits import Limits
from tests.kernels_eval.conftest import problem_source

_LIMIT = 1 << 30
_PROCESSES = """
import mmap, os
import torch
from torch import nn

def children(count, work):
    "Start so many, and end them once each has done its work."
    ready, told = os.pipe()
    go, tell = os.pipe()
    started = []
    for _ in range(count):
        child = os.fork()
        if child == 0:
            os.close(tell)
            kept = work()
            os.write(told, b"1")
            os.read(go, 1)
            os._exit(0)
        started.append(child)
    said = b""
    while len(said) < count:
        said += os.read(ready, 16)
    os.close(tell)
    for child in started:
        os.waitpid(child, 0)

def memory():
    held = mmap.mmap(-1, 300 << 20, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    held[::4096] = b"x" * (len(held) // 4096)
    return held

class ModelNew(nn.Module):
    def forward(self, x):
        return torch.relu(x)
"""
_EACH_ITS_OWN = f"{_PROCESSES}\nchildren(6, memory)\n"
_ALL_THE_SAME = f"{_PROCESSES}\nheld = memory()\nchildren(6, lambda: held.find(b'y'))\n"
_ONE_AFTER_ANOTHER = f"{_PROCESSES}\nfor _ in range(6):\n    children(1, memory)\n"


@pytest.fixture(scope="module")
def narrow() -> Iterator[Judge]:
    with pytest.MonkeyPatch.context() as patch:
        limits = Limits(memory_bytes=_LIMIT)
        patch.setattr(kernels_eval.devices.cpu, "Limits", lambda: limits)
        with Judge(JudgeConfig(timeout_s=60.0)) as judge:
            yield judge


def test_processes_that_hold_too_much_together_are_ended(narrow: Judge) -> None:
    verdict = narrow.evaluate(problem_source("relu"), _EACH_ITS_OWN)
    assert verdict.status is Status.OUT_OF_MEMORY, verdict.error
    assert verdict.error is not None
    assert "GiB together; 1 are allowed, during import" in verdict.error


@pytest.mark.parametrize("source", [_ALL_THE_SAME, _ONE_AFTER_ANOTHER], ids=["shared", "in turn"])
def test_what_is_shared_or_given_back_counts_once(narrow: Judge, source: str) -> None:
    verdict = narrow.evaluate(problem_source("relu"), source)
    assert verdict.status is Status.CORRECT, verdict.error
