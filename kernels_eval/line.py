"""The candidates under way: who is begun, who may hold memory of the device, whose turn it is."""

from __future__ import annotations

import contextlib
import time
from collections import deque
from collections.abc import Callable, Iterator

from kernels_eval.backends.objects import ObjectCache, harvest
from kernels_eval.builds import Share
from kernels_eval.devices.base import Device, Memory
from kernels_eval.errors import OutOfRoomError
from kernels_eval.pending import Pending, Stage, wait_any
from kernels_eval.reference import Reference
from kernels_eval.timing.runner import Runner
from kernels_eval.types import Verdict
from kernels_eval.worker.protocol import Job

_TICK_S = 0.05
_BACK_OFF_S = (0.5, 2.0)
"""Before a candidate is judged once more after a disturbance, and before the last time."""
_AT_ONCE = 2
"""Workers that may be started in a row beyond the device's pace."""

Queue = deque[tuple[int, str]]
"""Index and source of the candidates that are not begun."""
Judged = tuple[int, Verdict]
"""One that needed no worker, or got none."""
Begin = Callable[[int, str], Pending | Judged]
"""Hands a candidate to a worker."""


class Line:
    """From the queue to a turn on the device, and to a worker's end."""

    def __init__(self, device: Device, side_cores: int, objects: ObjectCache, ahead: bool) -> None:
        """`ahead`: a first call may run before a candidate's turn."""
        self._device = device
        self._side_cores = side_cores
        self._objects = objects
        self._ahead = ahead
        # On a GPU's machine for the kernel, and for its binding to Python.
        self._share = Share(side_cores, compilers=2 if device.on_gpu else 1)
        self._pending: deque[Pending | Judged] = deque()
        self._ending: list[Runner] = []
        self._memories: list[Memory] = []
        self._alone: set[int] = set()
        self._first: dict[int, Verdict] = {}
        self._disturbed: dict[int, int] = {}
        self._due: dict[int, float] = {}
        self._ours: set[int] = set()
        self._stood_still: list[float] = []
        self._next_start = 0.0

    def __len__(self) -> int:
        return len(self._pending)

    # Its beginning

    def fill(self, queue: Queue, begin: Begin) -> None:
        """Begin as many candidates as there are cores to import them on, and the next to be timed;
        on a GPU one may wait for room there besides."""
        most = self._side_cores + (2 if self._device.first_call_ahead else 1)
        while queue and len(self._pending) < most:
            now = time.monotonic()
            if self._next_start > now:
                return
            if self._rests(queue, now):
                return
            by_itself = queue[0][0] in self._alone
            beside = self._alone & {index_of(item) for item in self._pending}
            if self._pending and (by_itself or beside):
                return
            pace_s = self._device.start_s
            self._next_start = max(self._next_start, now - _AT_ONCE * pace_s) + pace_s
            self._pending.append(begin(*queue.popleft()))

    def once_more_alone(self, index: int) -> bool:
        """Whether this candidate is to be judged again, with nothing else on the device."""
        if not self._device.first_call_ahead or index in self._alone:
            return False
        self._alone.add(index)
        return True

    def _rests(self, queue: Queue, now: float) -> bool:
        """Whether every candidate waits after a disturbance; else the first of the others leads."""
        for _ in range(len(queue)):
            if self._due.get(queue[0][0], now) <= now:
                return False
            queue.rotate(-1)
        return True

    def once_more_later(self, index: int, *, ours: bool) -> bool:
        """Whether this candidate, which was disturbed, is to be judged again: alone, after a pause.

        Not a fourth time. `ours`: the machine is known to have disturbed it.
        """
        if ours:
            self._ours.add(index)
        times = self._disturbed.get(index, 0)
        if times == len(_BACK_OFF_S):
            return False
        self._disturbed[index] = times + 1
        self._due[index] = time.monotonic() + _BACK_OFF_S[times]
        self._alone.add(index)
        return True

    def disturbed_by_machine(self, index: int) -> bool:
        """Whether the machine is known to have disturbed it, the last time or before."""
        return index in self._ours

    def once_more(self, index: int, verdict: Verdict) -> bool:
        """Whether this candidate is to be measured again, in a fresh process: not a third time.

        `verdict`: what it got, which stands if the judge fails to measure again.
        """
        if index in self._first:
            return False
        self._first[index] = verdict
        return True

    def first_verdict(self, index: int) -> Verdict | None:
        """What it got when it was measured before; None if it was not."""
        return self._first.get(index)

    def stood_still_together(self, pending: Pending) -> bool:
        """Whether this first call ran out of time, and another stood still meanwhile: one candidate
        can keep the driver from all (by asking it for all of the host's memory, for example)."""
        if not pending.stands_still:
            return False
        now = time.monotonic()
        lately = [at for at in self._stood_still if now - at < pending.timeout_s]
        self._stood_still = [*lately, now]
        return bool(lately) or any(item.stands_still for item in self._moving())

    def held_room(self, pending: Pending) -> bool:
        """Whether there is room for a candidate's inputs once it is gone: it held that itself."""
        pending.runner.worker.close()
        pending.runner.memory.forget_outputs()
        try:
            pending.runner.memory.reserve(pending.runner.job.max_calls)
        except OutOfRoomError:
            return False
        return True

    def memory(self, job: Job) -> Memory:
        """Memory between here and a worker: used before if it fits, since its pages are there."""
        if not self._device.on_gpu:
            self.bury()
        for position, memory in enumerate(self._memories):
            if memory.fits(job):
                memory.reset(job)
                return self._memories.pop(position)
        return self._device.memory(job)

    # Its turn

    def next(self, reference: Reference, queue: Queue, begin: Begin) -> Pending | Judged:
        """Whichever is ready for the device leaves the line; the others get as far as they can.

        Not the first in line: while that compiles, others may hold all the device's room, and it
        would wait for them as they for it.
        """
        self.fill(queue, begin)
        while (chosen := self._ready()) is None:
            self.bury()
            self._advance(reference)
            if self._ready() is None:
                wait_any([item for item in self._moving() if not item.settled], _TICK_S)
            self.fill(queue, begin)
        self._pending.remove(chosen)
        return chosen

    def _ready(self) -> Pending | Judged | None:
        """The first in line whose turn on the device it may be, or that needs none."""
        return next((item for item in self._pending if self._there(item)), None)

    def _there(self, item: Pending | Judged) -> bool:
        if not isinstance(item, Pending) or item.failure is not None:
            return True
        return item.stage is (Stage.CALLED if self._ahead else Stage.BUILT)

    def _moving(self) -> list[Pending]:
        return [item for item in self._pending if isinstance(item, Pending)]

    def _advance(self, reference: Reference, held: int = 0) -> None:
        """Let every pending candidate take the step it is ready for.

        `held`: how many others hold memory of the device.
        """
        moving = self._moving()
        self._share.stretch(moving)
        for item in moving:
            while item.advance():
                pass
        if not self._ahead:
            return
        holding = [item for item in moving if item.was_called]
        room = reference.capacity - len(holding) - len(self._ending) - held
        for item in moving:
            if room > 0 and item.failure is None and item.stage is Stage.BUILT:
                item.call(reference.problem.unseen())
                room -= 1

    # Somebody else's turn

    @contextlib.contextmanager
    def silent(self, reference: Reference, *, deep: bool = False) -> Iterator[None]:
        """On a GPU every pending worker is stopped, and goes on afterwards; what ended is gone.

        On the CPU they are on cores of their own.
        """
        self.bury()
        moving = self._moving() if self._device.first_call_ahead else []
        for item in moving:
            item.pause(deep)
        try:
            yield
        finally:
            for item in moving:
                item.carry_on()
            if moving:
                self._advance(reference, held=1)

    def settle_others(self) -> bool:
        """Let calls that are under way end, or run out of time; those are ended then.

        Whether any candidate beside the one being measured has ever been called.
        """
        called = [item for item in self._moving() if item.was_called]
        while any(not item.settled for item in called):
            for item in called:
                item.advance()
            wait_any([item for item in called if not item.settled], _TICK_S)
        for item in called:
            if item.failure is not None:
                item.runner.worker.close()
        return bool(called)

    # Its end

    def end(self, pending: Pending) -> None:
        """Kill the worker. A GPU's driver takes 0.1 s over one: others go on meanwhile."""
        pending.carry_on()
        worker = pending.runner.worker
        # Whoever is judged again would find there what it was shown the first time.
        again = pending.index in self._alone or pending.index in self._first
        kept = pending.failure is not None or worker.closed or again
        if not kept and self._objects.wants(pending.source):
            self._objects.keep(pending.source, harvest(worker.home))
        worker.hang_up()
        self._ending.append(pending.runner)

    def bury(self) -> None:
        """Nothing is left of workers that were ended; their memory waits for the next ones."""
        while self._ending:
            runner = self._ending.pop(0)
            runner.worker.close()
            self._memories.append(runner.memory)
        keep = 0 if self._device.on_gpu else 2 + self._side_cores
        while len(self._memories) > keep:
            self._memories.pop(0).close()

    def end_all(self) -> list[int]:
        """End whatever is under way; indices of the candidates it was."""
        ended = [index_of(item) for item in self._pending]
        while self._pending:
            item = self._pending.popleft()
            if isinstance(item, Pending):
                self.end(item)
        self.bury()
        return ended

    def forget(self) -> None:
        """Before other candidates: none of them has been judged yet."""
        self._alone.clear()
        self._first.clear()
        self._disturbed.clear()
        self._due.clear()
        self._ours.clear()
        self._stood_still.clear()

    def release(self) -> None:
        """Give back memory that waits for a next worker."""
        while self._memories:
            self._memories.pop().close()


def index_of(item: Pending | Judged) -> int:
    return item.index if isinstance(item, Pending) else item[0]
