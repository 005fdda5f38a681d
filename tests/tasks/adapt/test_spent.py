"""What rounds cost: each verdict is paid for once, and all together is what was spent."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from storage import Lake
from tasks.adapt.order import shuffled
from tasks.adapt.spent import write_spent
from tasks.adapt.units import base_shards, units_of
from tasks.problems import load_suite
from tests.storage.make import candidate_row, evaluation_row

(PROBLEM,) = load_suite("embedded").select((12,))
UNITS = units_of(["centred", "placebo"], [PROBLEM], "problem")


def draw(
    lake: Lake, index: int, source: str, arm: str, step: int, purpose: str | None = None
) -> None:
    unit = None if arm == "base" else "1/12"
    row = candidate_row(12, index, source) | {"suite": "embedded", "sample_seconds": 0.5}
    row |= {"arm": arm, "unit": unit, "step": step, "n_prompt_tokens": 7, "purpose": purpose}
    lake.append("candidates", [row], run_id="r")


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    """Two draws a round: stage 0 of the base arm, and step 1 of all, where `x` comes from all three
    arms and `a` was judged before."""
    lake = Lake.open(tmp_path / "lake", create=True)
    for index, source in enumerate("ab"):
        draw(lake, index, source, "base", 0)
    for arm, first, sources in (
        ("base", 2, "xa"),
        ("centred", 1_010_000, "xc"),
        ("placebo", 2_010_000, "xa"),
    ):
        for place, source in enumerate(sources):
            draw(lake, first + place, source, arm, 1)
    rows = [
        evaluation_row(12, source) | {"suite": "embedded", "wall_seconds": 2.0, "device": device}
        for source, device in (("a", "cpu"), ("b", "cpu"), ("x", "cuda:0"), ("c", "cpu"))
    ]
    again = evaluation_row(12, "a", minute=5) | {"suite": "embedded", "take": 2}
    lake.append("evaluations", [*rows, again | {"wall_seconds": 9.0}], run_id="r")
    return lake


def spent(lake: Lake) -> list[dict[str, Any]]:
    return lake.sql("SELECT * FROM spend ORDER BY arm, step, stage, sequence").to_pylist()


def test_a_verdict_is_paid_for_by_the_draw_that_came_first(lake: Lake) -> None:
    write_spent(lake, "r", 0, shuffled(base_shards([PROBLEM], 0, 2), 1, 0))
    everyone = [*base_shards([PROBLEM], 1, 2), *(s for unit in UNITS for s in unit.shards(1, 2))]
    for seed in range(40):  # the first seed that has a trained arm ask for `x` first
        queue = shuffled(everyone, seed, 1)
        asked = [i for i in queue[0].sample_indices if i in (2, 1_010_000, 2_010_000)]
        if asked[0] == 2_010_000:
            break
    write_spent(lake, "r", 1, queue)
    rows = spent(lake)
    judged = {(r["arm"], r["step"]): r["evaluations"] for r in rows if r["stage"] == "judge"}
    assert judged == {("base", 0): 2, ("centred", 1): 1, ("placebo", 1): 1}
    on_gpu = {(r["arm"], r["step"]): r["gpu_seconds"] for r in rows if r["stage"] == "judge"}
    assert on_gpu == {("base", 0): 0, ("centred", 1): 0, ("placebo", 1): 2}
    sampled = [r for r in rows if r["stage"] == "sample"]
    assert [(r["arm"], r["unit"], r["step"], r["rollouts"]) for r in sampled] == [
        ("base", "batch", 0, 2),
        ("base", "batch", 1, 2),
        ("centred", "1/12", 1, 2),
        ("placebo", "1/12", 1, 2),
    ]
    assert {(r["prompt_tokens"], r["completion_tokens"], r["seconds"]) for r in sampled} == {
        (14, 20, 1.0)
    }


def test_a_round_is_written_once(lake: Lake) -> None:
    queue = shuffled(base_shards([PROBLEM], 0, 2), 1, 0)
    write_spent(lake, "r", 0, queue)
    before = spent(lake)
    write_spent(lake, "r", 0, queue)
    assert spent(lake) == before


def evaluation(source: str, seconds: float) -> dict[str, Any]:
    return evaluation_row(12, source) | {"suite": "embedded", "wall_seconds": seconds}


def rounds(lake: Lake, draws: int = 2, **more: Any) -> None:
    """Both rounds, as a run that goes on has them."""
    for step in (0, 1):
        shards = base_shards([PROBLEM], step, draws)
        shards += [s for unit in UNITS * step for s in unit.shards(step, draws)]
        write_spent(lake, "r", step, shuffled(shards, 1, step), **more)


@pytest.mark.parametrize(("later", "paid"), [(True, 1), (False, 2)])
def test_what_confirms_pays_for_what_nobody_paid_for(lake: Lake, later: bool, paid: int) -> None:
    """`a` was judged for stage 0, and `n` for the draw that confirms it; so was `c`, unless that
    was asked for after round 1."""
    for place, source in enumerate("anc"):
        draw(lake, 2_000_000_000 + place, source, "base", 0, "confirm")
    lake.append("evaluations", [evaluation("n", 5.0)], run_id="r")
    if later:
        rounds(lake)
    rounds(lake, confirm=3)
    rows = {(r["arm"], r["step"], r["stage"]): r for r in spent(lake)}
    assert rows["base", 0, "confirm"]["rollouts"] == 3
    assert rows["base", 0, "sample"]["rollouts"] == 2
    judged = rows["base", 0, "confirm_judge"]
    assert (judged["evaluations"], judged["seconds"]) == (paid, 5.0 + 2.0 * (not later))
    assert sum(r["evaluations"] for r in rows.values()) == 5  # a, b, x, c, n
    (budget,) = lake.sql(
        "SELECT rollouts, evaluations FROM budget WHERE arm = 'base' AND step = 0"
    ).to_pylist()
    assert budget == {"rollouts": 2, "evaluations": 2}


def test_more_that_confirm_are_added_to_what_was_written(lake: Lake) -> None:
    for place, source in enumerate("no"):
        draw(lake, 2_000_000_000 + place, source, "base", 0, "confirm")
        lake.append("evaluations", [evaluation(source, 5.0)], run_id="r")
        rounds(lake, confirm=place + 1)
    before = spent(lake)
    rounds(lake, confirm=2)
    assert spent(lake) == before
    latest = lake.sql(
        "SELECT * FROM spend WHERE starts_with(stage, 'confirm') "
        "QUALIFY row_number() OVER (PARTITION BY arm, unit, step, stage ORDER BY sequence DESC) = 1"
    ).to_pylist()
    assert {r["stage"]: (r["rollouts"], r["evaluations"], r["seconds"]) for r in latest} == {
        "confirm": (2, 0, 1.0),
        "confirm_judge": (0, 2, 10.0),
    }


def test_a_tail_is_paid_for_by_its_arm(lake: Lake) -> None:
    draw(lake, 1_000_000_000, "t", "base", 0, "tail")
    lake.append("evaluations", [evaluation("t", 5.0)], run_id="r")
    rounds(lake)
    (budget,) = lake.sql(
        "SELECT rollouts, evaluations FROM budget WHERE arm = 'base' AND step = 0"
    ).to_pylist()
    assert budget == {"rollouts": 3, "evaluations": 3}
