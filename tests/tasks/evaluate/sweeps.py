"""A sweep over a stored run, with judges and a progress bar of the test's own."""

from __future__ import annotations

from typing import Any, cast

from storage import Lake
from tasks.evaluate.pool import JudgePool
from tasks.problems import Problem
from tasks.sample.actor import ReleasedPolicy
from tasks.sweep import Sweep
from tests.tasks.report.synthetic import SUITE


class Silent:
    """A progress bar that nobody looks at."""

    def advance(self, stage: str, count: int = 1) -> None: ...


def sweep_of(lake: Lake, judges: object, progress: Any = None) -> tuple[Sweep, list[Problem]]:
    """The run `demo` of the lake, with its problems; `judges` stand in for a pool."""
    sweep = Sweep(
        run_id="demo",
        lake=lake,
        seed=0,
        policy_id="",
        policy=ReleasedPolicy(),
        progress=progress or Silent(),
        judges=cast("JudgePool", judges),
    )
    rows = lake.sql("SELECT * FROM problems", ["demo"]).to_pylist()
    return sweep, [Problem(SUITE, 1, r["problem_id"], r["name"], r["source"]) for r in rows]
