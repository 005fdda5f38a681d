"""What peers publish is read as they write it; what it says of itself is a claim."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from flows.imported import import_kernels
from storage import Lake
from tasks.errors import RequestError
from tasks.imports import import_results, parse_columns
from tasks.imports.eval_results import read_claims
from tasks.imports.kernel_table import read_kernel_table
from tasks.imports.kernels import Claim, Kernels

CUDA_L1: list[dict[str, Any]] = [
    {
        "level_id": 1,
        "task_id": 5,
        "ref_code": "# r",
        "custom_code": "# a\r\n",
        "score_default": 2.7,
    },
    {"level_id": 1, "task_id": 12, "ref_code": "# r", "custom_code": None, "score_default": None},
    {"level_id": 1, "task_id": 14, "ref_code": "# r", "custom_code": "# b\n", "score_default": 0.9},
]
LEADERBOARD: list[dict[str, Any]] = [
    {
        "problem_id": 5,
        "code": f"# {model}\n",
        "torch_speedup": speedup,
        "baseline_torch_time": 6.16,
        "kernel_eval_time": 6.16 / speedup,
        "level": 1,
        "model": model,
    }
    for model, speedup in (("one", 0.5), ("two", 1.25))
]


def lines(path: Path, rows: list[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def array(path: Path, rows: list[dict[str, Any]]) -> Path:
    path.write_text(json.dumps(rows, indent=1))
    return path


def told(read: Kernels) -> list[tuple[object, ...]]:
    return [(*one.key, one.source, one.claim.speedup) for one in read.kernels]


@pytest.mark.parametrize("write", [lines, array])
def test_cuda_l1(tmp_path: Path, write: Any) -> None:
    read = read_kernel_table(write(tmp_path / "h100.json", CUDA_L1))
    assert told(read) == [(1, 5, 0, "# a\n", 2.7), (1, 14, 0, "# b\n", 0.9)]
    assert read.left_out == 1


@pytest.mark.parametrize("write", [lines, array])
def test_the_leaderboard_numbers_samples_as_they_come(tmp_path: Path, write: Any) -> None:
    read = read_kernel_table(write(tmp_path / "raw_data.json", LEADERBOARD))
    assert told(read) == [(1, 5, 0, "# one\n", 0.5), (1, 5, 1, "# two\n", 1.25)]
    assert read.kernels[1].claim.runtime_ms == pytest.approx(6.16 / 1.25)


def test_a_table_of_ones_own(tmp_path: Path) -> None:
    row = {"task": 5, "nr": 3, "py": "# x\n", "speedup": 1.5, "correct": True, "runtime_ms": 2.0}
    row |= {"mean_logprob": -0.5, "n_tokens": 10}
    path = lines(tmp_path / "f.jsonl", [row])
    mapped = parse_columns(["task=problem_id,nr=sample_index", "py=source"])
    (kernel,) = read_kernel_table(path, mapped).kernels
    assert kernel.key == (1, 5, 3)
    assert kernel.claim == Claim(correct=True, speedup=1.5, runtime_ms=2.0)
    assert (kernel.drawn.mean_logprob, kernel.drawn.n_tokens) == (-0.5, 10)


def test_claims_reach_the_lake_and_no_verdict_does(tmp_path: Path) -> None:
    lake = Lake.open(tmp_path / "lake", create=True)
    path = lines(tmp_path / "h100.json", CUDA_L1)
    import_kernels(path, "theirs", lake, "embedded")
    import_kernels(path, "theirs", lake, "embedded", again=True)
    rows = lake.sql("SELECT problem_id, claimed_speedup, status, upheld FROM claims ORDER BY 1")
    assert [tuple(row.values()) for row in rows.to_pylist()] == [
        (5, 2.7, None, None),
        (14, 0.9, None, None),
    ]


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        ([{"problem_id": 5}], "no column 'source'"),
        ([{"problem_id": 5, "source": None}], "no row with a source"),
        ([{"problem_id": None, "source": "x"}], r"problem_id is empty \(row 1\)"),
        ([{"problem_id": -5, "source": "x"}], r"problem_id is -5 \(row 1\)"),
        ([{"problem_id": 5, "source": "x", "sample_index": 10_000}], "sample_index is 10000"),
        ([{"problem_id": 5, "source": "x", "mean_logprob": 0.5}], "mean_logprob is positive"),
        ([{"problem_id": 5, "source": " \n"}], "no row with a source"),
        ([{"problem_id": 5, "source": "x", "sample_index": 0}] * 2, "occurs again in row 2"),
        ([{"problem_id": 5, "source": "x" * (2 << 20)}], "longer than 1 MiB"),
    ],
)
def test_rows_that_cannot_be_judged(tmp_path: Path, rows: Any, says: str) -> None:
    with pytest.raises(RequestError, match=says) as refused:
        read_kernel_table(lines(tmp_path / "f.jsonl", rows))
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("said", "says"),
    [
        ({"sum_logprob": -9999}, "sum_logprob is a sentinel"),
        ({"sum_logprob": -1e30, "n_tokens": 20}, "sum_logprob is a sentinel"),
        ({"sum_logprob": 50, "n_tokens": 10}, "sum_logprob is positive"),
        ({"sum_logprob": -50, "n_tokens": 10, "mean_logprob": -0.5}, "is not mean_logprob times"),
        ({"n_tokens": -10}, "n_tokens is negative"),
        ({"n_tokens": 0, "mean_logprob": -0.5}, "n_tokens is 0"),
        ({"mean_logprob": -9999}, "mean_logprob is a sentinel"),
        ({"mean_logprob": float("-inf")}, "mean_logprob is infinite"),
        ({"mean_logprob": -0.5, "logprob_mode": "weird"}, "logprob_mode is unknown"),
        ({"score_default": -4}, "claimed_speedup is negative"),
        ({"speedup": -4, "score_default": None}, "claimed_speedup is negative"),
        ({"kernel_eval_time": -2.5}, "claimed_runtime_ms is negative"),
    ],
)
def test_what_is_said_of_a_draw_is_checked_as_without_a_suite(
    tmp_path: Path, said: dict[str, Any], says: str
) -> None:
    rows = [CUDA_L1[0], CUDA_L1[2] | said]
    with pytest.raises(RequestError, match=says) as refused:
        read_kernel_table(lines(tmp_path / "f.jsonl", rows))
    assert "(row 2: problem_id 14)" in str(refused.value)


def test_no_measurement_is_no_wrong_claim(tmp_path: Path) -> None:
    rows = [CUDA_L1[0] | {"score_default": value} for value in (0, -1, float("inf"), None)]
    read = read_kernel_table(lines(tmp_path / "f.jsonl", rows))
    assert [one.claim.speedup for one in read.kernels] == [None] * 4


def test_an_empty_source_is_left_out_and_counted(tmp_path: Path) -> None:
    rows = [CUDA_L1[0], CUDA_L1[0] | {"custom_code": ""}, CUDA_L1[0] | {"custom_code": " \n"}]
    read = read_kernel_table(lines(tmp_path / "f.jsonl", rows))
    assert (len(read.kernels), read.left_out) == (1, 2)


@pytest.mark.parametrize(
    ("name", "mend"),
    [
        ("nll", "nll=-mean_logprob"),
        ("Mean NLL", "'Mean NLL'=-mean_logprob"),
        ("neg_log_likelihood", "neg_log_likelihood=-mean_logprob"),
        ("sum_nll", "sum_nll=-sum_logprob"),
        ("avg_logprob", "avg_logprob=mean_logprob"),
        ("cumulative_logprob", "cumulative_logprob=sum_logprob"),
    ],
)
def test_a_log_probability_by_another_name(tmp_path: Path, name: str, mend: str) -> None:
    value = 0.3 if "-" in mend else -0.3
    path = lines(tmp_path / "f.jsonl", [CUDA_L1[0] | {name: value}])
    with pytest.raises(RequestError, match=f"--columns {mend}") as refused:
        read_kernel_table(path)
    assert repr(name) in str(refused.value)
    (kernel,) = read_kernel_table(path, parse_columns([mend.replace("'", "")])).kernels
    assert -0.3 in (kernel.drawn.mean_logprob, kernel.drawn.sum_logprob)


def test_kernels_without_verdicts_are_told_from_results(tmp_path: Path) -> None:
    lake = Lake.open(tmp_path / "lake", create=True)
    path = lines(tmp_path / "f.jsonl", [{"problem_id": 5, "sample_index": 0, "source": "x"}])
    with pytest.raises(RequestError, match="which problems they answer with --suite"):
        import_results(path, "r", lake)


ENTRY = {"sample_id": 2, "compiled": True, "correctness": True, "runtime": 2.0, "ref_runtime": 3.0}
CLAIM = Claim(correct=True, speedup=1.5, runtime_ms=2.0)


@pytest.mark.parametrize(
    ("document", "key", "claim"),
    [
        ({"5": [ENTRY]}, (1, 5, 2), CLAIM),
        ({"5": ENTRY}, (1, 5, 2), CLAIM),
        ({"level3": {"5": [ENTRY]}}, (3, 5, 2), CLAIM),
        ({"L2P5": [ENTRY]}, (2, 5, 2), CLAIM),
        ({"5": [ENTRY | {"ref_runtime": -1.0}]}, (1, 5, 2), Claim(True, None, 2.0)),
        ({"5": [ENTRY | {"correctness": False, "runtime": -1}]}, (1, 5, 2), Claim(correct=False)),
    ],
)
def test_results_of_kernelbench(tmp_path: Path, document: Any, key: Any, claim: Claim) -> None:
    path = tmp_path / "eval_results.json"
    path.write_text(json.dumps(document))
    assert read_claims(path, 1) == {key: claim}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{",
        '{"a": []}',
        '{"5": [{}]}',
        '{"5": 3}',
        '{"5": [{"sample_id": 0}]}',
        '{"5": [{"sample_id": 0.7, "correctness": true}]}',
        '{"5": [{"sample_id": true, "correctness": true}]}',
        '{"5": [{"sample_id": 0, "correctness": true, "runtime": true}]}',
        '{"5": [{"sample_id": 0, "correctness": true, "runtime": 2.0, "ref_runtime": false}]}',
        '{"5": [{"sample_id": 0, "correctness": true, "runtime": -4}]}',
        '{"5": [{"sample_id": 0, "correctness": true, "correctness": false}]}',
        '{"5": [{"sample_id": 0, "correctness": true}, {"sample_id": 0, "correctness": false}]}',
        '{"5": {"sample_id": 0, "correctness": true}, "5": {"sample_id": 0, "correctness": false}}',
        '{"5": {"sample_id": 0, "correctness": true}, '
        '"L1P5": {"sample_id": 0, "correctness": false}}',
        "[" * 99999,
    ],
)
def test_results_that_are_none(tmp_path: Path, text: str) -> None:
    path = tmp_path / "eval_results.json"
    path.write_text(text)
    with pytest.raises(RequestError, match="not as KernelBench writes it") as refused:
        read_claims(path, 1)
    assert "\n" not in str(refused.value)


def test_results_that_say_the_same_twice(tmp_path: Path) -> None:
    path = tmp_path / "eval_results.json"
    path.write_text(json.dumps({"5": [ENTRY, ENTRY | {"metadata": {"later": float("nan")}}]}))
    assert read_claims(path, 1) == {(1, 5, 2): CLAIM}


def test_results_of_no_level_beside_kernels_of_several(tmp_path: Path) -> None:
    path = tmp_path / "eval_results.json"
    path.write_text(json.dumps({"5": [ENTRY]}))
    with pytest.raises(RequestError, match="one level at a time"):
        read_claims(path, None)
