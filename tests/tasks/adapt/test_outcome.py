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


def test_what_confirms_counts_for_the_chosen_checkpoint_and_for_nothing_else(lake: Lake) -> None:
    """Stage 0 of the base arm looks best; 8x in stage 1 changes nothing."""
    before, _ = outcomes(lake, "r", ["base", "centred"])
    draws = [(problem, place, step) for problem in (1, 2) for place in (0, 1) for step in (0, 1)]
    rows = [
        candidate_row(problem, 2_000_000_000 + 10_000 * step + place, f"f{problem}{place}{step}")
        | {"arm": "base", "step": step, "purpose": "confirm"}
        for problem, place, step in draws
    ]
    lake.append("candidates", rows, run_id="r")
    assert before.best is not None
    assert before.best.fresh is None
    verdicts = [
        evaluation_row(problem, f"f{problem}{place}{step}", speedup=8.0)
        if step or (problem, place) == (2, 1)
        else evaluation_row(problem, f"f{problem}{place}{step}", status="incorrect")
        for problem, place, step in draws
    ]
    lake.append("evaluations", verdicts, run_id="r")
    base, centred = outcomes(lake, "r", ["base", "centred"])
    assert (base.fast_1, base.delivered_speedup) == (before.fast_1, before.delivered_speedup)
    assert base.best is not None
    assert (base.best.naive, base.best.chosen) == (before.best.naive, 0)
    assert base.best.fresh == 0.25
    assert centred.best is None


def test_a_tail_is_what_an_arm_drew(lake: Lake) -> None:
    row = candidate_row(2, 1_000_000_000, "t") | {"arm": "base", "step": 0, "purpose": "tail"}
    lake.append("candidates", [row], run_id="r")
    lake.append("evaluations", [evaluation_row(2, "t", speedup=9.0)], run_id="r")
    base, _ = outcomes(lake, "r", ["base", "centred"])
    assert base.fast_1.mean == 1


def test_a_run_without_a_verdict_has_no_numbers(tmp_path: Path) -> None:
    lake = Lake.open(tmp_path / "empty", create=True)
    lake.append("runs", [run_row("r")], run_id="r")
    (base,) = outcomes(lake, "r", ["base"])
    assert math.isnan(base.fast_1.mean)
    assert base.best is None
