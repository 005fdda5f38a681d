"""`bon probe` refuses in one line what it cannot probe."""

from __future__ import annotations

from pathlib import Path

import pytest

from storage import Lake
from tests.conftest import Bon
from tests.storage.make import run_row, small_run


@pytest.mark.parametrize(
    ("arguments", "names"),
    [
        (("nobody",), ["no run 'nobody'", "swept"]),
        (("swept",), ["'swept' is no adaptation", "bon adapt"]),
        (("swept", "--draws", "nobody"), ["no run 'nobody'"]),
    ],
)
def test_what_is_no_adaptation(
    bon: Bon, tmp_path: Path, arguments: tuple[str, ...], names: list[str]
) -> None:
    lake = Lake.open(tmp_path / "lake", create=True)
    small_run(lake)
    lake.append("runs", [run_row("swept")], run_id="swept")
    answer = bon("probe", *arguments, "--lake", lake.root)
    assert (answer.returncode, answer.stdout) == (2, "")
    (line,) = answer.stderr.strip().splitlines()
    assert all(name in line for name in names), line
