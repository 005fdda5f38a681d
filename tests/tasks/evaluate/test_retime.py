"""One failed repetition makes no failure of a correct kernel; two do, and a cheat needs but one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, cast

import pytest

from kernels_eval import Status, Verdict
from storage import Lake
from tasks.evaluate.pool import Judged
from tasks.evaluate.retime import once_measured_leaders, retime_winners
from tasks.problems import Problem
from tasks.sweep import Sweep
from tests.storage.make import candidate_row, evaluation_row
from tests.tasks.evaluate.sweeps import sweep_of
from tests.tasks.report.synthetic import Approach, write_run

HARNESS = "trusted-89abcdef"
CORRECT, TIMEOUT, INCORRECT = Status.CORRECT, Status.TIMEOUT, Status.INCORRECT
OURS, REJECTED = Status.HARNESS_ERROR, Status.REJECTED


class _Told:
    """Judges whose verdicts on the one source are told beforehand: timing is not what is tested."""

    harness_id = HARNESS
    timeout_s = 60.0

    def __init__(self, statuses: Sequence[Status]) -> None:
        self.left = list(statuses)

    def evaluate_many(self, problem_source: str, sources: Sequence[str]) -> Iterator[Judged]:
        del problem_source
        for index in range(len(sources)):
            status = self.left.pop(0)
            speedup = 3.0 if status is CORRECT else None
            verdict = Verdict(
                status=status,
                protocol="trusted",
                mode="fast",
                device="cpu",
                harness_id=HARNESS,
                compiled=True,
                speedup=speedup,
                speedup_ci=(2.9, 3.1) if speedup else None,
                error=None if speedup else "too slow\nby far",
            )
            yield Judged(index, verdict, None)


def _sweep(root: Path, statuses: Sequence[Status]) -> tuple[Sweep, Problem]:
    only = (Approach("vectorised", 1.0, 0.3, 1.5),)
    lake = write_run(root, problems=[5], k=1, approaches=only)
    sweep, (problem,) = sweep_of(lake, _Told(statuses))
    return sweep, problem


def _latest(lake: Lake) -> dict[str, Any]:
    (row,) = lake.sql("SELECT * FROM evaluations_latest", ["demo"]).to_pylist()
    return dict(row)


@pytest.mark.parametrize(
    ("statuses", "status", "rows"),
    [
        ([CORRECT], CORRECT, 2),
        ([TIMEOUT, CORRECT], CORRECT, 2),
        ([INCORRECT, CORRECT], CORRECT, 2),
        ([TIMEOUT, TIMEOUT], TIMEOUT, 2),
        ([TIMEOUT, INCORRECT], INCORRECT, 2),
        ([REJECTED], REJECTED, 2),
        ([OURS, CORRECT], CORRECT, 2),  # ours is tried again, and is no measurement
        ([OURS, OURS], CORRECT, 1),
        ([TIMEOUT, OURS, CORRECT], CORRECT, 2),
        ([TIMEOUT, OURS, OURS], CORRECT, 1),
    ],
)
def test_two_of_three_count(
    tmp_path: Path, statuses: list[Status], status: Status, rows: int
) -> None:
    sweep, problem = _sweep(tmp_path / "lake", statuses)
    assert retime_winners(sweep, problem, 1) == rows - 1
    assert cast("_Told", sweep.judges).left == []
    latest = _latest(sweep.lake)
    assert latest["status"] == status
    found = sweep.lake.sql("SELECT count(*) AS n FROM evaluations", ["demo"]).to_pylist()
    assert found == [{"n": rows}]
    # In plain Parquet the last take counts.
    takes = sweep.lake.sql("SELECT take FROM evaluations ORDER BY sequence", ["demo"])
    assert takes["take"].to_pylist()[1:] == [2] * (rows - 1)
    assert latest["take"] == (2 if rows == 2 else takes["take"][0].as_py())
    measured = [one for one in statuses if one is not OURS]
    told = [one["message"] for one in latest["findings"] if one["rule"] == "repeated-measurement"]
    if len(measured) == 2:
        (message,) = told
        assert message.startswith(f"measured three times: correct, then {measured[0]} (too slow)")
        assert latest["findings"][-1]["severity"] == "warning"
    else:
        assert told == []
    # What is undecided is measured again when the run is resumed, and nothing else is.
    assert bool(once_measured_leaders(sweep, problem, 1)) == (rows == 1)


def test_every_arms_winner_is_measured_again(tmp_path: Path) -> None:
    sweep, problem = _sweep(tmp_path / "lake", [])
    key = {"suite": problem.suite, "level": problem.level, "problem_id": problem.problem_id}
    drawn = [("s-slow", "base", 1.2), ("s-fast", "centred", 9.0), ("s-both", "centred", 2.0)]
    drawn += [("s-both", "placebo", 2.0)]
    rows = [
        candidate_row(problem.problem_id, 100 + i, source) | key | {"arm": arm, "source": source}
        for i, (source, arm, _) in enumerate(drawn)
    ]
    sweep.lake.append("candidates", rows, run_id="demo")
    verdicts = [
        evaluation_row(problem.problem_id, source, speedup=speed, harness_id=HARNESS) | key
        for source, speed in {source: speed for source, _, speed in drawn}.items()
    ]
    sweep.lake.append("evaluations", verdicts, run_id="demo")
    base = sweep.lake.sql("SELECT max(speedup) AS s FROM results WHERE arm IS NULL", ["demo"])
    assert base["s"][0].as_py() > 1.2
    again = once_measured_leaders(sweep, problem, 1)
    assert {key[-1] for key in again} >= {"s-fast", "s-both"}
    assert len(again) == 3  # those, and the base arm's
    assert "s-slow" not in {key[-1] for key in again}
