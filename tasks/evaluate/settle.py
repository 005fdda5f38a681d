"""Unsettled kernels once more, when all else is done and the machine may have grown quiet.

A kernel is unsettled if the interval of its speedup holds 1. The new measurement counts whatever it
says: keeping only those that settle something would make luck look like speed. It is left out only
for what does not depend on its outcome: the machine was busy for this one, too.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Sequence
from importlib.resources import files

from prefect import State, task
from prefect.cache_policies import NO_CACHE
from prefect.logging import get_logger

from storage.ledger import SourceKey
from tasks.errors import NoJudgeError, ProblemRefusedError
from tasks.evaluate.pool import Judged
from tasks.evaluate.retime import decide, write_again
from tasks.evaluate.step import unjudged
from tasks.problems import Problem
from tasks.sweep import Sweep

WIDE = 1.1
"""Upper over lower end: a quiet machine's intervals are narrower."""

AT_ONCE = 4
"""Kernels between two looks at the clock."""

_PAUSE_S = 5.0
"""Where others were busy: before the next are measured."""

_QUERY = files("tasks.evaluate").joinpath("unsettled.sql").read_text(encoding="utf-8")

_logger = get_logger("judge")


def settle_unsettled(sweep: Sweep, problems: Sequence[Problem], budget_s: float) -> int:
    """Measure the unsettled kernels of these problems once more, for so long; how many were.

    What cannot be measured again keeps its first verdict. Raises NoJudgeError.
    """
    until = time.monotonic() + budget_s
    known = {one.key: one for one in problems}
    waiting = deque(_groups({key: s for key, s in _unsettled(sweep).items() if key[:3] in known}))
    settled = 0
    while waiting and (left := until - time.monotonic()) > 0:
        group = waiting.popleft()
        problem = known[next(iter(group))[:3]]
        try:
            found = decide(sweep, problem, group)
        except ProblemRefusedError:
            continue
        quiet = {key: one for key, one in found.items() if not _disturbed(one)}
        if quiet:
            write_again(sweep, problem, quiet, take=3)
        settled += len(quiet)
        busy = {key: source for key, source in group.items() if key in found.keys() - quiet.keys()}
        if busy:
            waiting.append(busy)
            time.sleep(min(_PAUSE_S, left))
    if waiting:
        _logger.warning(
            "%d unsettled kernels could not be measured again in a quiet moment within %.0f s; the "
            "same run once more goes on with them",
            sum(map(len, waiting)),
            budget_s,
        )
    return settled


def _unsettled(sweep: Sweep) -> dict[SourceKey, str]:
    """Key → source, widest interval first."""
    wanted = {"harness_id": sweep.judges.harness_id, "wide": WIDE}
    rows = sweep.lake.sql(_QUERY, [sweep.run_id], wanted).to_pylist()
    return {
        (row["suite"], row["level"], row["problem_id"], row["source_hash"]): row["source"]
        for row in rows
    }


def _groups(sources: dict[SourceKey, str]) -> list[dict[SourceKey, str]]:
    """Of one problem each, `AT_ONCE` at most, in the order of the problems' widest."""
    by_problem: dict[tuple[str, int, int], list[SourceKey]] = {}
    for key in sources:
        by_problem.setdefault(key[:3], []).append(key)
    return [
        {key: sources[key] for key in keys[start : start + AT_ONCE]}
        for keys in by_problem.values()
        for start in range(0, len(keys), AT_ONCE)
    ]


def _disturbed(found: Judged) -> bool:
    return any(one.rule == "busy-machine" for one in found.verdict.findings)


def _settle(sweep: Sweep, problems: Sequence[Problem], budget_s: float) -> int | State[None]:
    try:
        return settle_unsettled(sweep, problems, budget_s)
    except NoJudgeError as error:
        return unjudged(sweep, error)


settle = task(name="settle", retries=1, cache_policy=NO_CACHE, persist_result=False)(_settle)
