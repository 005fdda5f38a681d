"""Draws that get no verdict: no judge can be had, or the judge refuses their problem."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from threading import Lock
from typing import cast

import pytest

from kernels_eval import Status, Verdict
from storage import Lake, ledger
from tasks.errors import NoJudgeError, ProblemRefusedError
from tasks.evaluate.place import Place
from tasks.evaluate.pool import Judged, JudgePool
from tasks.evaluate.step import _evaluate
from tasks.plan import Shard
from tasks.problems import Problem
from tasks.sweep import Sweep
from tests.tasks.evaluate.sweeps import sweep_of
from tests.tasks.report.synthetic import write_run

PLACE = Place("node", "a-host", "a model", ("kernel", frozenset({0})), None, 1)


class _Ending:
    """Judges that end after one verdict, by what they are given to raise."""

    harness_id = "instant"
    timeout_s = 60.0

    def __init__(self, end: Exception) -> None:
        self._end = end
        self._told = False
        self._lock = Lock()
        self.asked = 0

    def evaluate_many(self, problem_source: str, sources: Sequence[str]) -> Iterator[Judged]:
        assert problem_source
        assert len(sources) > 1
        self.asked += 1
        verdict = Verdict(Status.INCORRECT, "instant", "fast", "none", "instant")
        yield Judged(0, verdict, PLACE)
        raise self._end

    def first_to_tell(self) -> bool:
        return JudgePool.first_to_tell(cast("JudgePool", self))


class _Counting:
    def __init__(self) -> None:
        self.done = Counter[str]()

    def advance(self, stage: str, count: int = 1) -> None:
        self.done[stage] += count


def started(lake: Lake, judges: _Ending) -> tuple[Sweep, Problem]:
    sweep, (problem,) = sweep_of(lake, judges, _Counting())
    return sweep, problem


def test_what_was_delivered_is_kept_and_the_rest_is_told_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    lake = write_run(tmp_path / "lake", problems=[5], k=16, evaluated=False)
    gone = NoJudgeError("no judge could be had for 300 s: its node is gone")
    sweep, problem = started(lake, _Ending(gone))
    logging.getLogger("prefect").propagate = True
    with caplog.at_level(logging.WARNING):
        for _ in range(2):
            state = _evaluate(sweep, Shard(problem, tuple(range(16))))
            assert state is not None
            assert state.is_completed()  # nothing that Prefect's retries could mend
            assert state.name == "Unjudged"
    lines = [record.getMessage() for record in caplog.records]
    assert len(lines) == 1
    assert "its node is gone" in lines[0]
    assert f"`bon sweep --run demo --lake {lake.root}`" in lines[0]
    rows = lake.sql("SELECT host, machine, status FROM evaluations", ["demo"]).to_pylist()
    assert rows == [{"host": "a-host", "machine": "a model", "status": "incorrect"}] * 2
    assert len(ledger.evaluated(lake, "demo", "instant")) == 2


def test_a_refused_problem_is_told_once_kept_and_asked_about_no_more(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    lake = write_run(tmp_path / "lake", problems=[5], k=16, evaluated=False)
    judges = _Ending(ProblemRefusedError("its outputs are constant"))
    sweep, problem = started(lake, judges)
    logging.getLogger("prefect").propagate = True
    with caplog.at_level(logging.WARNING):
        for indices in (range(8), range(8, 16)):
            _evaluate(sweep, Shard(problem, tuple(indices)))
    assert judges.asked == 1
    assert cast("_Counting", sweep.progress).done == {"evaluate": 16}
    (line,) = [record.getMessage() for record in caplog.records]
    who = f"problem 5 ({problem.name}, level 1)"
    assert line == f"{who} is refused, the others go on: its outputs are constant"
    (row,) = lake.sql("SELECT * FROM refusals", ["demo"]).to_pylist()
    assert (row["problem_id"], row["harness_id"]) == (5, "instant")
    assert row["reason"] == "its outputs are constant"
    assert row["problem_hash"] == problem.problem_hash
