"""What noise left unsettled is measured once more, and counts whatever the result."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from kernels_eval import Finding, Severity, Status, Verdict
from storage import Lake
from tasks.errors import ProblemRefusedError
from tasks.evaluate import settle
from tasks.evaluate.pool import Judged
from tasks.evaluate.settle import settle_unsettled
from tasks.problems import Problem
from tasks.sweep import Sweep
from tests.tasks.evaluate.sweeps import sweep_of
from tests.tasks.report.synthetic import Approach, write_run

HARNESS = "trusted-89abcdef"
BUSY = (Finding("busy-machine", Severity.INFO, "others took the timing cores"),)


class _Judges:
    """Judges that measure what they are told: (low, high) of every source, busy at first."""

    harness_id = HARNESS
    timeout_s = 60.0

    def __init__(self, ends: tuple[float, float], *, busy: int = 0) -> None:
        self.ends, self.busy, self.measured = ends, busy, 0

    def evaluate_many(self, problem_source: str, sources: Sequence[str]) -> Iterator[Judged]:
        assert problem_source
        for index in range(len(sources)):
            self.measured += 1
            low, high = self.ends
            verdict = Verdict(
                status=Status.CORRECT,
                protocol="trusted",
                mode="fast",
                device="cpu",
                harness_id=HARNESS,
                compiled=True,
                speedup=(low * high) ** 0.5,
                speedup_ci=self.ends,
                findings=BUSY if self.measured <= self.busy else (),
            )
            yield Judged(index, verdict, None)


class _Refusing(_Judges):
    def evaluate_many(self, problem_source: str, sources: Sequence[str]) -> Iterator[Judged]:
        assert problem_source
        assert sources
        raise ProblemRefusedError("out of room")


@pytest.fixture(autouse=True)
def _no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settle, "_PAUSE_S", 0.0)


def started(root: Path, judges: _Judges, *, busy: bool = True) -> tuple[Sweep, list[Problem]]:
    """A run with unsettled kernels on two problems, and others that are surely slow."""
    noisy = [Approach("naive", 0.5, 0.2, 0.4), Approach("close", 0.5, 0.3, 0.97)]
    lake = write_run(root, problems=[5, 12], k=8, approaches=noisy, headroom=0.0, busy=busy, seed=1)
    return sweep_of(lake, judges)


def unsettled(lake: Lake) -> int:
    query = "SELECT count(DISTINCT (problem_id, source_hash)) AS n FROM results WHERE unsettled"
    return int(lake.sql(query, ["demo"]).to_pylist()[0]["n"])


def evaluations(lake: Lake) -> int:
    return int(lake.sql("SELECT count(*) AS n FROM evaluations", ["demo"]).to_pylist()[0]["n"])


@pytest.mark.parametrize("ends", [(0.8, 0.9), (1.1, 1.2), (0.98, 1.02)])
def test_the_new_measurement_counts_whatever_it_says(
    tmp_path: Path, ends: tuple[float, float]
) -> None:
    judges = _Judges(ends)
    sweep, problems = started(tmp_path / "lake", judges)
    before, rows = unsettled(sweep.lake), evaluations(sweep.lake)
    assert before > 2
    assert settle_unsettled(sweep, problems, 60.0) == before == judges.measured
    assert evaluations(sweep.lake) == rows + before
    assert unsettled(sweep.lake) == (before if ends[0] < 1 < ends[1] else 0)


def test_what_a_quiet_machine_measured_narrowly_is_left_alone(tmp_path: Path) -> None:
    judges = _Judges((1.1, 1.2))
    sweep, problems = started(tmp_path / "lake", judges, busy=False)
    assert unsettled(sweep.lake) > 2
    assert settle_unsettled(sweep, problems, 60.0) == 0 == judges.measured


def test_a_measurement_among_others_is_made_again(tmp_path: Path) -> None:
    judges = _Judges((1.1, 1.2), busy=2)
    sweep, problems = started(tmp_path / "lake", judges)
    before = unsettled(sweep.lake)
    assert settle_unsettled(sweep, problems, 60.0) == before
    assert judges.measured == before + 2
    assert unsettled(sweep.lake) == 0


def test_only_problems_that_were_asked_for(tmp_path: Path) -> None:
    judges = _Judges((1.1, 1.2))
    sweep, problems = started(tmp_path / "lake", judges)
    before = unsettled(sweep.lake)
    assert 0 < settle_unsettled(sweep, problems[:1], 60.0) < before


def test_a_budget_that_is_used_up_ends_it_in_one_line(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    judges = _Judges((1.1, 1.2), busy=10**6)
    sweep, problems = started(tmp_path / "lake", judges)
    rows = evaluations(sweep.lake)
    logging.getLogger("prefect").propagate = True
    assert settle_unsettled(sweep, problems, 0.2) == 0
    assert evaluations(sweep.lake) == rows
    (line,) = [record.getMessage() for record in caplog.records]
    assert "could not be measured again in a quiet moment within 0 s" in line


def test_a_problem_that_is_refused_now_keeps_its_verdicts(tmp_path: Path) -> None:
    judges = _Refusing((1.1, 1.2))
    sweep, problems = started(tmp_path / "lake", judges)
    before = unsettled(sweep.lake)
    assert settle_unsettled(sweep, problems, 60.0) == 0
    assert unsettled(sweep.lake) == before
    assert not sweep.lake.sql("SELECT * FROM refusals", ["demo"]).to_pylist()
