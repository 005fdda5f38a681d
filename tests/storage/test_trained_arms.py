"""A run of several arms in the lake: what each step drew, what made it, and what it cost."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from storage import Lake
from tests.storage.make import candidate_row, evaluation_row, run_row, small_run

NOW = datetime(2026, 11, 30, tzinfo=UTC)


def _step(step: int, status: str = "done", loss: float = 0.1) -> dict[str, Any]:
    made = f"c{step}" if status == "done" else None
    return {
        "arm": "centred",
        "unit": "1/1",
        "step": step,
        "checkpoint_id": made,
        "parent_id": f"c{step - 1}" if step > 1 else "base",
        "objective": "centred",
        "reward": "lower",
        "spec": "{}",
        "n_items": 2,
        "n_tokens": 20,
        "loss": loss,
        "seconds": 1.5,
        "status": status,
        "made_at": NOW,
    }


def _spent(arm: str, step: int, stage: str, rollouts: int, seconds: float) -> dict[str, Any]:
    tokens = ("prompt", "prefill", "completion", "teacher", "trained")
    return {
        "arm": arm,
        "unit": "batch" if arm == "base" else "1/1",
        "step": step,
        "stage": stage,
        "rollouts": rollouts,
        **{f"{kind}_tokens": 10 * rollouts for kind in tokens},
        "evaluations": rollouts,
        "seconds": seconds,
        "gpu_seconds": 0.0,
        "spent_at": NOW,
    }


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    """Two draws of the base model, two after one step of `centred`; a second step was refused."""
    lake = Lake(tmp_path / "lake")
    lake.append("runs", [run_row("r1") | {"parameters": 7}], run_id="r1")
    base = [
        candidate_row(1, i, source) | {"arm": "base", "step": 0} for i, source in enumerate("ac")
    ]
    trained = {"arm": "centred", "unit": "1/1", "step": 1, "checkpoint_id": "c1"}
    later = [candidate_row(1, 1_001_000 + i, source) | trained for i, source in enumerate("ab")]
    lake.append("candidates", [*base, *later], run_id="r1")
    verdicts = [
        evaluation_row(1, "a", speedup=1.5),
        evaluation_row(1, "b", status="rejected"),
        evaluation_row(1, "c", status="incorrect"),
    ]
    lake.append("evaluations", verdicts, run_id="r1")
    lake.append("train_steps", [_step(1, loss=9.0), _step(2, "refused")], run_id="r1")
    lake.append("train_steps", [_step(1)], run_id="r1")  # done again after a kill
    spent = [
        _spent("base", 0, "sample", 2, 4.0),
        _spent("base", 0, "judge", 0, 2.0),
        _spent("centred", 0, "train", 0, 1.0),
        _spent("centred", 1, "sample", 2, 5.0),
    ]
    lake.append("spend", spent, run_id="r1")
    lake.append("spend", [_spent("centred", 1, "sample", 2, 6.0)], run_id="r1")
    return lake


def test_a_trajectory_shows_draws_beside_the_step_that_made_the_weights(lake: Lake) -> None:
    rows = lake.sql("SELECT * FROM trajectory ORDER BY arm, step").to_pylist()
    seen = [
        (row["arm"], row["unit"], row["step"], row["draws"], row["correct"], row["rejected"])
        for row in rows
    ]
    assert seen == [
        ("base", None, 0, 2, 1, 0),
        ("centred", "1/1", 1, 2, 1, 1),
        ("centred", "1/1", 2, 0, 0, 0),
    ]
    assert [row["step_status"] for row in rows] == [None, "done", "refused"]
    assert rows[1]["loss"] == 0.1  # the last attempt's
    assert rows[1]["best_speedup"] == 1.5


def test_arms_and_their_budgets(lake: Lake) -> None:
    arms = lake.sql("SELECT * FROM arms ORDER BY arm").to_pylist()
    assert [(row["arm"], row["steps"], row["draws"], row["fast_1"]) for row in arms] == [
        ("base", 0, 2, 1),
        ("centred", 2, 2, 1),
    ]
    budget = lake.sql("SELECT * FROM budget ORDER BY arm, step").to_pylist()
    assert [
        (row["arm"], row["step"], row["rollouts"], row["seconds"], row["seconds_so_far"])
        for row in budget
    ] == [("base", 0, 2, 6.0, 6.0), ("centred", 0, 0, 1.0, 1.0), ("centred", 1, 2, 6.0, 7.0)]
    # 2 for each parameter and token of four kinds that are read, 4 for a trained one.
    assert [(row["flops"], row["flops_so_far"]) for row in budget] == [
        (7 * (2 * 80 + 4 * 20), 7 * (2 * 80 + 4 * 20)),
        (0, 0),
        (7 * (2 * 80 + 4 * 20), 7 * (2 * 80 + 4 * 20)),
    ]
    assert budget[2]["sample_seconds"] == 6.0
    assert budget[2]["rollouts_so_far"] == 2


def test_operations_of_an_earlier_release_are_not_known(lake: Lake) -> None:
    lake.append("runs", [run_row("r1", minute=1)], run_id="r1")
    rows = lake.sql("SELECT DISTINCT flops, flops_so_far FROM budget").to_pylist()
    assert rows == [{"flops": None, "flops_so_far": None}]


def test_a_sweep_has_no_arms(tmp_path: Path) -> None:
    lake = Lake(tmp_path / "sweep")
    small_run(lake)
    for view in ("arms", "trajectory", "budget"):
        assert lake.sql(f"SELECT * FROM {view}").num_rows == 0
    arms = lake.sql("SELECT DISTINCT arm, unit, step, checkpoint_id FROM results").to_pylist()
    assert arms == [{"arm": None, "unit": None, "step": None, "checkpoint_id": None}]
