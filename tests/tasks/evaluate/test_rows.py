"""What a row says that a verdict took."""

from __future__ import annotations

import time
from pathlib import Path

from kernels_eval import JudgeConfig, Status
from storage import Lake
from tasks.evaluate.actor import JudgeActor
from tasks.evaluate.rows import verdict_rows
from tasks.problems import load_suite
from tests.storage.make import run_row

(PROBLEM,) = load_suite("embedded").select((12,))


def test_a_device_that_judges_one_at_a_time_is_charged_for_no_more_than_its_time(
    tmp_path: Path,
) -> None:
    """A candidate waits while another is measured: whatever it waits for, it is not charged."""
    candidates = [
        PROBLEM.source.replace("class Model(", "class ModelNew(") + f"# {number}\n"
        for number in range(4)
    ]
    judge = JudgeActor(JudgeConfig(), None)
    judge.ready()
    began = time.monotonic()
    found = [verdict for _, verdict in judge.evaluate_many(PROBLEM.source, candidates)]
    passed = time.monotonic() - began
    judge.close()
    assert {one.status for one in found} == {Status.CORRECT}
    lake = Lake.open(tmp_path / "lake", create=True)
    lake.append("runs", [run_row("r")], run_id="r")
    rows = [verdict_rows(PROBLEM, f"h{n}", one, None)[0] for n, one in enumerate(found)]
    lake.append("evaluations", rows, run_id="r")
    (told,) = lake.sql(
        "SELECT sum(judge_seconds(e)) AS judge, sum(compile_seconds) AS compile, "
        "sum(judge_gpu_seconds(e)) AS gpu FROM evaluations e"
    ).to_pylist()
    parts = (one.seconds for one in found)
    worked = sum(one.compile + one.draw + one.check + one.time for one in parts)
    assert abs(told["judge"] - worked) < 1e-9
    assert told["judge"] - told["compile"] <= passed  # compiling has cores of its own
    assert told["gpu"] == 0
