"""A small sweep with every real part, extended: more draws of the same run, nothing done twice."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from storage import Lake
from tasks.evaluate.retime import ROUNDS
from tests.conftest import Bon
from tests.end_to_end.conftest import Undisturbed

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


def test_a_sweep_and_its_extension(bon: Bon, tmp_path: Path, undisturbed: Undisturbed) -> None:
    summary = undisturbed.summary
    assert (summary["problems"], summary["candidates"], summary["unfinished"]) == (2, 12, 0)
    assert Path(summary["report"]).read_text("utf-8").startswith("<!doctype html")
    assert set(summary["strategies"]["strategies"]) >= {"oracle", "random", "surprisal"}
    assert summary["summary"]["lead"]

    shutil.copytree(undisturbed.lake, tmp_path / "lake")
    lake = Lake.open(tmp_path / "lake")
    before = lake.results(["whole"])
    assert before["mean_logprob"].null_count == before["status"].null_count == 0

    extended = bon("sweep", "-k", "8", "--retime", "1", "--run", "whole", "--json")
    assert extended.returncode == 0, extended.stderr
    assert len(lake.results(["whole"])) == 16

    # Winners are measured twice, and the second time counts: another may lead then.
    rows = lake.sql(TAKES, ["whole"]).to_pylist()
    assert {row["takes"] for row in rows} == {1, 2}
    for row in rows:
        twice = sum(one["takes"] == 2 for one in rows if one["problem_id"] == row["problem_id"])
        assert row["takes"] == 2 or not row["leads"] or twice == ROUNDS, row

    # All else that was there was neither drawn nor measured again.
    again = {(row["problem_id"], row["source_hash"]) for row in rows if row["takes"] == 2}
    old, new = (
        [row for row in table.to_pylist() if (row["problem_id"], row["source_hash"]) not in again]
        for table in (before, lake.results(["whole"]))
    )
    assert old
    assert [row for row in new if row["sample_index"] < 6] == old

    shown = bon("show", "whole", "89", "7")
    assert shown.returncode == 0, shown.stderr
    assert "ModelNew" in shown.stdout or "torch" in shown.stdout
    counted = bon("sql", "SELECT count(*) AS n FROM results", "--json")
    assert json.loads(counted.stdout) == [{"n": 16}]
