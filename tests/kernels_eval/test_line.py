"""Who is begun when: at the pace of a GPU's driver, and some with nothing beside them."""

from __future__ import annotations

import time
from collections import deque
from types import SimpleNamespace
from typing import Any

import pytest

from kernels_eval.backends.objects import ObjectCache
from kernels_eval.devices.cpu import CpuDevice
from kernels_eval.disturbance import Room
from kernels_eval.errors import OutOfRoomError
from kernels_eval.line import Judged, Line, Queue
from kernels_eval.pending import Pending, Stage
from kernels_eval.processes.worker import WorkerTimeoutError
from kernels_eval.sandbox.kernel_counts import KernelCounts
from kernels_eval.timing.cores import choose_cores
from kernels_eval.types import Status, Verdict

PACE_S = 0.05


class LikeGpu(CpuDevice):
    """Starts workers as a GPU does; there is one in this test's machine only in name."""

    first_call_ahead = True
    start_s = PACE_S


@pytest.fixture
def line() -> Line:
    return Line(LikeGpu(choose_cores(None)), side_cores=14, objects=ObjectCache(), ahead=True)


def begin(index: int, source: str) -> Judged:
    verdict = Verdict(
        Status.REJECTED, protocol="trusted", mode="fast", device="cpu", harness_id=source
    )
    return index, verdict


def candidates(count: int) -> Queue:
    return deque((index, f"source {index}") for index in range(count))


def test_no_more_are_started_at_once_than_the_driver_takes(line: Line) -> None:
    queue = candidates(20)
    started = time.monotonic()
    line.fill(queue, begin)
    assert 1 <= len(line) <= 3 + (time.monotonic() - started) / PACE_S
    while len(line) < 10:
        line.fill(queue, begin)
    assert time.monotonic() - started >= 7 * PACE_S


def test_there_are_never_more_than_cores_and_two(line: Line) -> None:
    queue = candidates(20)
    while len(line) < 16:
        line.fill(queue, begin)
    time.sleep(3 * PACE_S)
    line.fill(queue, begin)
    assert len(line) == 16
    assert len(queue) == 4


def test_one_to_be_judged_alone_has_nobody_beside_it(line: Line) -> None:
    assert line.once_more_alone(1)
    assert not line.once_more_alone(1)  # a second time changes nothing
    queue = candidates(3)
    seen = []
    while queue or len(line):
        line.fill(queue, begin)
        time.sleep(PACE_S)
        line.fill(queue, begin)
        seen.append(len(line))
        line.end_all()
    assert seen == [1, 1, 1]
    line.forget()
    assert line.once_more_alone(1)


def called(line: Line, *, left_s: float, failed: bool = False) -> Pending:
    """In its first call, of 20 s."""
    runner: Any = SimpleNamespace(worker=None)
    room = Room(KernelCounts(0, 0), processes=128, file_bytes=1 << 30, own_disk=True)
    item = Pending(0, "", (), runner, 20.0, lambda item: item, room, stage=Stage.CALLING)
    item.deadline = time.monotonic() + left_s
    item.failure = WorkerTimeoutError() if failed else None
    line._pending.append(item)
    return item


@pytest.mark.parametrize(
    ("left_s", "failed", "together"), [(0.0, True, True), (5.0, False, True), (15.0, False, False)]
)
def test_who_stands_still_with_others_need_not_be_to_blame(
    line: Line, left_s: float, failed: bool, together: bool
) -> None:
    first = called(line, left_s=0.0, failed=True)
    line._pending.remove(first)
    other = called(line, left_s=left_s, failed=failed)
    assert line.stood_still_together(first) is together
    assert line.stood_still_together(other) is (failed or left_s < 10.0)
    line.forget()
    line._pending.clear()
    assert not line.stood_still_together(first)


@pytest.mark.parametrize("own", [True, False])
def test_room_that_is_there_once_a_candidate_is_gone_was_its_own(line: Line, own: bool) -> None:
    """Whose fault it is that its inputs found none: told apart with the worker gone."""
    worker = SimpleNamespace(closed=False)
    worker.close = lambda: setattr(worker, "closed", True)

    class Held:
        forgotten = False

        def forget_outputs(self) -> None:
            self.forgotten = worker.closed

        def reserve(self, calls: int) -> tuple[int, int]:
            if own and self.forgotten:
                return 0, calls
            raise OutOfRoomError("no room for inputs")

    runner: Any = SimpleNamespace(worker=worker, memory=Held(), job=SimpleNamespace(max_calls=4))
    assert line.held_room(SimpleNamespace(runner=runner)) is own  # type: ignore[arg-type]
    assert worker.closed


def test_one_that_is_doubted_is_measured_once_more(line: Line) -> None:
    verdict = begin(1, "source")[1]
    assert line.first_verdict(1) is None
    assert line.once_more(1, verdict)
    assert line.first_verdict(1) is verdict
    assert not line.once_more(1, verdict)
    line.forget()
    assert line.first_verdict(1) is None
