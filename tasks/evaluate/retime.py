"""The winners once more: the best of K is biased upward by noise, a fresh measurement is not.

The expected maximum of K noisy measurements exceeds the largest true value, even if all K kernels
are equally fast (the winner's curse). A winner's second measurement was not selected for being
high; it is another row of `evaluations`, and the latest one counts.

A second measurement that ends otherwise than `correct` contradicts the first. Then a third decides:
two of three count, and the row that is written says so in a finding. `rejected` needs no third: it
is shown, not measured. A failure of ours (`harness_error`) never counts.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from importlib.resources import files

from prefect import State, task
from prefect.cache_policies import NO_CACHE

from kernels_eval import Finding, Severity, Status
from storage.ledger import SourceKey
from tasks.errors import NoJudgeError, ProblemRefusedError
from tasks.evaluate.pool import Judged
from tasks.evaluate.rows import Row, verdict_rows
from tasks.evaluate.step import flush, judged, refused, unjudged
from tasks.problems import Problem
from tasks.sweep import Sweep

ROUNDS = 3
"""Of looks: where a winner falls back, another leads who was measured but once."""

_CERTAIN = (Status.CORRECT, Status.REJECTED)
"""A second verdict that needs no third."""

_QUERY = files("tasks.evaluate").joinpath("leaders.sql").read_text(encoding="utf-8")


def retime_winners(sweep: Sweep, problem: Problem, count: int) -> int:
    """Measure the `count` fastest correct sources of a problem a second time; how many were.

    What was measured twice already is left alone, so that a resumed run does what is missing.
    Where the judge failed, or the third measurement is missing, the first one stands.
    """
    done = 0
    for _ in range(ROUNDS):
        again = once_measured_leaders(sweep, problem, count)
        decided = decide(sweep, problem, again)
        if not decided:
            break
        done += len(decided)
        write_again(sweep, problem, decided, take=2)
    return done


def write_again(
    sweep: Sweep, problem: Problem, found: Mapping[SourceKey, Judged], *, take: int
) -> None:
    """Write what was measured once more in one commit (`take`: see verdict_rows)."""
    evaluations: list[Row] = []
    timings: list[Row] = []
    for key, one in found.items():
        evaluation, timing = verdict_rows(problem, key[-1], one.verdict, one.place, take)
        evaluations.append(evaluation)
        timings.extend([timing] if one.verdict.trials else [])
    flush(sweep, evaluations, timings)


def decide(
    sweep: Sweep, problem: Problem, sources: Mapping[SourceKey, str]
) -> dict[SourceKey, Judged]:
    """The verdict that counts from now on, of each source that was correct at first.

    Left out are those that our own failures leave undecided.
    """
    second = _measured(sweep, problem, sources)
    doubted = {one: sources[one] for one in second if second[one].verdict.status not in _CERTAIN}
    third = _measured(sweep, problem, doubted)
    settled = {one: found for one, found in second.items() if one not in doubted}
    return settled | {one: _majority(second[one], found) for one, found in third.items()}


def _measured(
    sweep: Sweep, problem: Problem, sources: Mapping[SourceKey, str]
) -> dict[SourceKey, Judged]:
    return {
        one: found
        for one, found in judged(sweep, problem, sources)
        if found.verdict.status is not Status.HARNESS_ERROR
    }


def _majority(second: Judged, third: Judged) -> Judged:
    """Of a first verdict `correct`, a second that is not, and a third: the third decides."""
    doubt, last = second.verdict, third.verdict
    message = (
        f"measured three times: correct, then {doubt.status} ({_reason(doubt.error)}), then "
        f"{last.status}; two of three count"
    )
    finding = Finding("repeated-measurement", Severity.WARNING, message)
    return replace(third, verdict=replace(last, findings=(*last.findings, finding)))


def _reason(error: str | None) -> str:
    lines = (error or "").strip().splitlines()
    return lines[0][:200] if lines else "no reason given"


def once_measured_leaders(sweep: Sweep, problem: Problem, count: int) -> dict[SourceKey, str]:
    """Of the `count` fastest correct sources, those with a single measurement; key → source."""
    key = problem.key
    wanted = dict(zip(("suite", "level", "problem_id"), key, strict=True))
    wanted |= {"harness_id": sweep.judges.harness_id, "leaders": count}
    leaders = sweep.lake.sql(_QUERY, [sweep.run_id], wanted).to_pylist()
    return {(*key, row["source_hash"]): row["source"] for row in leaders if row["takes"] == 1}


def _retime(sweep: Sweep, problem: Problem, count: int) -> int | State[None]:
    try:
        return retime_winners(sweep, problem, count)
    except ProblemRefusedError as error:
        return refused(sweep, problem, error)
    except NoJudgeError as error:
        return unjudged(sweep, error)


retime = task(name="retime", retries=1, cache_policy=NO_CACHE, persist_result=False)(_retime)
