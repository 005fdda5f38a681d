"""What an arm came to: the base arm's first stage belongs to every arm."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from storage import Lake
from tasks.adapt.outcome import outcomes
from tests.storage.make import candidate_row, evaluation_row, run_row


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    """Two problems. The base arm finds 2x in its second stage, `centred` 4x after its step, and
    what all began with is 1.5x and nothing."""
    lake = Lake.open(tmp_path / "lake", create=True)
    lake.append("runs", [run_row("r")], run_id="r")
    trained = {"arm": "centred", "unit": "batch", "step": 1}
    draws = [
        *((1, i, source, {"arm": "base", "step": i // 2}) for i, source in enumerate("abcd")),
        *((2, i, source, {"arm": "base", "step": i // 2}) for i, source in enumerate("bbbb")),
        *((1, 1_010_000 + i, source, trained) for i, source in enumerate("be")),
        *((2, 1_010_000 + i, source, trained) for i, source in enumerate("bh")),
    ]
    rows = [candidate_row(problem, i, source) | place for problem, i, source, place in draws]
    lake.append("candidates", rows, run_id="r")
    speeds = {"a": 1.5, "c": 2.0, "d": 0.5, "e": 4.0}
    verdicts = [evaluation_row(1, source, speedup=speed) for source, speed in speeds.items()]
    verdicts += [evaluation_row(problem, "b", status="incorrect") for problem in (1, 2)]
    verdicts.append(evaluation_row(2, "h", status="harness_error"))
    lake.append("evaluations", verdicts, run_id="r")
    return lake


def test_success_and_speedup_over_all_that_an_arm_drew(lake: Lake) -> None:
    base, centred = outcomes(lake, "r", ["base", "centred"])
    assert (base.arm, centred.arm) == ("base", "centred")
    assert base.fast_1.mean == centred.fast_1.mean == 0.5
    assert base.delivered_speedup.mean == pytest.approx(math.sqrt(2))
    assert centred.delivered_speedup.mean == pytest.approx(math.sqrt(4))


def test_what_all_began_with_counts_for_an_arm_that_found_nothing(lake: Lake) -> None:
    (placebo,) = outcomes(lake, "r", ["placebo"])
    assert placebo.fast_1.mean == 0.5
    assert placebo.delivered_speedup.mean == pytest.approx(math.sqrt(1.5))


def test_the_best_checkpoint_is_read_on_its_own_draws(lake: Lake) -> None:
    base, centred = outcomes(lake, "r", ["base", "centred"])
    assert base.best is not None
    assert base.best.naive == 0.25  # stage 0: a of a, b; stage 1: c of c, d
    assert centred.best is None  # one draw of problem 2 has no verdict


def test_a_run_without_a_verdict_has_no_numbers(tmp_path: Path) -> None:
    lake = Lake.open(tmp_path / "empty", create=True)
    lake.append("runs", [run_row("r")], run_id="r")
    (base,) = outcomes(lake, "r", ["base"])
    assert math.isnan(base.fast_1.mean)
    assert base.best is None
