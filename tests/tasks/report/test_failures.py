"""Failures are grouped by what went wrong, not by where."""

from __future__ import annotations

from pathlib import Path

import pytest

from storage import Lake
from tasks.report.query import query
from tests.storage.make import candidate_row, evaluation_row, run_row

GCC = """In file included from /tmp/a/main.cpp:3:
/tmp/{folder}/main.cpp:{line}:5: error: 'foo' was not declared in this scope
  {line} |     foo();
/tmp/{folder}/main.cpp:9:1: error: expected '}}' at end of input"""
TRACEBACK = """Traceback (most recent call last):
  File "/tmp/{folder}/candidate.py", line {line}, in <module>
    import nothing
ModuleNotFoundError: No module named 'nothing'"""


@pytest.mark.parametrize(
    ("texts", "said"),
    [
        ([GCC.format(folder="a", line=7), GCC.format(folder="b", line=31)],
         "error: 'foo' was not declared in this scope"),
        ([TRACEBACK.format(folder="a", line=1), TRACEBACK.format(folder="b", line=4)],
         "ModuleNotFoundError: No module named 'nothing'"),
        (["nvcc\nx.cu(3): error: this is the same\n"] * 2, "error: this is the same"),
        (["took longer than 20 s\nand more", "took longer than 20 s"], "took longer than 20 s"),
    ],
)  # fmt: skip
def test_the_first_real_error_counts(tmp_path: Path, texts: list[str], said: str) -> None:
    lake = Lake.open(tmp_path / "lake", create=True)
    lake.append("runs", [run_row("r")], run_id="r")
    sources = ["a", "b"]
    lake.append("candidates", [candidate_row(1, i, s) for i, s in enumerate(sources)], run_id="r")
    rows = [
        evaluation_row(1, source) | {"status": "compile_error", "correct": False, "error": text}
        for source, text in zip(sources, texts, strict=True)
    ]
    lake.append("evaluations", rows, run_id="r")
    (found,) = lake.sql(query("failures", ["r"]).text).to_pylist()
    assert (found["error"], found["draws"]) == (said, 2)
