"""Anchors: fixed by the seed, correct, measured anew, and never a verdict on a draw."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from kernels_eval import Status, Verdict
from storage import Lake, ledger
from tasks.adapt.anchors import (
    anchor_shards,
    anchor_shifts,
    anchors_of,
    measured,
    to_measure,
)
from tasks.adapt.order import shuffled
from tasks.adapt.units import base_shards
from tasks.evaluate.pool import Judged
from tasks.evaluate.step import evaluate_shard
from tasks.problems import load_suite
from tasks.sweep import Sweep
from tests.storage.make import candidate_row, evaluation_row, run_row
from tests.tasks.evaluate.sweeps import sweep_of

(PROBLEM,) = load_suite("embedded").select((12,))

DRAWS = 100


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    """100 draws of the first stage, of which every other one is correct, and 4 of the second."""
    lake = Lake.open(tmp_path / "lake", create=True)
    lake.append("runs", [run_row("demo")], run_id="demo")
    rows = [
        candidate_row(12, i, f"h{i}")
        | {"suite": "embedded", "arm": "base", "step": i // DRAWS, "source": f"s{i}"}
        for i in range(DRAWS + 4)
    ]
    tail = rows[0] | {"sample_index": 1_000_000_000, "source_hash": "tail", "purpose": "tail"}
    lake.append("candidates", [*rows, tail], run_id="demo")
    verdicts = [
        evaluation_row(12, f"h{i}", status="correct" if i % 2 else "incorrect", speedup=2.0)
        | {"suite": "embedded", "speedup_low": 1.9, "speedup_high": 2.1}
        for i in range(DRAWS)
    ]
    tailed = verdicts[1] | {"source_hash": "tail", "evaluation_id": "tail"}
    lake.append("evaluations", [*verdicts, tailed], run_id="demo")
    return lake


class _Judges:
    """Finds everything correct at 3x, in an order that it remembers."""

    harness_id = "h"
    timeout_s = 10.0

    def __init__(self, status: Status = Status.CORRECT) -> None:
        self.seen: list[str] = []
        self._verdict = Verdict(
            status=status,
            protocol="trusted",
            mode="fast",
            device="cpu",
            harness_id="h",
            compiled=True,
            speedup=3.0,
            speedup_ci=(2.7, 3.3),
        )

    def evaluate_many(self, _: str, sources: Sequence[str]) -> Iterator[Judged]:
        self.seen += sources
        for index in range(len(sources)):
            yield Judged(index, replace(self._verdict), None)


class _Progress:
    def __init__(self) -> None:
        self.done: dict[str, int] = {}

    def advance(self, stage: str, count: int = 1) -> None:
        self.done[stage] = self.done.get(stage, 0) + count


def test_they_are_five_percent_of_the_first_stage_fixed_by_the_seed_and_correct(
    lake: Lake,
) -> None:
    anchors = anchors_of(lake, "demo", 1)
    assert len(anchors) == 5  # of 100 sources
    assert anchors == anchors_of(lake, "demo", 1)
    others = {one.sample_index for seed in range(20) for one in anchors_of(lake, "demo", seed)}
    assert len(others) > 10
    assert all(index % 2 and index < DRAWS for index in others)
    again = evaluation_row(12, anchors[0].source_hash, status="incorrect", minute=9)
    lake.append("evaluations", [again | {"suite": "embedded", "take": 2}], run_id="demo")
    assert anchors == anchors_of(lake, "demo", 1)  # the first verdicts count


def test_there_are_four_at_least_where_four_are_correct(tmp_path: Path) -> None:
    lake = Lake.open(tmp_path / "small", create=True)
    base = {"suite": "embedded", "arm": "base", "step": 0}
    rows = [candidate_row(12, i, f"h{i}") | base for i in range(6)]
    lake.append("candidates", rows, run_id="r")
    found = []
    for index, status in enumerate(["incorrect", *["correct"] * 5]):
        verdict = evaluation_row(12, f"h{index}", status=status) | {"suite": "embedded"}
        lake.append("evaluations", [verdict], run_id="r")
        found.append(len(anchors_of(lake, "r", 3)))
    assert found == [0, 1, 2, 3, 4, 4]
    assert anchor_shifts(lake, "r") == []


def work(lake: Lake, judges: _Judges, progress: Any = None) -> Sweep:
    return sweep_of(lake, judges, progress)[0]


def a_round(lake: Lake, judges: _Judges, progress: Any = None) -> None:
    """Round 1 as the flow has it: four draws without a verdict, and the anchors."""
    sweep = work(lake, judges, progress)
    anchors = anchors_of(lake, "demo", 1)
    draws = base_shards([PROBLEM], 25, 4)  # 100 to 103
    queue = shuffled([*draws, *anchor_shards(anchors, [PROBLEM], 1)], 1, 1)
    done = ledger.judged(lake, "demo", "h") | measured(lake, "demo", 1)
    for shard in filter(None, (one.less(done) for one in queue)):
        evaluate_shard(sweep, shard, to_measure(sweep, anchors, PROBLEM, 1))


def test_they_are_measured_among_the_draws_and_change_no_verdict(lake: Lake) -> None:
    before = lake.sql("SELECT * FROM results WHERE step = 0 ORDER BY ALL").to_pylist()
    judges, progress = _Judges(), _Progress()
    a_round(lake, judges, progress)
    anchors = anchors_of(lake, "demo", 1)
    again = {one.source for one in anchors}
    assert sorted(judges.seen) == sorted([*again, "s100", "s101", "s102", "s103"])
    places = [place for place, source in enumerate(judges.seen) if source in again]
    assert places not in ([0, 1, 2, 3, 4], [4, 5, 6, 7, 8]), "not mixed: take another seed"
    assert progress.done == {"evaluate": 4, "anchors": 5}
    assert lake.sql("SELECT * FROM results WHERE step = 0 ORDER BY ALL").to_pylist() == before
    shifts = anchor_shifts(lake, "demo")
    assert {(one.round, one.sample_index) for one in shifts} == {
        (1, one.sample_index) for one in anchors
    }
    for one in shifts:
        assert one.log_ratio == pytest.approx(math.log(1.5))
        assert one.half_width == pytest.approx(math.log(3.3 / 2.7) / 2)
        assert one.first_half_width == pytest.approx(math.log(2.1 / 1.9) / 2)


def test_what_was_measured_is_not_measured_once_more(lake: Lake) -> None:
    a_round(lake, _Judges())
    judges = _Judges()
    a_round(lake, judges)
    assert judges.seen == []


def test_an_anchor_that_is_not_correct_any_more_has_no_ratio(lake: Lake) -> None:
    a_round(lake, _Judges(Status.INCORRECT))
    assert {(one.status, one.log_ratio, one.half_width) for one in anchor_shifts(lake, "demo")} == {
        ("incorrect", None, None)
    }


def test_a_failure_of_the_judge_is_no_measurement_and_is_tried_again(lake: Lake) -> None:
    a_round(lake, _Judges(Status.HARNESS_ERROR))
    assert anchor_shifts(lake, "demo") == []
    a_round(lake, _Judges())
    assert len(anchor_shifts(lake, "demo")) == 5
