"""Where no judge can be had, draws stay without a verdict, and one line says how to go on."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from pathlib import Path
from threading import Lock
from typing import cast

import pytest

from kernels_eval import ProblemError, Status, Verdict
from storage import ledger
from tasks.errors import NoJudgeError
from tasks.evaluate.place import Place
from tasks.evaluate.pool import Judged, JudgePool
from tasks.evaluate.step import _evaluate
from tasks.plan import Shard
from tasks.problems import Problem
from tasks.sample.actor import ReleasedPolicy
from tasks.sweep import Sweep
from tests.tasks.report.synthetic import SUITE, write_run

PLACE = Place("node", "a-host", "a model", ("kernel", frozenset({0})), None, 1)


class _Ending:
    """Judges that end after one verdict."""

    harness_id = "instant"
    timeout_s = 60.0

    def __init__(self) -> None:
        self._told = False
        self._lock = Lock()

    def evaluate_many(self, problem_source: str, sources: Sequence[str]) -> Iterator[Judged]:
        assert problem_source
        assert len(sources) > 1
        verdict = Verdict(Status.INCORRECT, "instant", "fast", "none", "instant")
        yield Judged(0, verdict, PLACE)
        raise NoJudgeError("no judge could be had for 300 s: its node is gone")

    def first_to_tell(self) -> bool:
        return JudgePool.first_to_tell(cast("JudgePool", self))


class _Silent:
    def advance(self, stage: str, count: int = 1) -> None: ...


def test_what_was_delivered_is_kept_and_the_rest_is_told_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    lake = write_run(tmp_path / "lake", problems=[5], k=16, evaluated=False)
    row = lake.sql("SELECT * FROM problems", ["demo"]).to_pylist()[0]
    problem = Problem(SUITE, 1, 5, row["name"], row["source"])
    sweep = Sweep(
        run_id="demo",
        lake=lake,
        seed=0,
        policy_id="",
        policy=ReleasedPolicy(),
        progress=_Silent(),
        judges=cast("JudgePool", _Ending()),
    )
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


class _Refusing(_Ending):
    def evaluate_many(self, problem_source: str, sources: list[str]) -> Iterator[Judged]:  # noqa: ARG002
        raise ProblemError("get_inputs() returns the same values at every draw")
        yield


def test_a_refused_problem_is_named_with_its_reason(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    lake = write_run(tmp_path / "lake", problems=[5], k=4, evaluated=False)
    row = lake.sql("SELECT * FROM problems", ["demo"]).to_pylist()[0]
    problem = Problem(SUITE, 1, 5, row["name"], row["source"])
    sweep = Sweep(
        run_id="demo",
        lake=lake,
        seed=0,
        policy_id="",
        policy=ReleasedPolicy(),
        progress=_Silent(),
        judges=cast("JudgePool", _Refusing()),
    )
    logging.getLogger("prefect").propagate = True
    with caplog.at_level(logging.WARNING):
        state = _evaluate(sweep, Shard(problem, tuple(range(4))))
    assert state is not None
    assert state.is_completed()
    (line,) = (record.getMessage() for record in caplog.records)
    assert f"problem 5 ({row['name']}" in line
    assert "the same values at every draw" in line
    assert len(ledger.evaluated(lake, "demo", "instant")) == 0
