"""Appending, views, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest

from storage import (
    Lake,
    LakeError,
    LakeMissingError,
    LakeTooNewError,
    LakeUnusableError,
    QueryError,
    RowsInvalidError,
    RunIdInvalidError,
    RunUnknownError,
    default_lake,
    write_text,
)
from storage.schemas import TABLES
from storage.views import VIEWS, needed
from tests.permissions import permissions_count
from tests.storage.make import candidate_row, evaluation_row, run_row, small_run

LOCAL = pytest.mark.parametrize("lake", ["directory"], indirect=True)
"""For what SQL alone decides."""

CONTRACT = [
    *("run_id", "suite", "level", "problem_id", "sample_index", "source_hash", "policy_id"),
    *("n_tokens", "sum_logprob", "mean_logprob", "logprob_mode", "status", "compiled", "correct"),
    *("speedup", "speedup_low", "speedup_high", "fast_1", "runtime_ms", "reference_ms", "device"),
]


def test_results_has_one_row_per_draw_in_the_contracts_columns(lake: Lake) -> None:
    small_run(lake)
    results = lake.results(["r1"])
    assert results.column_names[: len(CONTRACT)] == CONTRACT
    keys = list(zip(*(results[n].to_pylist() for n in ("problem_id", "sample_index")), strict=True))
    assert keys == [(p, i) for p in (1, 2) for i in range(4)]
    assert results["status"].to_pylist() == ["correct"] * 3 + ["incorrect"] + ["correct"] * 3 + [
        "incorrect"
    ]
    assert results["speedup"].to_pylist()[:4] == [1.5, 1.5, 0.5, None]


@LOCAL
def test_a_draw_without_verdict_has_a_null_status(lake: Lake) -> None:
    lake.append("candidates", [candidate_row(1, 0, "a")], run_id="r1")
    assert lake.results(["r1"])["status"].to_pylist() == [None]


@LOCAL
def test_the_latest_verdict_stands_and_a_harness_error_only_alone(lake: Lake) -> None:
    lake.append("candidates", [candidate_row(1, 0, "a"), candidate_row(1, 1, "b")], run_id="r1")
    rows = [
        evaluation_row(1, "a", speedup=2.0, minute=0),
        evaluation_row(1, "a", speedup=3.0, minute=1),
        evaluation_row(1, "a", status="harness_error", minute=2),
        evaluation_row(1, "b", status="harness_error", minute=0),
    ]
    for row in rows:
        lake.append("evaluations", [row], run_id="r1")
    results = lake.results(["r1"])
    assert results["speedup"].to_pylist() == [3.0, None]
    assert results["status"].to_pylist() == ["correct", "harness_error"]


@LOCAL
def test_verdicts_stay_within_their_run(lake: Lake) -> None:
    lake.append("candidates", [candidate_row(1, 0, "a")], run_id="r1")
    lake.append("evaluations", [evaluation_row(1, "a")], run_id="r2")
    assert lake.results(["r1"])["status"].to_pylist() == [None]


@LOCAL
def test_an_empty_lake_has_typed_empty_views(lake: Lake) -> None:
    for view in (*TABLES, *VIEWS):
        answer = lake.sql(f"SELECT * FROM {view}")
        assert len(answer) == 0
        assert "run_id" in answer.column_names
    for table, schema in TABLES.items():
        assert lake.sql(f"SELECT * FROM {table}").schema.names == schema.names
    assert len(lake.runs()) == 0


@LOCAL
def test_run_ids_stay_text(lake: Lake) -> None:
    for run_id in ("007", "1e5", "2026-01-01", "true"):
        lake.append("runs", [run_row(run_id)], run_id=run_id)
    assert lake.run_ids() == sorted(["007", "1e5", "2026-01-01", "true"])
    assert set(lake.runs()["run_id"].to_pylist()) == {"007", "1e5", "2026-01-01", "true"}
    assert lake.sql("SELECT count(*) AS n FROM runs WHERE run_id = '007'")["n"].to_pylist() == [1]


@LOCAL
def test_runs_tell_what_is_there(lake: Lake) -> None:
    small_run(lake)
    lake.append("runs", [run_row(k=8, minute=5)], run_id="r1")
    (row,) = lake.runs().to_pylist()
    wanted = {"k": 8, "problems": 2, "candidates": 8, "judged": 8, "correct": 6, "fast_1": 4}
    assert {name: row[name] for name in wanted} == wanted


@LOCAL
def test_problem_summary_counts_over_draws_with_a_verdict(lake: Lake) -> None:
    small_run(lake)
    lake.append("candidates", [candidate_row(1, 4, "late")], run_id="r1")
    row = lake.sql("SELECT * FROM problem_summary WHERE problem_id = 1").to_pylist()[0]
    assert (row["name"], row["n"], row["n_judged"], row["n_correct"]) == ("n1", 5, 4, 3)
    assert (row["distinct_correct_sources"], row["pass_rate"], row["best_speedup"]) == (
        2,
        0.75,
        1.5,
    )


def test_a_part_is_written_once(lake: Lake) -> None:
    first = lake.append("runs", [run_row()], run_id="r1", part="only")
    assert first is not None
    assert first.name == "part-only.parquet"
    assert lake.append("runs", [run_row()], run_id="r1", part="only") is None
    assert lake.append("runs", [], run_id="r1") is None
    assert len(lake.sql("SELECT * FROM runs")) == 1


def test_a_table_is_appended_as_well_as_rows(lake: Lake) -> None:
    row = candidate_row(1, 0, "a")
    lake.append("candidates", pa.Table.from_pylist([row]), run_id="r1")
    lake.append("candidates", [row | {"sample_index": 1}], run_id="r1")
    assert lake.sql("SELECT count(*) AS n FROM candidates")["n"].to_pylist() == [2]


@pytest.mark.parametrize("first", ["a", "z"])
def test_a_file_of_an_earlier_release_reads_with_nulls(
    lake: Lake, monkeypatch: pytest.MonkeyPatch, first: str
) -> None:
    today = TABLES["candidates"]
    earlier = pa.schema([field for field in today if field.name != "n_tokens"])
    old = {k: v for k, v in candidate_row(1, 0, "a").items() if k != "n_tokens"}
    with monkeypatch.context() as patch:
        patch.setitem(TABLES, "candidates", earlier)
        lake.append("candidates", [old], run_id="r1", part=first)
    assert lake.results(["r1"])["n_tokens"].to_pylist() == [None]
    lake.append("candidates", [candidate_row(1, 1, "b")], run_id="r1", part="m")
    assert lake.results(["r1"])["n_tokens"].to_pylist() == [None, 10]


@pytest.mark.parametrize("name", ["a b", "it's", "[x]*?"])
def test_any_directory_name_will_do(tmp_path: Path, name: str) -> None:
    lake = Lake.open(tmp_path / name, create=True)
    small_run(lake)
    assert len(lake.results(["r1"])) == 8
    assert len(lake.sql("SELECT * FROM results")) == 8


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"speedupp": 1.0}, "no column 'speedupp'"),
        ({"source_hash": None}, "'source_hash'"),
        ({"n_tokens": "many"}, "'n_tokens'"),
        ({"run_id": "other"}, "'other'"),
    ],
)
def test_rows_that_do_not_fit_are_refused(lake: Lake, change: dict[str, object], says: str) -> None:
    with pytest.raises(RowsInvalidError, match=says) as refused:
        lake.append("candidates", [candidate_row(1, 0, "a") | change], run_id="r1")
    assert "\n" not in str(refused.value)
    assert lake.run_ids() == []


def test_an_unknown_table_is_refused(lake: Lake) -> None:
    with pytest.raises(RowsInvalidError, match="no table 'candidate'"):
        lake.append("candidate", [], run_id="r1")


@pytest.mark.parametrize("run_id", ["", "a/b", "..", "a b", "run=1", "é", "x" * 129, "a\n"])
def test_unsafe_run_ids_are_refused(lake: Lake, run_id: str) -> None:
    with pytest.raises(RunIdInvalidError):
        lake.append("runs", [run_row(run_id)], run_id=run_id)


def test_unknown_runs_name_the_known_ones(lake: Lake) -> None:
    small_run(lake)
    with pytest.raises(RunUnknownError, match=r"no run 'r2'.*r1"):
        lake.results(["r1", "r2"])


@pytest.mark.parametrize("query", ["SELECT nope FROM results", "SELEC 1", "SELECT * FROM nope"])
def test_a_bad_query_is_one_line(lake: Lake, query: str) -> None:
    with pytest.raises(QueryError) as refused:
        lake.sql(query)
    assert "\n" not in str(refused.value)


def test_a_broken_file_is_one_line(lake: Lake) -> None:
    path = lake.append("candidates", [candidate_row(1, 0, "a")], run_id="r1")
    assert path is not None
    path.write_bytes(b"PAR1 torn")
    with pytest.raises(QueryError, match=path.name) as refused:
        lake.sql("SELECT * FROM results")
    assert "\n" not in str(refused.value)


class TestOpen:
    def test_missing(self, tmp_path: Path) -> None:
        with pytest.raises(LakeMissingError, match="--lake"):
            Lake.open(tmp_path / "none")
        assert not (tmp_path / "none").exists()

    @pytest.mark.parametrize("create", [False, True])
    def test_a_file(self, tmp_path: Path, create: bool) -> None:
        (tmp_path / "file").write_text("")
        with pytest.raises(LakeUnusableError, match="is a file"):
            Lake.open(tmp_path / "file", create=create)

    @pytest.mark.parametrize("create", [False, True])
    def test_below_a_file(self, tmp_path: Path, create: bool) -> None:
        (tmp_path / "file").write_text("")
        with pytest.raises(LakeError):
            Lake.open(tmp_path / "file" / "lake", create=create)

    def test_another_directory(self, tmp_path: Path) -> None:
        (tmp_path / "notes.txt").write_text("")
        with pytest.raises(LakeUnusableError, match="no lake"):
            Lake.open(tmp_path)

    @pytest.mark.parametrize("create", [False, True])
    def test_a_newer_schema(self, lake: Lake, create: bool) -> None:
        write_text(lake.root / "evaluations" / "schema=v2" / "some", "")
        with pytest.raises(LakeTooNewError, match=r"newer bon-sweep.*upgrade"):
            Lake.open(lake.root, create=create)

    def test_a_newer_schema_in_an_unknown_table(self, lake: Lake) -> None:
        write_text(lake.root / "gradients" / "schema=v12" / "some", "")
        with pytest.raises(LakeTooNewError, match="v12"):
            Lake.open(lake.root)

    def test_no_permission(self, tmp_path: Path) -> None:
        lake = Lake.open(tmp_path / "lake", create=True)
        lake.root.chmod(0)
        try:
            with permissions_count(), pytest.raises(LakeUnusableError, match="permission"):
                Lake.open(lake.root)
        finally:
            lake.root.chmod(0o755)

    def test_a_directory_that_cannot_be_made(self) -> None:
        # Not even root can make a directory in /proc.
        with pytest.raises(LakeUnusableError, match="cannot be made"):
            Lake.open("/proc/lake", create=True)

    def test_the_default(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        monkeypatch.delenv("BON_LAKE", raising=False)
        assert default_lake() == "lake"
        monkeypatch.setenv("BON_LAKE", str(tmp_path))
        assert Lake.open().root == tmp_path


@LOCAL
def test_a_query_has_what_it_names_and_a_mistaken_one_all_suggestions(lake: Lake) -> None:
    small_run(lake)
    for name in VIEWS:
        assert name in needed(f"SELECT * FROM {name}")
        lake.sql(f'SELECT * FROM "{name.upper()}"')
    assert needed("SELECT 1 FROM timings") == {"timings"}
    assert len(lake.sql("SHOW TABLES")) == len(TABLES) + len(VIEWS)
    found = lake.sql("SELECT view_name FROM duckdb_views() WHERE NOT internal OR 'timings' = ''")
    assert len(found) == len(TABLES) + len(VIEWS)
    with pytest.raises(QueryError, match=r'Did you mean "results"'):
        lake.sql("SELECT * FROM timings JOIN resluts USING (run_id)")
