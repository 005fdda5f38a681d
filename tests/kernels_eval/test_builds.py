"""How long candidates may take that run more compilers than there are cores."""

from __future__ import annotations

import time
from types import SimpleNamespace
from typing import Any

import pytest

from kernels_eval.builds import Share
from kernels_eval.disturbance import Room
from kernels_eval.pending import Pending, Stage
from kernels_eval.sandbox.kernel_counts import KernelCounts

LIMIT_S = 10.0


def pending(index: int = 0, *, builds: bool = True, stage: Stage = Stage.IMPORTING) -> Pending:
    closed: Any = SimpleNamespace(worker=SimpleNamespace(closed=True, hang_up=lambda: None))
    room = Room(KernelCounts(0, 0), processes=128, file_bytes=1 << 30, own_disk=True)
    return Pending(index, "", (), closed, LIMIT_S, lambda drawn: drawn, room, builds, stage=stage)


def left_s(item: Pending) -> float:
    return item.deadline - item.started


def test_a_limit_moves_by_what_the_cores_did_not_give() -> None:
    items = [pending() for _ in range(4)]
    share = Share(cores=2, compilers=2)
    time.sleep(0.2)
    share.stretch(items)  # eight compilers on two cores: three quarters of the time were not theirs
    passed_s = time.monotonic() - items[-1].started
    for item in items:
        assert 0.15 - 0.01 <= left_s(item) - LIMIT_S <= 0.75 * passed_s + 0.01


@pytest.mark.parametrize(
    "items",
    [
        [pending(), pending(builds=False)],  # cores enough
        [pending(builds=False)] * 9,  # nobody compiles
        [pending(stage=Stage.BUILT)] * 9,  # or not any more
    ],
)
def test_a_limit_stays_where_it_is(items: list[Pending]) -> None:
    share = Share(cores=3, compilers=2)
    time.sleep(0.05)
    share.stretch(items)
    assert {left_s(item) for item in items} == {LIMIT_S}


def test_time_before_a_candidate_began_is_not_given_to_it() -> None:
    share = Share(cores=1, compilers=2)
    time.sleep(0.2)
    item = pending()
    share.stretch([item])
    assert left_s(item) - LIMIT_S <= time.monotonic() - item.started
