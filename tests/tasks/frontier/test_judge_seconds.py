"""One definition of what judging took: wherever it is told, it is the same."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from storage import Lake
from tasks.adapt.order import shuffled
from tasks.adapt.spent import write_spent
from tasks.adapt.units import base_shards, units_of
from tasks.frontier.compute import frontier
from tasks.problems import load_suite
from tasks.report.data import gather
from tasks.strategies.ledger import run_ledger
from tests.tasks.frontier.make import speeds, write

GROUP, STAGES, ARMS = 3, 3, ("centred", "placebo")
JUDGING = {
    "compile_seconds": 0.31,
    "draw_seconds": 0.17,
    "check_seconds": 0.23,
    "time_seconds": 0.41,
    "wall_seconds": 7.0,
    "device": "cuda:0",
}
WORKED, HELD = 1.12, 0.81
"""Seconds of a verdict, and of its GPU."""


def test_ledger_views_report_and_frontier_agree(tmp_path: Path) -> None:
    problems = load_suite("embedded").select((12, 18, 89))
    rng, rates = np.random.default_rng(0), np.full(len(problems), 0.2)
    lake = Lake.open(tmp_path / "lake", create=True)
    arms = {name: speeds(rng, rates, STAGES - 1, GROUP) for name in ARMS}
    base = speeds(rng, rates, STAGES, GROUP)
    write(lake, base, arms, names=[one.key for one in problems], judging=JUDGING)
    units = units_of(ARMS, problems, "problem")
    for step in range(STAGES):
        shards = base_shards(problems, step, GROUP)
        shards += [shard for unit in units if step for shard in unit.shards(step, GROUP)]
        write_spent(lake, "r", step, shuffled(shards, 1, step))

    def told(query: str) -> dict[str, float]:
        return {row["arm"]: row["seconds"] for row in lake.sql(query).to_pylist()}

    stage = WORKED * GROUP * len(problems)
    wanted = {"base": stage * STAGES} | dict.fromkeys(ARMS, stage * (STAGES - 1))
    by_arm = "sum({}) AS seconds FROM {} GROUP BY arm"
    view = told("SELECT arm, " + by_arm.format("judge_seconds", "results"))
    assert view == pytest.approx(wanted, abs=1e-9)
    ledger = told("SELECT arm, " + by_arm.format("judge_seconds", "budget"))
    assert ledger == pytest.approx(wanted, abs=1e-9)
    on_gpu = told("SELECT arm, " + by_arm.format("gpu_seconds", "budget"))
    share = HELD / WORKED
    assert on_gpu == pytest.approx({arm: one * share for arm, one in wanted.items()}, abs=1e-9)
    compared = frontier(lake, ["r"]).model_dump(mode="json")["arms"]
    for arm, one in compared.items():  # the first stage is the base arm's, and paid for by all
        alone = wanted[arm] + (0.0 if arm == "base" else stage)
        assert one["curve"]["cost"]["judge_seconds"][-1] == pytest.approx(alone, abs=1e-9)
        assert one["curve"]["cost"]["gpu_seconds"][-1] == pytest.approx(alone * share, abs=1e-9)
    report = [row.seconds or 0.0 for row in gather(lake, ["r"]).costs if row.stage != "sampling"]
    assert sum(report) == pytest.approx(wanted["base"], abs=1e-9)
    stages = [row for row in run_ledger(lake, ["r"]).to_pylist() if row["stage"] != "sampling"]
    assert sum(row["seconds"] for row in stages) == pytest.approx(wanted["base"], abs=1e-9)
