"""What others write means here what it meant there, or the cell is named."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from storage import Lake
from tasks.errors import RequestError
from tasks.imports import import_results
from tasks.imports.names import parse_columns

HEADER = "problem_id,sample_index,mean_logprob,correct,speedup"
ROW = {"problem_id": 1, "sample_index": 0, "mean_logprob": -1.0, "correct": True, "speedup": 1.5}


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake.open(tmp_path / "lake", create=True)


def taken(lake: Lake, path: Path, *columns: str) -> list[tuple[object, ...]]:
    import_results(path, "r", lake, columns=parse_columns(columns))
    wanted = ["problem_id", "sample_index", "mean_logprob", "correct", "speedup"]
    return [tuple(row.values()) for row in lake.results(["r"]).select(wanted).to_pylist()]


def refused(lake: Lake, path: Path, *columns: str) -> str:
    with pytest.raises(RequestError) as answer:
        import_results(path, "r", lake, columns=parse_columns(columns))
    assert lake.run_ids() == []
    line = str(answer.value)
    assert "\n" not in line
    return line


def csv(tmp_path: Path, text: str, encoding: str = "utf-8") -> Path:
    path = tmp_path / "f.csv"
    path.write_text(text, encoding=encoding)
    return path


def jsonl(tmp_path: Path, *rows: dict[str, object]) -> Path:
    path = tmp_path / "f.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def parquet(tmp_path: Path, **columns: object) -> Path:
    path = tmp_path / "f.parquet"
    given = {name: columns.get(name, [value]) for name, value in ROW.items()}
    pq.write_table(pa.table(given | columns), path)
    return path


@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
@pytest.mark.parametrize(
    "text",
    [
        f"{HEADER}\n1,0,-0.5,true,1.5\n1,1,,false,\n",
        f"{HEADER}\n1,0,-0.5,Yes,1.5\n1,1,NaN,No,inf\n",
        "problem_id;sample_index;mean_logprob;correct;speedup\n1;0;-0,5;y;1,5\n1;1;n/a;n;0\n",
        "Problem ID\tSample-Index\tMEAN_LOGPROB\tCorrect\tSpeedup\n1\t0\t-5e-1\tT\t+1.5\n"
        "1\t1\t\tF\t\n",
        f"{HEADER.replace(',', ', ')}\n1, 0, -0.5, 1, 1.5\n1, 1, , 0,\n",
        f"{HEADER}\n1.0,0.0,-0.5,TRUE,1.5\n1.0,1.0,NULL,FALSE,0\n",
        HEADER.replace(",", "|") + '\n1|0|"-0.5"|1.0|1.5\n1|1||0.0|\n',
    ],
)
def test_the_ways_of_csv(
    lake: Lake, tmp_path: Path, text: str, encoding: str, line_end: str
) -> None:
    path = csv(tmp_path, text.replace("\n", line_end), encoding)
    assert taken(lake, path) == [(1, 0, -0.5, True, 1.5), (1, 1, None, False, None)]


LARGE = (2**53 + 1, 2**63 - 1)


def test_ids_keep_every_digit(lake: Lake, tmp_path: Path) -> None:
    rows = [ROW | {"problem_id": LARGE[0], "sample_index": LARGE[1]}]
    files = [
        csv(tmp_path, f"{HEADER}\n{LARGE[0]},{LARGE[1]},-1,true,1.5\n"),
        jsonl(tmp_path, *rows),
        parquet(tmp_path, problem_id=[LARGE[0]], sample_index=[LARGE[1]]),
    ]
    for number, path in enumerate(files):
        import_results(path, f"r{number}", lake)
        found = lake.sql(f"SELECT problem_id, sample_index FROM results WHERE run_id = 'r{number}'")
        assert tuple(found.to_pylist()[0].values()) == LARGE


@pytest.mark.parametrize(
    ("value", "what"),
    [("9007199254740993.0", "problem_id"), ("1.5", "problem_id"), ("one", "problem_id")],
)
def test_ids_that_went_through_floating_point(
    lake: Lake, tmp_path: Path, value: str, what: str
) -> None:
    line = refused(lake, csv(tmp_path, f"{HEADER}\n1,0,-1,true,1\n{value},0,-1,true,1\n"))
    assert what in line
    assert "row 2" in line
    assert value in line
    assert ("with a decimal point beyond 2^53" in line) == value.startswith("9")


def test_floating_ids_beyond_2_53(lake: Lake, tmp_path: Path) -> None:
    line = refused(lake, parquet(tmp_path, problem_id=pa.array([9007199254740994.0])))
    assert "9007199254740994.0 (row 1), written with a decimal point beyond 2^53" in line
    line = refused(lake, parquet(tmp_path, problem_id=pa.array([1e30])))
    assert "a whole number that fits 64 bits" in line
    line = refused(lake, parquet(tmp_path, level=pa.array([9007199254740994.0])))
    assert "a whole number below 2147483648" in line


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"mean_logprob": 0.5}, "mean_logprob is positive"),
        ({"mean_logprob": -9999.0}, "mean_logprob is a sentinel"),
        ({"mean_logprob": -1e30}, "mean_logprob is a sentinel"),
        ({"mean_logprob": float("inf")}, "mean_logprob is infinite"),
        ({"sum_logprob": 20.0, "n_tokens": 20, "mean_logprob": None}, "sum_logprob is positive"),
        ({"sum_logprob": -1e30, "n_tokens": 20}, "sum_logprob is a sentinel"),
        ({"sum_logprob": -20.0, "n_tokens": 40}, "sum_logprob is not mean_logprob times n_tokens"),
        ({"n_tokens": 0}, "n_tokens is 0"),
        ({"n_tokens": -1}, "n_tokens is negative"),
        ({"speedup_low": 2.0, "speedup_high": 1.2}, "speedup_low is above speedup_high"),
        ({"speedup_low": 1.6}, "outside of speedup_low"),
        ({"speedup_high": 1.4}, "outside of speedup_low and speedup_high"),
        ({"speedup_low": -1.0}, "speedup_low is not a positive, finite number"),
        ({"speedup_high": float("inf")}, "speedup_high is not a positive, finite number"),
        ({"runtime_ms": 0.0}, "runtime_ms is not a positive, finite number"),
        ({"fast_1": False}, "fast_1 is false"),
        ({"fast_1": True, "speedup": 0.5}, "fast_1 is true"),
        (
            {"fast_1": True, "speedup_low": 0.9, "speedup_high": 2.0},
            "fast_1 is true, and speedup (or speedup_low) is not above 1",
        ),
        ({"sum_logprob": -9999.0, "mean_logprob": None}, "sum_logprob is a sentinel"),
        ({"mean_logprob": -999.0}, "mean_logprob is a sentinel"),
        ({"logprob_mode": "weird"}, "logprob_mode is unknown"),
        ({"claimed_speedup": -4.0}, "claimed_speedup is negative"),
        ({"claimed_runtime_ms": -0.5}, "claimed_runtime_ms is negative"),
        ({"correct": None}, "correct is empty"),
        ({"fast_1": True, "correct": False}, "fast_1 is true where correct is false"),
        ({"runtime_ms": 3.0, "reference_ms": 2.0}, "speedup is not reference_ms over runtime_ms"),
        ({"status": "incorrect"}, "status and correct disagree"),
    ],
)
def test_contradictions_name_their_row(
    lake: Lake, tmp_path: Path, changes: dict[str, object], says: str
) -> None:
    wrong = ROW | {"problem_id": 7, "sample_index": 3} | changes
    line = refused(lake, jsonl(tmp_path, ROW, wrong, wrong | {"sample_index": 4}))
    assert says in line
    assert "row 2: problem_id 7, sample_index 3, and 1 further rows" in line


def test_rounding_is_no_contradiction(lake: Lake, tmp_path: Path) -> None:
    measured = {"runtime_ms": 2.0, "reference_ms": 2.9, "speedup_low": 1.49, "speedup_high": 1.51}
    counted = {"n_tokens": 40, "sum_logprob": -41.0, "fast_1": True, "status": " Correct "}
    certain = {"sample_index": 1, "mean_logprob": 1e-7}
    assert len(taken(lake, jsonl(tmp_path, ROW | measured | counted, ROW | certain))) == 2


def test_a_negative_log_likelihood_has_the_other_sign(lake: Lake, tmp_path: Path) -> None:
    text = "problem_id,sample_index,{},correct,speedup\n1,0,0.5,true,1.5\n1,1,0.7,false,\n"
    under_our_name = csv(tmp_path, text.format("mean_logprob"))
    mend = "--columns mean_logprob=-mean_logprob"
    assert mend in refused(lake, under_our_name)
    under_its_own = csv(tmp_path, text.format("mean NLL"))
    assert "--columns 'mean NLL'=-mean_logprob" in refused(lake, under_its_own)
    # The mend names the file's column, whatever it was said to be.
    assert "--columns 'mean NLL'=-mean_logprob" in refused(
        lake, under_its_own, "mean NLL=mean_logprob"
    )
    found = taken(lake, under_its_own, "mean NLL=-mean_logprob")
    assert [row[2] for row in found] == [-0.5, -0.7]


def test_a_sign_turned_by_mistake_is_turned_back(lake: Lake, tmp_path: Path) -> None:
    path = csv(tmp_path, "problem_id,sample_index,logp,correct,speedup\n1,0,-0.5,true,1.5\n")
    assert "--columns logp=mean_logprob" in refused(lake, path, "logp=-mean_logprob")
    assert taken(lake, path, "logp=mean_logprob") == [(1, 0, -0.5, True, 1.5)]


def test_a_log_likelihood_beside_an_empty_column_is_named(lake: Lake, tmp_path: Path) -> None:
    path = csv(tmp_path, f"{HEADER},nll\n1,0,,true,1.5,0.5\n")
    line = refused(lake, path)
    assert "column 'nll'" in line
    assert "--columns nll=-mean_logprob" in line
    assert taken(lake, path, "nll=-mean_logprob") == [(1, 0, -0.5, True, 1.5)]


def test_a_sum_is_not_offered_as_the_mean(lake: Lake, tmp_path: Path) -> None:
    text = "problem_id,sample_index,total_nll,correct,speedup\n1,0,5,true,1.5\n"
    line = refused(lake, csv(tmp_path, text))
    assert "'total_nll'" in line
    assert "total_nll=" not in line


def test_a_loss_beside_log_probabilities_is_another_column(lake: Lake, tmp_path: Path) -> None:
    path = csv(tmp_path, f"{HEADER},loss\n1,0,-0.5,true,1.5,3\n1,1,,false,,4\n")
    assert [row[2] for row in taken(lake, path)] == [-0.5, None]


@pytest.mark.parametrize("text", ["1,0,-0.5,true,1.5\n", "1;0;-0,5;true;1,5\n1;1;;false;\n"])
def test_a_missing_header_is_named(lake: Lake, tmp_path: Path, text: str) -> None:
    line = refused(lake, csv(tmp_path, text))
    assert "has no header" in line
    assert "'1', '0', '-0" in line
    assert "problem_id, sample_index, mean_logprob, correct, speedup" in line


def test_json_that_names_a_column_twice(lake: Lake, tmp_path: Path) -> None:
    twice = json.dumps(ROW).replace("{", '{"problem_id": 3, ', 1)
    for text in (f"{json.dumps(ROW)}\n{twice}\n", f"[{json.dumps(ROW)},\n{twice}]"):
        (tmp_path / "f.json").write_text(text)
        line = refused(lake, tmp_path / "f.json")
        assert "names 'problem_id' more than once" in line
        assert "2" in line


def test_names_within_a_column_that_is_left_out_are_its_own(lake: Lake, tmp_path: Path) -> None:
    text = json.dumps(ROW | {"more": None}).replace("null", '{"a": 1, "a": 2}')
    (tmp_path / "f.json").write_text(text)
    assert len(taken(lake, tmp_path / "f.json")) == 1


def test_json_lines_cut_short_name_one_place(lake: Lake, tmp_path: Path) -> None:
    whole = json.dumps(ROW)
    (tmp_path / "f.jsonl").write_text(f"{whole}\n{whole[:17]}\n")
    line = refused(lake, tmp_path / "f.jsonl")
    assert line.count("line") == 1
    assert "line 2, column 18: " in line


def test_a_missing_column_is_told_with_what_is_there(lake: Lake, tmp_path: Path) -> None:
    line = refused(lake, csv(tmp_path, "task,sample,logp,ok,speed_up\n1,0,-1,true,1.5\n"))
    assert "'task', 'sample', 'logp', 'ok', 'speed_up'" in line
    assert "--columns speed_up=speedup" in line
    columns = ("task=problem_id", "sample=sample_index,logp=mean_logprob,ok=correct")
    path = csv(tmp_path, "task,sample,logp,ok,speed_up\n1,0,-1,true,1.5\n")
    assert taken(lake, path, *columns, "speed_up=speedup") == [(1, 0, -1.0, True, 1.5)]


@pytest.mark.parametrize(
    ("columns", "says"),
    [
        (["speedup"], "is not THEIRS=OURS"),
        (["a=fastness"], "no column 'fastness'"),
        (["a=-speedup"], "no column '-speedup'"),
        (["a=speedup", "b=speedup"], "a second time"),
        (["a=speedup,a=correct"], "a second time"),
        (["gone=speedup"], "no column 'gone'"),
    ],
)
def test_a_map_that_fits_nothing(lake: Lake, tmp_path: Path, columns: list[str], says: str) -> None:
    path = csv(tmp_path, f"{HEADER},a,b\n1,0,-1,true,1.5,1,1\n")
    with pytest.raises(RequestError, match=says):
        import_results(path, "r", lake, columns=parse_columns(columns))


def test_two_spellings_of_one_column(lake: Lake, tmp_path: Path) -> None:
    line = refused(lake, csv(tmp_path, f"{HEADER},Speed-up,Speedup\n1,0,-1,true,1.5,1,1\n"))
    assert "'speedup' and 'Speedup'" in line


@pytest.mark.parametrize(
    ("column", "values"),
    [
        ("correct", pa.array([2.0])),
        ("correct", pa.array(["perhaps"])),
        ("speedup", pa.array([True])),
        ("speedup", pa.array([[1.0]])),
        ("problem_id", pa.array([True])),
        ("problem_id", pa.array([1], pa.timestamp("s"))),
        ("speedup", pa.array([1], pa.duration("ms"))),
        ("problem_id", pa.array([2.0**53])),
        ("level", pa.array([2**31])),
    ],
)
def test_parquet_of_another_type(
    lake: Lake, tmp_path: Path, column: str, values: pa.Array[object]
) -> None:
    line = refused(lake, parquet(tmp_path, **{column: values}))
    assert f"column {column!r} is" in line
    assert "row 1" in line


@pytest.mark.parametrize(
    "correct",
    [pa.array([1]), pa.array([1.0]), pa.array(["yes"]), pa.array(["yes"]).dictionary_encode()],
)
def test_parquet_with_other_words_for_truth(
    lake: Lake, tmp_path: Path, correct: pa.Array[object]
) -> None:
    assert taken(lake, parquet(tmp_path, correct=correct)) == [(1, 0, -1.0, True, 1.5)]


def test_a_file_of_tabs_may_say_so(lake: Lake, tmp_path: Path) -> None:
    path = csv(tmp_path, f"{HEADER}\n1,0,-1,true,1.5\n".replace(",", "\t"))
    assert taken(lake, path.rename(tmp_path / "f.tsv")) == [(1, 0, -1.0, True, 1.5)]


def test_utf_16_says_so(lake: Lake, tmp_path: Path) -> None:
    assert "UTF-16" in refused(lake, csv(tmp_path, f"{HEADER}\n1,0,-1,true,1\n", "utf-16"))
