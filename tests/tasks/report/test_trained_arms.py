"""What a trained arm drew is not taken for draws of the model that the report is about."""

from __future__ import annotations

from pathlib import Path

import pytest

from storage import Lake
from tasks.report.query import OF_ARMS, names, query
from tasks.strategies.compute import strategies_document
from tasks.strategies.ledger import run_ledger
from tasks.strategies.load import load_draws
from tests.storage.make import candidate_row, evaluation_row, small_run


@pytest.fixture
def lakes(tmp_path: Path) -> tuple[Lake, Lake]:
    """A run of the base model, and the same run with a trained arm beside it, whose draws are
    faster, slower, wrong, of other texts and of one that the base model has drawn, too."""
    alone, beside = Lake(tmp_path / "alone"), Lake(tmp_path / "beside")
    for lake in (alone, beside):
        small_run(lake)
    trained = {"arm": "centred", "unit": "1/1", "step": 1, "checkpoint_id": "c1"}
    drawn = [candidate_row(1, 1_010_000 + i, text) | trained for i, text in enumerate("awxyz")]
    beside.append("candidates", drawn, run_id="r1")
    noticed = {"rule": "library-calls", "severity": "info", "message": "torch.matmul"}
    verdicts = [
        evaluation_row(1, "w", speedup=50.0) | {"findings": [noticed]},
        evaluation_row(1, "x", speedup=0.1),
        evaluation_row(1, "y", status="rejected"),
        evaluation_row(1, "z", status="harness_error"),
    ]
    beside.append("evaluations", verdicts, run_id="r1")
    return alone, beside


@pytest.mark.parametrize("name", sorted({*names()} - OF_ARMS))
def test_the_report_reads_the_base_models_draws(lakes: tuple[Lake, Lake], name: str) -> None:
    alone, beside = (_rows(lake, query(name, ["r1"]).text) for lake in lakes)
    assert beside == alone


def test_strategies_read_the_base_models_draws(lakes: tuple[Lake, Lake]) -> None:
    alone, beside = lakes
    for lake in lakes:
        assert sum(len(one.sample_index) for one in load_draws(lake, ["r1"])) == 8
    assert strategies_document(beside, ["r1"]) == strategies_document(alone, ["r1"])
    assert run_ledger(beside, ["r1"]).equals(run_ledger(alone, ["r1"]))


@pytest.mark.parametrize("view", ["judged", "problem_summary", "run_summary", "champions()"])
def test_views_for_estimators_hold_the_base_models_draws(
    lakes: tuple[Lake, Lake], view: str
) -> None:
    alone, beside = (_rows(lake, f"SELECT * FROM {view} ORDER BY ALL") for lake in lakes)
    assert beside == alone


def _rows(lake: Lake, sql: str) -> list[dict[str, object]]:
    """Without the last digits, which the order of a sum decides."""
    return [
        {name: round(one, 9) if isinstance(one, float) else one for name, one in row.items()}
        for row in lake.sql(sql, ["r1"]).to_pylist()
    ]
