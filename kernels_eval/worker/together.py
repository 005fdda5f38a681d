"""Memory that a candidate's processes hold together: each has a limit of its own, and they add up.

The keeper looks, some times a second and only while there are several. A control group would count
exactly and at once, but a judge rarely may make one (in a container, as an ordinary user, or in a
group that holds processes itself). So they can be over the limit for as long as it takes to look.
"""

from __future__ import annotations

import os

from kernels_eval.processes.control import children

ALONE_S, SEVERAL_S = 0.25, 0.05
"""Between two looks."""
_PAGE = os.sysconf("SC_PAGE_SIZE")


def tree(pid: int) -> list[int]:
    """A process and all below it."""
    found = [pid]
    for one in found:  # grows meanwhile
        found += children(one)
    return found


def held_together(pids: list[int], limit_bytes: int) -> int:
    """Bytes that the processes hold, shared ones counted once; 0 for what is surely in the limit.

    Resident memory counts what is shared for each, is quick to read and stops nobody; only where
    that exceeds the limit are shares looked at.
    """
    if sum(map(_resident, pids)) <= limit_bytes:
        return 0
    return sum(map(_share, pids))


def _resident(pid: int) -> int:
    try:
        with open(f"/proc/{pid}/statm") as told:  # noqa: PTH123 - no pathlib in the keeper
            return int(told.read().split()[1]) * _PAGE
    except (OSError, IndexError, ValueError):
        return 0


def _share(pid: int) -> int:
    """Its memory, of what is shared its part."""
    try:
        with open(f"/proc/{pid}/smaps_rollup") as told:  # noqa: PTH123
            for line in told:
                if line.startswith("Pss:"):
                    return int(line.split()[1]) << 10
    except (OSError, IndexError, ValueError):
        pass
    return 0
