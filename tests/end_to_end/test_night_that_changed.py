"""A night whose verdicts are others than in the night before is a failed flow run that says so."""

from __future__ import annotations

from pathlib import Path

import pytest

from flows.nightly import nightly
from flows.sweep import bon_sweep
from storage import Lake, layout
from tasks.errors import NightChangedError

PROFILE = """
suite = "embedded"
problems = [18]
k = 2
policy = "embedded"
seed = 42
[judge]
device = "cpu"
retime = 0
settle_s = 0
"""
BEFORE = "nightly-20200101"
ANOTHER = {"incorrect": "timeout"}
"""Status of the night before, by tonight's: any but that."""


@pytest.mark.slow
@pytest.mark.usefixtures("running")
def test_a_changed_verdict_fails_the_flow_and_keeps_the_night(tmp_path: Path) -> None:
    profile, place = tmp_path / "small.toml", tmp_path / "lake"
    profile.write_text(PROFILE)
    bon_sweep(profile=str(profile), run=BEFORE, lake=str(place))
    lake = Lake.open(place)
    rows = lake.sql("SELECT * EXCLUDE (run_id, sequence) FROM evaluations", [BEFORE]).to_pylist()
    for part in layout.run_directory(place, "evaluations", BEFORE).glob("part-*"):
        part.unlink()
    for row in rows:
        row["status"] = ANOTHER.get(row["status"], "incorrect")
        row["correct"] = row["fast_1"] = False
    lake.append("evaluations", rows, run_id=BEFORE)
    with pytest.raises(NightChangedError, match=r"it was (incorrect|timeout) in 1 of the nights"):
        nightly(profile=str(profile), lake=str(place))
    (tonight,) = set(lake.run_ids()) - {BEFORE}
    assert tonight.startswith("nightly-")
    assert lake.sql("SELECT * FROM evaluations", [tonight]).num_rows == len(rows)
