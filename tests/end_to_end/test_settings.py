"""Settings mean what was asked, through real sweeps: forth, back, and never for a yardstick."""

from __future__ import annotations

from pathlib import Path

import pytest

from storage import Lake
from tests.conftest import Bon

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(400),
    pytest.mark.usefixtures("running"),
]


def test_forth_and_back(bon: Bon, tmp_path: Path) -> None:
    def sweep(*settings: str) -> list[tuple[str, str, float]]:
        answer = bon("sweep", "--problems", "30", "-k", "2", "--run", "r", *settings, "--json")
        assert answer.returncode == 0, answer.stderr
        shown = Lake.open(tmp_path / "lake").results(["r"]).to_pylist()
        return [(row["evaluation_id"], row["device"], row["timeout_s"]) for row in shown]

    yardstick = sweep("--device", "none")
    assert {device for _, device, _ in yardstick} == {"none"}
    first = sweep("--device", "cpu", "--timeout", "30", "--retime", "0", "--settle", "0")
    assert {(device, timeout) for _, device, timeout in first} == {("cpu", 30)}
    second = sweep("--timeout", "20")
    assert {(device, timeout) for _, device, timeout in second} == {("cpu", 20)}
    assert sweep("--timeout", "30") == first  # nothing was judged again
    picks = Lake.open(tmp_path / "lake").sql(
        "SELECT DISTINCT s.harness_id = r.harness_id AS same FROM selections_latest AS s "
        "JOIN runs_latest AS r USING (run_id)"
    )
    assert picks["same"].to_pylist() == [True]
    refused = bon("sweep", "--run", "r", "--device", "none")
    assert refused.returncode == 2
    assert refused.stderr.startswith("bon: run 'r' is judged on cpu")
    assert sweep() == first
