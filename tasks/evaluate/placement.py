"""Keep this machine's timing cores free: all of a sweep but the judge stays on the others."""

from __future__ import annotations

import os
from pathlib import Path

from kernels_eval.timing.cores import Cores, choose_cores

_chosen: Cores | None = None


def keep_timing_cores_free() -> Cores:
    """Move this process to the side cores; what it starts from now on inherits that.

    The first call decides (kernels_eval.timing.cores.choose_cores), later ones return the same. A
    stolen millisecond makes a pair of trials worthless and is measured again: this saves the time.
    Raises kernels_eval's RequestError for cores that are not this process's.
    """
    global _chosen
    if _chosen is None:
        _chosen = choose_cores(None)
        for thread in Path("/proc/self/task").iterdir():
            os.sched_setaffinity(int(thread.name), _chosen.side)
    return _chosen
