"""How several test processes (`-n 3`) share the tests out.

A file stays in one process, and all sweeps do: they share servers. Only the one that is killed
again and again has a process of its own, for it takes as long as all the others; its undisturbed
twin is extended there, too. Not by `--dist loadgroup`: it writes the groups into the tests' ids,
which pytest 9.2 takes no notice of, so that xdist 3.8 scatters the tests of a group without a word.
"""

from __future__ import annotations

from typing import Any

import pytest

SWEEPS = "tests/end_to_end/"
LONGEST = "tests/end_to_end/test_kill_and_resume.py"
TOGETHER = {"tests/end_to_end/test_sweep.py": LONGEST}


def group(nodeid: str) -> str:
    """The name of all that a test stays together with."""
    file = nodeid.partition("::")[0]
    file = TOGETHER.get(file, file)
    return SWEEPS if file.startswith(SWEEPS) and file != LONGEST else file


def put_slow_first(items: list[pytest.Item]) -> None:
    """The longest, the other sweeps, files with a slow test, then the rest as it was.

    What takes long must not come last: the other processes would have nothing left to do.
    """
    slow = {group(item.nodeid) for item in items if item.get_closest_marker("slow")}
    first = (LONGEST, SWEEPS)

    def place(item: pytest.Item) -> tuple[int, bool]:
        mine = group(item.nodeid)
        return first.index(mine) if mine in first else len(first), mine not in slow

    items.sort(key=place)


def group_scheduler(config: pytest.Config, log: Any) -> Any:
    """Hands out whole groups, in the order of their first tests."""
    from xdist.scheduler import LoadScopeScheduling

    config.option.loadscopereorder = False  # by number of tests, which says little about time
    scheduler: Any = LoadScopeScheduling(config, log)
    scheduler._split_scope = group
    return scheduler
