"""The watch on a GPU sees what others do there, and nothing else. By itself, without a judge."""

from __future__ import annotations

import multiprocessing
import time
from multiprocessing.synchronize import Event

import pytest
import torch

from kernels_eval.devices.cuda.watch import watch_on

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device"),
]
DEVICE = torch.device("cuda:0")


def others(started: Event, ended: Event, copies: bool) -> None:
    """Another process's kernels, or its copies from the host, one after the other."""
    there = torch.zeros(1 << 24, device=DEVICE)
    here = torch.zeros(1 << 24).pin_memory()
    torch.cuda.synchronize()
    started.set()
    while not ended.is_set():
        if copies:
            there.copy_(here, non_blocking=True)
        else:
            there.add_(1)
        torch.cuda.synchronize()


def watched(seconds: float) -> tuple[int | None, bool]:
    watch = watch_on(DEVICE)
    assert watch.begin()
    time.sleep(seconds)
    return watch.end(), watch.traffic


@pytest.fixture(autouse=True)
def known() -> None:
    """It has seen enough of a quiet device to know what is usual there."""
    for _ in range(64):
        watched(0.001)


def test_a_quiet_device() -> None:
    assert [watched(0.002) for _ in range(50)] == 50 * [(0, False)]


def test_judge_s_own_work_is_no_other_s() -> None:
    """What is loaded already; the driver may wait for the watch to end before it loads more."""
    memory = torch.zeros(1 << 20, device=DEVICE)
    memory.add_(1)
    torch.cuda.synchronize()
    watch = watch_on(DEVICE)
    assert watch.begin()
    memory.add_(1)
    torch.cuda.current_stream(DEVICE).synchronize()
    assert watch.end() == 0


@pytest.mark.parametrize("copies", [False, True])
def test_somebody_else(copies: bool) -> None:
    context = multiprocessing.get_context("spawn")
    started, ended = context.Event(), context.Event()
    process = context.Process(target=others, args=(started, ended, copies))
    process.start()
    try:
        assert started.wait(60)
        seen = [watched(0.005) for _ in range(20)]
    finally:
        ended.set()
        process.join()
    if copies:
        assert sum(traffic for _, traffic in seen) > 15
    else:
        assert sum(lost is None or lost > 0 for lost, _ in seen) > 15


def test_who_asks_twice_starts_anew() -> None:
    watch = watch_on(DEVICE)
    assert watch.begin()
    assert watch.begin()
    assert watch.end() == 0
    assert not watch.on
