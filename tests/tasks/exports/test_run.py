"""What is exported reads as the formats' owners write them, and comes back the same."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow.csv
import pyarrow.parquet as pq
import pytest

from storage import Lake
from tasks.errors import RequestError
from tasks.exports import export_run
from tasks.imports import import_results
from tasks.imports.kernel_files import read_kernel_folder

ROW: dict[str, Any] = {"mean_logprob": -0.5, "device": "cpu"}
ROWS = [
    ROW
    | {"level": 1, "problem_id": 4, "sample_index": 0, "correct": True, "speedup": 1.5}
    | {"runtime_ms": 2.0, "reference_ms": 3.0, "source": "# right\n"},
    ROW
    | {"level": 1, "problem_id": 4, "sample_index": 1, "correct": False, "speedup": None}
    | {"status": "compile_error", "source": "# wrong\n"},
    ROW
    | {"level": 2, "problem_id": 7, "sample_index": 0, "correct": False, "speedup": None}
    | {"source": "# other\n"},
]


def run(tmp_path: Path, rows: list[dict[str, Any]]) -> Lake:
    lake = Lake.open(tmp_path / "lake", create=True)
    path = tmp_path / "f.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    import_results(path, "mine", lake)
    return lake


def test_a_run_folder(tmp_path: Path) -> None:
    lake = run(tmp_path, ROWS[:2])
    out = export_run(lake, "mine", "kernelbench", tmp_path / "out")
    results = json.loads((out / "eval_results.json").read_text())
    right, wrong = results["4"]
    assert (right["sample_id"], right["compiled"], right["correctness"]) == (0, True, True)
    assert (right["runtime"], right["ref_runtime"]) == (2.0, 3.0)
    assert right["runtime_stats"]["mean"] == 2.0
    assert right["metadata"]["speedup"] == 1.5
    assert (wrong["sample_id"], wrong["compiled"], wrong["correctness"]) == (1, False, False)
    assert (wrong["runtime"], wrong["runtime_stats"]) == (-1.0, {})
    back = read_kernel_folder(out)
    assert [one.source for one in back.kernels] == ["# right\n", "# wrong\n"]
    assert [one.claim.speedup for one in back.kernels] == [1.5, None]
    assert [one.claim.correct for one in back.kernels] == [True, False]


def test_a_folder_for_each_of_several_levels(tmp_path: Path) -> None:
    out = export_run(run(tmp_path, ROWS), "mine", "kernelbench", tmp_path / "out")
    assert sorted(path.name for path in out.iterdir()) == ["level_1", "level_2"]
    assert [one.key for one in read_kernel_folder(out / "level_2").kernels] == [(2, 7, 0)]


@pytest.mark.parametrize("kind", ["parquet", "csv"])
def test_a_table_comes_back_the_same(tmp_path: Path, kind: str) -> None:
    lake = run(tmp_path, ROWS)
    out = export_run(lake, "mine", kind, tmp_path / f"out.{kind}")
    table = pq.read_table(out) if kind == "parquet" else pyarrow.csv.read_csv(out)
    assert table["problem_id"].to_pylist() == [4, 4, 7]
    import_results(out, "again", lake)
    kept = ["level", "problem_id", "sample_index", "mean_logprob", "status", "speedup", "fast_1"]
    before, after = (lake.results([name]).select(kept).to_pylist() for name in ("mine", "again"))
    assert before == after
    sources = "SELECT DISTINCT source FROM candidates WHERE run_id = 'again' ORDER BY 1"
    assert lake.sql(sources)["source"].to_pylist() == ["# other\n", "# right\n", "# wrong\n"]


@pytest.mark.parametrize("kind", ["parquet", "csv"])
def test_a_partly_judged_run_comes_back_the_same(tmp_path: Path, kind: str) -> None:
    drawn = {"level": 1, "problem_id": 4, "sample_index": 2, "correct": None, "speedup": None}
    lake = run(tmp_path, [*ROWS, ROW | drawn | {"source": "# unjudged\n", "claimed_speedup": 2.5}])
    out = export_run(lake, "mine", kind, tmp_path / f"out.{kind}")
    import_results(out, "again", lake)
    kept = ["level", "problem_id", "sample_index", "mean_logprob", "status", "correct", "speedup"]
    kept += ["claimed_speedup"]
    before, after = (lake.results([name]).select(kept).to_pylist() for name in ("mine", "again"))
    assert before == after
    assert [row["status"] for row in after].count(None) == 1


def test_what_cannot_be_exported(tmp_path: Path) -> None:
    bare = [{name: value for name, value in row.items() if name != "source"} for row in ROWS]
    lake = run(tmp_path, bare)
    with pytest.raises(RequestError, match="is none of kernelbench, parquet, csv"):
        export_run(lake, "mine", "excel", tmp_path / "out")
    with pytest.raises(RequestError, match="holds no sources"):
        export_run(lake, "mine", "kernelbench", tmp_path / "out")
    with pytest.raises(RequestError, match=r"f\.jsonl is there already"):
        export_run(lake, "mine", "csv", tmp_path / "f.jsonl")
    with pytest.raises(RequestError, match="is there already"):
        export_run(lake, "mine", "kernelbench", tmp_path)
    (tmp_path / "file").write_text("")
    with pytest.raises(RequestError, match="cannot write"):
        export_run(lake, "mine", "csv", tmp_path / "file" / "out.csv")
