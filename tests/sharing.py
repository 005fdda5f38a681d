"""How two test processes (`-n 2`) share the tests out: sweeps in one, all else in the other.

A file stays in one process, and all that starts sweeps does: it shares servers, and one sweep at a
time keeps more than one core busy. Not by `--dist loadgroup`: it writes the groups into the tests'
ids, which pytest 9.2 takes no notice of, so that xdist 3.8 scatters the tests of a group without a
word.
"""

from __future__ import annotations

from typing import Any

import pytest

SWEEPS = ("tests/end_to_end/", "tests/deployments/")


def group(nodeid: str) -> str:
    """The name of all that a test stays together with."""
    file = nodeid.partition("::")[0]
    return "sweeps" if file.startswith(SWEEPS) else file


def put_slow_first(items: list[pytest.Item]) -> None:
    """The sweeps, files with a slow test, then the rest as it was.

    What takes long must not come last: the other process would have nothing left to do.
    """
    slow = {group(item.nodeid) for item in items if item.get_closest_marker("slow")}

    def place(item: pytest.Item) -> tuple[bool, bool]:
        mine = group(item.nodeid)
        return mine != "sweeps", mine not in slow

    items.sort(key=place)


def group_scheduler(config: pytest.Config, log: Any) -> Any:
    """Hands out whole groups, in the order of their first tests."""
    from xdist.scheduler import LoadScopeScheduling

    config.option.loadscopereorder = False  # by number of tests, which says little about time
    scheduler: Any = LoadScopeScheduling(config, log)
    scheduler._split_scope = group
    return scheduler
