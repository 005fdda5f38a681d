"""Nights in a lake: what moved is found, told apart and named; what did not is not."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from flows.cli import app
from flows.nightly import nights_before
from storage import Lake
from tasks.drift.compute import drift
from tasks.drift.noise import moderated
from tasks.errors import TooFewNightsError
from tests.storage.make import START, evaluation_row, run_row

PROBLEMS, KERNELS, NIGHTS = 6, 4, 12
NOISE = 0.005
"""Standard deviation of a log time from night to night."""

Row = dict[str, Any]


def night_rows(rng: np.random.Generator, number: int) -> list[Row]:
    """A night's verdicts: each kernel's own time, the machine's part that night, and noise."""
    machine = rng.normal(0, NOISE)
    rows: list[Row] = []
    for problem in range(PROBLEMS):
        for kernel in range(KERNELS):
            runtime = (problem + 1) * (kernel + 1) * np.exp(machine + rng.normal(0, NOISE))
            reference = 3.0 * (problem + 1) * np.exp(machine + rng.normal(0, NOISE))
            speedup = reference / runtime
            row: Row = dict(evaluation_row(problem, f"s{kernel}", speedup=speedup))
            row |= {
                "evaluated_at": START + timedelta(days=number, minutes=len(rows)),
                "evaluation_id": f"{number}-{problem}-{kernel}",
                "device": "cuda:0",
                "machine": "H200",
                "runtime_ms": runtime,
                "reference_ms": reference,
                "speedup_low": speedup * np.exp(-2 * NOISE),
                "speedup_high": speedup * np.exp(2 * NOISE),
            }
            rows.append(row)
    return rows


def lake_of(
    place: Path, changed: Callable[[int, Row], Row] | None = None, versions: str = "{}"
) -> tuple[Lake, list[str]]:
    """A lake of nights, with what `changed` makes of each row, and their names."""
    lake = Lake.open(place, create=True)
    rng = np.random.default_rng(5)
    names = []
    for number in range(NIGHTS):
        name = f"nightly-202612{number + 1:02}"
        run = run_row(name) | {"policy_id": "p", "seed": 1}
        lake.append(
            "runs", [run | {"versions": versions if number == NIGHTS - 1 else "{}"}], run_id=name
        )
        rows = [row if changed is None else changed(number, row) for row in night_rows(rng, number)]
        lake.append("evaluations", rows, run_id=name)
        names.append(name)
    return lake, names


def slower(row: Row, by: float, *names: str) -> Row:
    return row | {name: row[name] * by for name in names}


def test_nights_without_a_change_raise_no_alarm(tmp_path: Path) -> None:
    lake, names = lake_of(tmp_path / "lake")
    found = drift(lake, names)
    assert (found.runs, found.kernels, found.problems) == (names, PROBLEMS * KERNELS, PROBLEMS)
    assert found.alarms == []
    assert found.verdict.startswith("nothing moved beyond what 12 nights differ by themselves; a")
    assert found.noticed is not None
    assert 1 < found.noticed < 1.1


def test_a_kernel_that_became_slower_is_the_only_alarm(tmp_path: Path) -> None:
    def changed(number: int, row: Row) -> Row:
        own = number >= NIGHTS - 3 and (row["problem_id"], row["source_hash"]) == (2, "s1")
        return slower(row, 1.05, "runtime_ms") if own else row

    lake, names = lake_of(tmp_path / "lake", changed)
    found = drift(lake, names[::-1])
    (alarm,) = [one for one in found.changes if one.alarm]
    assert (alarm.kind, alarm.problem, alarm.source_hash) == ("kernel", "s/1/2", "s1")
    assert alarm.low < 1.05 < alarm.high
    assert found.alarms[0].startswith("kernel s1 of s/1/2 is ")


def test_a_reference_that_moved_is_told_from_its_kernels(tmp_path: Path) -> None:
    def changed(number: int, row: Row) -> Row:
        own = number >= NIGHTS - 2 and row["problem_id"] == 4
        return slower(row, 1.08, "reference_ms") if own else row

    lake, names = lake_of(tmp_path / "lake", changed)
    alarms = [one for one in drift(lake, names).changes if one.alarm]
    assert [(one.kind, one.problem, one.source_hash) for one in alarms] == [
        ("reference", "s/1/4", None)
    ]


def test_a_machine_that_moved_is_told_from_its_kernels(tmp_path: Path) -> None:
    def changed(number: int, row: Row) -> Row:
        moved = number >= NIGHTS - 3
        return slower(row, 1.05, "runtime_ms", "reference_ms") if moved else row

    lake, names = lake_of(tmp_path / "lake", changed, json.dumps({"driver": "590"}))
    found = drift(lake, names)
    assert [one.kind for one in found.changes if one.alarm] == ["machine"]
    assert "the machine, and with it every kernel," in found.verdict
    assert "driver unknown → 590" in found.verdict


def test_one_disturbed_night_long_past_or_wide_is_none(tmp_path: Path) -> None:
    def changed(number: int, row: Row) -> Row:
        if (row["problem_id"], row["source_hash"]) != (1, "s2") or number not in (5, NIGHTS - 1):
            return row
        disturbed = slower(row, 1.3, "runtime_ms")
        return disturbed | {
            "speedup_low": row["speedup"] / 1.5,
            "speedup_high": row["speedup"] * 1.5,
        }

    lake, names = lake_of(tmp_path / "lake", changed)
    assert drift(lake, names).alarms == []


def test_a_changed_verdict_is_an_alarm_at_once(tmp_path: Path) -> None:
    def changed(number: int, row: Row) -> Row:
        own = number == NIGHTS - 1 and (row["problem_id"], row["source_hash"]) == (0, "s3")
        gone = dict.fromkeys(
            ("speedup", "speedup_low", "speedup_high", "runtime_ms", "reference_ms")
        )
        return (
            row | gone | {"status": "incorrect", "correct": False, "fast_1": False} if own else row
        )

    lake, names = lake_of(tmp_path / "lake", changed)
    found = drift(lake, names)
    assert found.alarms == [
        "kernel s3 of s/1/0 is incorrect; it was correct in 11 of the nights before"
    ]


def test_nights_on_another_device_are_left_out_by_name(tmp_path: Path) -> None:
    def changed(number: int, row: Row) -> Row:
        return row | {"machine": "H100"} if number < 3 else row

    lake, names = lake_of(tmp_path / "lake", changed)
    found = drift(lake, names)
    assert found.runs == names[3:]
    assert found.left_out == dict.fromkeys(
        names[:3], "it was measured on cuda:0 on H100, not on cuda:0 on H200"
    )
    with pytest.raises(TooFewNightsError, match="two runs measured on one device"):
        drift(lake, [*names[:3], names[3]])


def test_the_command_says_it_and_its_status_is_1(tmp_path: Path) -> None:
    lake, names = lake_of(tmp_path / "quiet")
    quiet = CliRunner().invoke(app, ["drift", *names, "--lake", str(lake.root), "--json"])
    assert quiet.exit_code == 0
    assert json.loads(quiet.stdout)["alarms"] == []

    def changed(number: int, row: Row) -> Row:
        return (
            slower(row, 2.0, "runtime_ms")
            if number == NIGHTS - 1 and row["problem_id"] == 1
            else row
        )

    lake, names = lake_of(tmp_path / "moved", changed)
    moved = CliRunner().invoke(app, ["drift", *names, "--lake", str(lake.root)])
    assert moved.exit_code == 1
    assert "slower since nightly-20261212" in " ".join(moved.stdout.split())


def test_a_night_is_set_against_earlier_nights_of_the_same_draws(tmp_path: Path) -> None:
    lake, names = lake_of(tmp_path / "lake")
    other = run_row("nightly-20261105") | {"policy_id": "p", "seed": 2}
    lake.append("runs", [other], run_id="nightly-20261105")
    assert nights_before(lake, names[4]) == names[:4]


def test_variances_are_moderated_as_drawn() -> None:
    """From variances that follow the law, its two parameters come back."""
    rng = np.random.default_rng(3)
    usual, d0, d = 0.01**2, 8.0, 6.0
    truth = usual * d0 / rng.chisquare(d0, 20_000)
    own = truth * rng.chisquare(d, 20_000) / d
    variances, freedom = moderated(own, np.full(20_000, d))
    assert freedom[0] - d == pytest.approx(d0, rel=0.1)
    weight = (freedom[0] - d) / freedom[0]
    assert (variances - (1 - weight) * own)[0] / weight == pytest.approx(usual, rel=0.05)
    better = np.mean((np.log(variances) - np.log(truth)) ** 2)
    assert better < 0.6 * np.mean((np.log(own) - np.log(truth)) ** 2)
