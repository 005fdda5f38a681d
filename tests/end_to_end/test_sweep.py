"""A small sweep with every real part: the embedded model, Prefect, Ray, the judge, the lake."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from storage import Lake
from tasks.evaluate.retime import ROUNDS
from tests.conftest import Bon

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(400),
    pytest.mark.usefixtures("running"),
]


TAKES = """
    SELECT problem_id, source_hash, count(*) AS takes,
        arg_max(speedup, evaluated_at) = max(arg_max(speedup, evaluated_at)) OVER (
            PARTITION BY problem_id
        ) AS leads
    FROM evaluations WHERE correct GROUP BY problem_id, source_hash
"""


def test_sweep_then_extend(bon: Bon, tmp_path: Path) -> None:
    first = bon("sweep", "--problems", "5,12", "-k", "4", "--run", "small", "--json")
    assert first.returncode == 0, first.stderr
    summary = json.loads(first.stdout)
    assert (summary["problems"], summary["candidates"], summary["unfinished"]) == (2, 8, 0)
    assert Path(summary["report"]).read_text("utf-8").startswith("<!doctype html")
    assert set(summary["strategies"]["strategies"]) >= {"oracle", "random", "surprisal"}

    lake = Lake.open(tmp_path / "lake")
    before = lake.results(["small"])
    assert before["mean_logprob"].null_count == before["status"].null_count == 0

    # Winners are measured twice, and the second time counts: another may lead then.
    rows = lake.sql(TAKES, ["small"]).to_pylist()
    assert {row["takes"] for row in rows} == {1, 2}
    for row in rows:
        twice = sum(one["takes"] == 2 for one in rows if one["problem_id"] == row["problem_id"])
        assert row["takes"] == 2 or not row["leads"] or twice == ROUNDS, row

    extended = bon("sweep", "-k", "6", "--retime", "0", "--run", "small", "--json")
    assert extended.returncode == 0, extended.stderr
    after = lake.results(["small"])
    assert len(after) == 12
    kept = [row for row in after.to_pylist() if row["sample_index"] < 4]
    assert kept == before.to_pylist()  # extended, and nothing drawn or measured again

    shown = bon("show", "small", "12", "5")
    assert shown.returncode == 0, shown.stderr
    assert "ModelNew" in shown.stdout or "torch" in shown.stdout
    counted = bon("sql", "SELECT count(*) AS n FROM results", "--json")
    assert json.loads(counted.stdout) == [{"n": 12}]
