"""Where units stand is read off the steps that were written."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from storage import Lake
from storage.commit import commit
from tasks.adapt.standing import Made
from tasks.adapt.units import units_of
from tasks.problems import load_suite

NOW = datetime(2026, 11, 30, tzinfo=UTC)
(UNIT, OTHER) = units_of(["centred"], load_suite("embedded").select((12, 14)), "problem")


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake.open(tmp_path / "lake", create=True)


def write(lake: Lake, step: int, status: str) -> None:
    place = {"arm": "centred", "unit": UNIT.name, "step": step}
    made = f"c{step}" if status == "done" else None
    row: dict[str, Any] = {
        **place,
        "checkpoint_id": made,
        "parent_id": "base",
        "objective": "centred",
        "reward": "lower",
        "spec": "{}",
        "n_items": 4,
        "n_tokens": 40,
        "seconds": 1.0,
        "status": status,
        "made_at": NOW,
    }
    checkpoint = {
        **place,
        "checkpoint_id": made,
        "parent_id": "base",
        "policy": "embedded",
        "policy_id": f"p{step}",
        "trainer_id": "local-1",
        "path": f"adapters/{made}",
        "sha256": "a",
        "optimizer_sha256": "b",
        "bytes": 9,
        "created_at": NOW,
    }
    tables = {"checkpoints": [checkpoint] if made else [], "train_steps": [row]}
    commit(lake, "r", UNIT.part(step), tables)


def test_before_its_step_is_made_nobody_knows_where_a_unit_will_stand(lake: Lake) -> None:
    write(lake, 1, "done")
    made = Made(lake, "r", patience=2)
    start = made.at(UNIT, 0)
    assert start is not None
    assert (start.checkpoint, start.policy_id, start.ended) == (None, None, None)
    assert made.at(UNIT, 2) is None
    assert made.at(OTHER, 1) is None


def test_a_step_without_a_signal_keeps_the_weights(lake: Lake) -> None:
    for step, status in enumerate(["done", "no_signal", "done"], 1):
        write(lake, step, status)
    made = Made(lake, "r", patience=2)
    second, third = made.at(UNIT, 2), made.at(UNIT, 3)
    assert second is not None
    assert third is not None
    assert second.checkpoint is not None
    assert third.checkpoint is not None
    assert (second.checkpoint.checkpoint_id, second.policy_id) == ("c1", "p1")
    assert (third.checkpoint.checkpoint_id, third.checkpoint.step) == ("c3", 2)
    assert third.checkpoint.folder == lake.root / "adapters" / "c3"
    assert (second.ended, third.ended) == (None, None)


@pytest.mark.parametrize(("patience", "ended"), [(2, "no_signal"), (3, None)])
def test_a_unit_ends_with_as_many_steps_without_a_signal_as_patience_has(
    lake: Lake, patience: int, ended: str | None
) -> None:
    for step, status in enumerate(["no_signal", "done", "no_signal", "no_signal"], 1):
        write(lake, step, status)
    made = Made(lake, "r", patience)
    before, after = made.at(UNIT, 3), made.at(UNIT, 4)
    assert before is not None
    assert after is not None
    assert (before.ended, after.ended) == (None, ended)
    assert after.policy_id == "p2"


@pytest.mark.parametrize("status", ["refused", "diverged"])
def test_a_unit_ends_where_a_step_failed(lake: Lake, status: str) -> None:
    write(lake, 1, "done")
    write(lake, 2, status)
    standing = Made(lake, "r", patience=9).at(UNIT, 7)
    assert standing is not None
    assert (standing.ended, standing.policy_id) == (status, "p1")
    assert not Made(lake, "r", patience=9).owes(UNIT, 3)


def test_a_checkpoint_is_lost_with_its_folder(lake: Lake) -> None:
    write(lake, 1, "done")
    write(lake, 2, "no_signal")
    made = Made(lake, "r", patience=9)
    assert made.lost(UNIT, 1)
    assert [made.owes(UNIT, step) for step in (1, 2, 3, 4)] == [True, False, True, False]
    assert made.owes(OTHER, 1)
    assert not made.lost(UNIT, 2)
    assert not made.lost(UNIT, 3)
    (lake.root / "adapters" / "c1").mkdir(parents=True)
    assert not made.lost(UNIT, 1)
    assert not made.owes(UNIT, 1)
