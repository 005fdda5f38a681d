"""The winners once more: the best of K is biased upward by noise, a fresh measurement is not.

The expected maximum of K noisy measurements exceeds the largest true value, even if all K kernels
are equally fast (the winner's curse). A winner's second measurement was not selected for being
high; it is another row of `evaluations`, and the latest one counts.
"""

from __future__ import annotations

from importlib.resources import files

from prefect import task
from prefect.cache_policies import NO_CACHE

from kernels_eval import Status
from storage.ledger import SourceKey
from tasks.evaluate.rows import Row, verdict_rows
from tasks.evaluate.step import flush, judged
from tasks.problems import Problem
from tasks.sweep import Sweep

ROUNDS = 3
"""Of looks: where a winner falls back, another leads who was measured but once."""

_QUERY = files("tasks.evaluate").joinpath("leaders.sql").read_text(encoding="utf-8")


def retime_winners(sweep: Sweep, problem: Problem, count: int) -> int:
    """Measure the `count` fastest correct sources of a problem a second time; how many were.

    What was measured twice already is left alone, so that a resumed run does what is missing. A
    failure of the judge leaves the first measurement standing.
    """
    done = 0
    for _ in range(ROUNDS):
        again = once_measured_leaders(sweep, problem, count)
        evaluations: list[Row] = []
        timings: list[Row] = []
        for one, verdict in judged(sweep, problem, again):
            if verdict.status is not Status.HARNESS_ERROR:
                evaluation, timing = verdict_rows(problem, one[-1], verdict)
                evaluations.append(evaluation)
                timings.extend([timing] if verdict.trials else [])
        if not evaluations:
            break
        done += len(evaluations)
        flush(sweep, evaluations, timings)
    return done


def once_measured_leaders(sweep: Sweep, problem: Problem, count: int) -> dict[SourceKey, str]:
    """Of the `count` fastest correct sources, those with a single measurement; key → source."""
    key = (problem.suite, problem.level, problem.problem_id)
    wanted = dict(zip(("suite", "level", "problem_id"), key, strict=True))
    wanted |= {"harness_id": sweep.judges.harness_id, "leaders": count}
    leaders = sweep.lake.sql(_QUERY, [sweep.run_id], wanted).to_pylist()
    return {(*key, row["source_hash"]): row["source"] for row in leaders if row["takes"] == 1}


retime = task(name="retime", retries=1, cache_policy=NO_CACHE, persist_result=False)(retime_winners)
