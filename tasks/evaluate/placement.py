"""Keep this machine's timing cores free: all of a sweep but the judge stays on the others.

A stolen millisecond makes a pair of trials worthless, and it is measured again.
"""

from __future__ import annotations

import os
from collections.abc import Collection
from contextlib import suppress
from functools import cache
from pathlib import Path

import psutil

from kernels_eval.timing.cores import Cores, choose_cores, share


@cache
def cores_at_first() -> frozenset[int]:
    """The cores of this process when first asked: later it may have left some of them."""
    return frozenset(os.sched_getaffinity(0))


@cache
def judging_cores(gpus: int = 0) -> Cores:
    """Which of this process's cores time and which do the rest: of one judge, or one for each GPU.

    Raises kernels_eval's RequestError for cores that are not this process's, or too few.
    """
    allowed = cores_at_first()
    if not gpus:
        return choose_cores(None, allowed=allowed)
    shares = [share(index, gpus, allowed=allowed) for index in range(gpus)]
    return choose_cores(tuple(core for one in shares for core in one.timing), allowed=allowed)


def keep_timing_cores_free(judges: Collection[int], side: Collection[int]) -> None:
    """Move this process and its descendants to the side cores; what they start inherits that.

    `judges` are process ids: they and what is below them place themselves. Called once all is
    started, so that starting may use every core.
    """
    family = {one.pid: one for one in psutil.Process().children(recursive=True)}
    spared = set(judges)
    for pid in judges:
        with suppress(psutil.NoSuchProcess):
            spared |= {one.pid for one in psutil.Process(pid).children(recursive=True)}
    for pid in {os.getpid(), *family} - spared:
        with suppress(OSError):  # it ended meanwhile
            for thread in Path(f"/proc/{pid}/task").iterdir():
                os.sched_setaffinity(int(thread.name), side)
