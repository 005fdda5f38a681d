"""Files in, a run out; or one line that says what is wrong."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from storage import Lake, RunIdInvalidError
from tasks.errors import RequestError
from tasks.imports import import_results
from tests.storage.make import run_row

Rows = Sequence[dict[str, object]]

ROWS: Rows = [
    {"problem_id": 4, "sample_index": 0, "mean_logprob": -0.5, "correct": True, "speedup": 2.0},
    {"problem_id": 4, "sample_index": 1, "mean_logprob": -1.5, "correct": True, "speedup": 0.5},
    {"problem_id": 4, "sample_index": 2, "mean_logprob": None, "correct": False, "speedup": 0.0},
    {"problem_id": 5, "sample_index": 0, "mean_logprob": -2.5, "correct": False, "speedup": None},
]


def as_csv(path: Path, rows: Rows) -> Path:
    path = path.with_suffix(".csv")
    with path.open("w", newline="") as file:
        out = csv.DictWriter(file, list(rows[0]) if rows else ["problem_id"])
        out.writeheader()
        out.writerows(rows)
    return path


def as_jsonl(path: Path, rows: Rows) -> Path:
    path = path.with_suffix(".jsonl")
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def as_parquet(path: Path, rows: Rows) -> Path:
    path = path.with_suffix(".parquet")
    pq.write_table(pa.Table.from_pylist(list(rows)), path)
    return path


Writer = Callable[[Path, Rows], Path]
every_format = pytest.mark.parametrize("write", [as_csv, as_jsonl, as_parquet])


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake.open(tmp_path / "lake", create=True)


def changed(at: int, **changes: object) -> Rows:
    return [row | changes if i == at else row for i, row in enumerate(ROWS)]


@every_format
def test_a_file_becomes_results(lake: Lake, tmp_path: Path, write: Writer) -> None:
    assert import_results(write(tmp_path / "f", ROWS), "mine", lake) == 4
    wanted = ["level", "problem_id", "sample_index", "mean_logprob", "status", "correct", "fast_1"]
    results = lake.results(["mine"]).select([*wanted, "speedup"]).to_pylist()
    assert [tuple(row.values()) for row in results] == [
        (1, 4, 0, -0.5, "correct", True, True, 2.0),
        (1, 4, 1, -1.5, "correct", True, False, 0.5),
        (1, 4, 2, None, "incorrect", False, False, None),
        (1, 5, 0, -2.5, "incorrect", False, False, None),
    ]
    (run,) = lake.runs().to_pylist()
    assert (run["kind"], run["k"], run["problems"], run["candidates"]) == ("import", 3, 2, 4)


@every_format
def test_more_columns_are_taken(lake: Lake, tmp_path: Path, write: Writer) -> None:
    rows = [
        row
        | {
            "level": 2,
            "n_tokens": 10,
            "source": f"x = {i}\n",
            "status": "correct" if row["correct"] else "timeout",
            "speedup_low": 0.4 if row["correct"] else None,
            "runtime_ms": 3.5,
            "gpu": "H100",
        }
        for i, row in enumerate(ROWS)
    ]
    import_results(write(tmp_path / "f", rows), "mine", lake)
    first, *_, last = lake.results(["mine"]).to_pylist()
    assert (first["level"], first["n_tokens"], first["sum_logprob"]) == (2, 10, -5.0)
    # Not surely faster: the interval reaches below 1.
    assert (first["speedup"], first["fast_1"], first["runtime_ms"]) == (2.0, False, 3.5)
    assert (last["status"], last["runtime_ms"]) == ("timeout", None)
    sources = lake.sql("SELECT source FROM candidates ORDER BY problem_id, sample_index")
    assert sources["source"].to_pylist() == [f"x = {i}\n" for i in range(4)]
    config = json.loads(lake.sql("SELECT config FROM runs")["config"][0].as_py())
    assert config["ignored"] == ["gpu"]


@every_format
def test_rows_without_a_verdict_are_draws_without_one(
    lake: Lake, tmp_path: Path, write: Writer
) -> None:
    rows = [row | {"source": "same\n"} for row in (ROWS[0], ROWS[1])]
    rows += [
        row | {"sample_index": at + 2, "correct": None, "speedup": None}
        for at, row in enumerate(rows)
    ]
    import_results(write(tmp_path / "f", rows), "mine", lake)
    found = lake.results(["mine"]).select(["mean_logprob", "status", "correct", "speedup"])
    assert [tuple(row.values()) for row in found.to_pylist()] == [
        (-0.5, "correct", True, 2.0),
        (-1.5, "correct", True, 0.5),
        (-0.5, None, None, None),
        (-1.5, None, None, None),
    ]
    assert len(lake.sql("SELECT * FROM evaluations")) == 2


@every_format
def test_claims_are_kept_beside_verdicts(lake: Lake, tmp_path: Path, write: Writer) -> None:
    rows = [
        row | {"claimed_speedup": said, "claimed_correct": True, "claimed_runtime_ms": 2.5}
        for row, said in zip(ROWS, (3.0, 0.0, -1.0, float("inf")), strict=True)
    ]
    if write is as_csv:
        rows = [row | {"claimed_correct": "yes"} for row in rows]
    import_results(write(tmp_path / "f", rows), "mine", lake)
    found = lake.sql("SELECT * FROM claims ORDER BY problem_id, sample_index").to_pylist()
    assert [row["claimed_speedup"] for row in found] == [3.0, None, None, None]
    assert [row["claimed_runtime_ms"] for row in found] == [2.5] * 4
    assert [row["claimed_correct"] for row in found] == [True] * 4


def test_numbers_may_follow_many_rows_without_any(lake: Lake, tmp_path: Path) -> None:
    # Readers guess a column's type from the first block; a megabyte of zeros must not decide it.
    idle = ROWS[3] | {"speedup": 0, "mean_logprob": -1, "n_tokens": None}
    rows = [idle | {"sample_index": i} for i in range(60_000)]
    rows.append(ROWS[0] | {"mean_logprob": -0.25, "n_tokens": 7, "speedup": 1.75})
    for write in (as_csv, as_jsonl):
        run = write.__name__
        assert import_results(write(tmp_path / "f", rows), run, lake) == 60_001
        found = lake.sql(f"SELECT * FROM results WHERE correct AND run_id = '{run}'").to_pylist()[0]
        assert (found["mean_logprob"], found["n_tokens"], found["speedup"]) == (-0.25, 7, 1.75)


@pytest.mark.parametrize("words", [("1", "0"), ("true", "false"), ("True", "False")])
def test_truth_is_written_in_several_ways(
    lake: Lake, tmp_path: Path, words: tuple[str, str]
) -> None:
    rows = [row | {"correct": words[0] if row["correct"] else words[1]} for row in ROWS]
    import_results(as_csv(tmp_path / "f", rows), "mine", lake)
    assert lake.results(["mine"])["correct"].to_pylist() == [True, True, False, False]


def test_equal_sources_share_a_verdict_only_if_measured_alike(lake: Lake, tmp_path: Path) -> None:
    speedups = [2.0, 2.0, 3.0, 4.0]
    sources = ["same", "same", "twice", "twice"]
    rows = [
        ROWS[0] | {"sample_index": i, "speedup": speedup, "source": source}
        for i, (speedup, source) in enumerate(zip(speedups, sources, strict=True))
    ]
    import_results(as_parquet(tmp_path / "f", rows), "mine", lake)
    results = lake.results(["mine"])
    assert results["speedup"].to_pylist() == speedups
    hashes = results["source_hash"].to_pylist()
    assert hashes[0] == hashes[1]
    assert len(set(hashes)) == 3
    assert len(lake.sql("SELECT * FROM evaluations")) == 3


def test_the_file_may_lie_below_a_directory_named_like_a_partition(
    lake: Lake, tmp_path: Path
) -> None:
    folder = tmp_path / "correct=no"
    folder.mkdir()
    assert import_results(as_parquet(folder / "f", ROWS), "mine", lake) == 4


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        ([{k: v for k, v in row.items() if k != "speedup"} for row in ROWS], "no column 'speedup'"),
        (changed(1, sample_index=0), "sample_index 0 occurs 2 times"),
        (changed(0, speedup=None), r"speedup is empty or NaN where correct \(row 1"),
        (changed(0, speedup=float("nan")), "speedup is empty or NaN where correct"),
        (changed(0, speedup=0.0), "not a positive, finite number"),
        (changed(1, speedup=-2.0), "not a positive, finite number"),
        (changed(1, speedup=float("inf")), "not a positive, finite number"),
        (changed(1, speedup=1e300), "speedup is above 1,000,000,000 or below its inverse"),
        (changed(1, speedup=1e-300), "speedup is above 1,000,000,000 or below its inverse"),
        (changed(1, mean_logprob=float("-inf")), "mean_logprob is infinite"),
        (changed(2, problem_id=None), "problem_id is empty"),
        (changed(2, correct=None), "correct is empty"),
        ([row | {"status": "fine"} for row in ROWS], "status is unknown"),
        ([row | {"status": "correct"} for row in ROWS], "status and correct disagree"),
        ([row | {"problem_id": "softmax"} for row in ROWS], "problem_id|double"),
        ([row | {"sample_index": 0.5} for row in ROWS], "sample_index"),
    ],
)
@pytest.mark.parametrize("write", [as_csv, as_parquet])
def test_what_is_wrong_is_one_line_and_leaves_no_run(
    lake: Lake, tmp_path: Path, write: Writer, rows: Rows, says: str
) -> None:
    with pytest.raises(RequestError, match=says) as refused:
        import_results(write(tmp_path / "f", rows), "mine", lake)
    assert "\n" not in str(refused.value)
    assert lake.run_ids() == []


def test_a_column_given_twice_is_refused(lake: Lake, tmp_path: Path) -> None:
    file = as_csv(tmp_path / "f", [row | {"speed": 1.0} for row in ROWS])
    file.write_text(file.read_text().replace("speed\n", "speedup\n", 1))
    with pytest.raises(RequestError, match="'speedup' more than once"):
        import_results(file, "mine", lake)


def test_jsonl_without_a_column_says_so(lake: Lake, tmp_path: Path) -> None:
    rows = [{k: v for k, v in row.items() if k != "correct"} for row in ROWS]
    with pytest.raises(RequestError, match="no column 'correct'"):
        import_results(as_jsonl(tmp_path / "f", rows), "mine", lake)


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("none.csv", None, "no file"),
        ("f.txt", "x", r"is none of \.parquet"),
        ("f.csv", "", "cannot be read"),
        ("f.csv", "problem_id\n", "no rows"),
        ("f.parquet", "PAR1", "cannot be read"),
        ("f.jsonl", "{", "cannot be read"),
        ("f.jsonl", "", "cannot be read|no rows"),
    ],
)
def test_files_that_are_none(
    lake: Lake, tmp_path: Path, name: str, content: str | None, says: str
) -> None:
    if content is not None:
        (tmp_path / name).write_text(content)
    with pytest.raises(RequestError, match=says) as refused:
        import_results(tmp_path / name, "mine", lake)
    assert "\n" not in str(refused.value)


def test_a_run_that_is_there_is_left_alone(lake: Lake, tmp_path: Path) -> None:
    file = as_csv(tmp_path / "f", ROWS)
    import_results(file, "mine", lake)
    with pytest.raises(RequestError, match="'mine' is in the lake already"):
        import_results(file, "mine", lake)
    lake.append("runs", [run_row("sweep")], run_id="sweep")
    with pytest.raises(RequestError, match="'sweep' is in the lake already"):
        import_results(file, "sweep", lake)
    with pytest.raises(RunIdInvalidError):
        import_results(file, "a/b", lake)


def test_an_import_cut_short_is_finished_by_the_same_file_only(
    lake: Lake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = as_csv(tmp_path / "f", ROWS)
    whole = Lake.append

    def cut(self: Lake, table: str, rows: pa.Table, *, run_id: str, part: str) -> Path | None:
        if table == "candidates":
            raise KeyboardInterrupt
        return whole(self, table, rows, run_id=run_id, part=part)

    with monkeypatch.context() as patch:
        patch.setattr(Lake, "append", cut)
        with pytest.raises(KeyboardInterrupt):
            import_results(file, "mine", lake)
    other = as_csv(tmp_path / "g", ROWS[:2])
    with pytest.raises(RequestError, match="unfinished import of another file"):
        import_results(other, "mine", lake)
    assert import_results(file, "mine", lake) == 4
    assert lake.results(["mine"])["status"].null_count == 0
    assert len(lake.sql("SELECT * FROM evaluations")) == 4
