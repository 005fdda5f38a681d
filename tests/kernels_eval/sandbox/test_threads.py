"""Candidates of many threads within the limits, whatever the number of cores."""

from __future__ import annotations

import pytest

from kernels_eval import Judge, JudgeConfig, Status
from kernels_eval.sandbox import environment
from tests.kernels_eval.conftest import TIMEOUT_S, problem_source

THREADED = """
import ctypes
import threading

import torch
from torch import nn

_libc = ctypes.CDLL(None)
_libc.malloc.restype = ctypes.c_void_p
_libc.free.argtypes = [ctypes.c_void_p]


class ModelNew(nn.Module):
    def __init__(self):
        super().__init__()
        self.end, begun = threading.Event(), threading.Semaphore(0)
        for _ in range({threads}):
            threading.Thread(target=self.live, args=(begun,), daemon=True).start()
            begun.acquire()

    def live(self, begun):
        block = _libc.malloc(4096)
        begun.release()
        self.end.wait()
        _libc.free(block)

    def forward(self, x):
        return torch.relu(x)
"""


def _status(threads: int) -> Status:
    with Judge(JudgeConfig(timeout_s=TIMEOUT_S)) as judge:
        source = THREADED.replace("{threads}", str(threads))
        return judge.evaluate(problem_source("relu"), source).status


@pytest.mark.parametrize("threads", [60, 120])
def test_many_threads_find_room(threads: int) -> None:
    assert _status(threads) is Status.CORRECT


def test_with_the_arenas_of_16_cores_they_would_not(monkeypatch: pytest.MonkeyPatch) -> None:
    """The test above can fail, and the setting is what decides."""
    monkeypatch.setattr(environment, "ARENAS", 8 * 16)
    assert _status(120) is not Status.CORRECT
