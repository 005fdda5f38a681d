"""Arms from the lake: the same numbers as in memory, and what is no study is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from storage import Lake, RunUnknownError
from storage.ledger import ProblemKey
from tasks.adapt.units import BASE_ARM
from tasks.errors import RequestError
from tasks.frontier.compute import frontier, study_document
from tasks.frontier.load import load_runs
from tasks.frontier.study import Study
from tests.storage.make import START, candidate_row, evaluation_row, run_row, small_run
from tests.tasks.frontier.make import Floats, keys, run_of, speeds, write

GROUP, STAGES = 4, 3


def tables(problems: int = 7, seed: int = 0) -> tuple[Floats, dict[str, Floats]]:
    rng = np.random.default_rng(seed)
    rates = np.full(problems, 0.05)
    arms = {name: speeds(rng, rates, STAGES - 1, GROUP) for name in ("centred", "placebo")}
    return speeds(rng, rates, STAGES, GROUP), arms


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake.open(tmp_path / "lake", create=True)


@pytest.mark.parametrize("unit", ["problem", "batch"])
def test_a_lake_says_what_its_draws_say(lake: Lake, unit: str) -> None:
    base, arms = tables()
    write(lake, base, arms, unit=unit)
    trained = 120.0 * (7 if unit == "problem" else 1)
    seconds = 1.0 if unit == "problem" else 1.0 / 7
    run = run_of(base, arms, unit=unit, trained_tokens=trained)
    for name in arms:
        run.learning[name][0]["train_seconds"] = seconds  # type: ignore[index]
    found, wanted = frontier(lake, ["r"]), study_document(Study((run,)))
    assert _rounded(found.model_dump()) == _rounded(wanted.model_dump())
    assert found.arms["centred"].curve.cost["trained_tokens"][-1] == trained * (STAGES - 1)


def _rounded(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _rounded(one) for name, one in value.items()}
    if isinstance(value, list):
        return [_rounded(one) for one in value]
    return round(value, 9) if isinstance(value, float) else value


def test_texts_that_arms_share_are_paid_for_by_each(lake: Lake) -> None:
    """The trained arm draws what the base arm drew later: each pays for one verdict."""
    base = np.full((1, 2, 2), 0.5)
    write(lake, base, {})
    row = run_row("r") | {"kind": "adapt", "minute": 5}
    adapt = {"arms": ["a"], "group": 2, "unit": "problem", "steps": 1}
    config = json.dumps({"seed": 1, "adapt": adapt})
    row = run_row("r", minute=5) | {"kind": "adapt", "config": config}
    lake.append("runs", [row], run_id="r")
    place = {"arm": "a", "unit": "1/1", "step": 1}
    drawn = [candidate_row(1, 1_010_000 + i, "base-1-0") | place for i in range(2)]
    lake.append("candidates", drawn, run_id="r")
    found = frontier(lake, ["r"])
    for arm, evaluations in (("base", [1, 2, 3, 4]), ("a", [1, 2, 3, 3])):
        assert found.arms[arm].curve.cost["evaluations"] == pytest.approx(evaluations)


def test_several_seeds_are_one_study_and_each_run_counts_once(lake: Lake) -> None:
    for seed in (1, 2):
        write(lake, *tables(seed=seed), run_id=f"r{seed}", seed=seed)
    found = frontier(lake, ["r1", "r2", "r1"])
    assert (found.runs, found.units) == (["r1", "r2"], 7)
    assert found.verdict


def test_runs_that_are_no_study_are_refused_in_a_line(lake: Lake) -> None:
    base, arms = tables()
    write(lake, base, arms, run_id="a")
    write(lake, base, arms, run_id="same-seed")
    write(lake, base[:5], {n: one[:5] for n, one in arms.items()}, run_id="fewer", seed=2)
    write(lake, base, {"grpo": arms["centred"]}, run_id="other-arms", seed=3)
    write(lake, base, arms, run_id="other-unit", seed=4, unit="batch")
    small_run(lake, "sweep")
    for names, said in (
        (["a", "same-seed"], "the same seed, 1"),
        (["a", "fewer"], "not of the same problems"),
        (["a", "other-arms"], "differ in adapt.arms"),
        (["a", "other-unit"], "differ in adapt.unit"),
        (["sweep"], "has one arm; name runs of `bon adapt`"),
        ([], "no run named"),
    ):
        with pytest.raises(RequestError, match=said) as found:
            frontier(lake, names)
        assert "\n" not in str(found.value)
    with pytest.raises(RunUnknownError, match="nowhere"):
        frontier(lake, ["nowhere"])


def test_batches_with_a_problem_in_common_are_no_study(lake: Lake) -> None:
    base, arms = tables(4)
    for number, first in enumerate((1, 11, 3)):
        names: list[ProblemKey] = [("s", 1, first + i) for i in range(4)]
        write(lake, base, arms, run_id=f"b{number}", seed=number, unit="batch", names=names)
    assert frontier(lake, ["b0", "b1"]).units == 2
    with pytest.raises(RequestError, match="batches without a problem in common"):
        frontier(lake, ["b0", "b2"])


def test_a_budget_that_was_not_drawn_is_refused(lake: Lake) -> None:
    write(lake, *tables())
    assert frontier(lake, ["r"], tested_at=[8, 12]).tested_at == [8, 12]
    with pytest.raises(RequestError, match="13 rollouts of a problem cannot be tested at"):
        frontier(lake, ["r"], tested_at=[13])


def _step(arm: str, problem: int, step: int, status: str) -> dict[str, object]:
    return {
        **{"arm": arm, "unit": f"1/{problem}", "step": step, "status": status, "spec": "{}"},
        **{"parent_id": "base", "objective": arm, "reward": "lower", "n_items": 4, "n_tokens": 40},
        **{"seconds": 1.0, "made_at": START},
    }


def test_a_run_that_was_ended_early_is_unfinished_and_a_unit_that_ended_is_not(lake: Lake) -> None:
    """No draw of problem 1 after the second step of `centred`: owed, unless its step diverged."""
    base, arms = tables()
    arms["centred"][0, 1] = -1.0
    write_without(lake, base, arms)
    assert frontier(lake, ["r"]).verdict.startswith("no verdict: the study is unfinished")
    assert load_runs(lake, ["r"])[0].unjudged == GROUP
    steps = [_step("centred", 1, 1, "no_signal"), _step("centred", 1, 2, "diverged")]
    lake.append("train_steps", steps, run_id="r")
    (run,) = load_runs(lake, ["r"])
    assert run.unjudged == 0
    assert run.arms["centred"][keys(1)[0]].sizes.tolist() == [GROUP, GROUP, 0]
    document = frontier(lake, ["r"])
    assert document.arms["centred"].rollouts == document.arms["centred"].budget - GROUP


def write_without(lake: Lake, base: Floats, arms: dict[str, Floats]) -> None:
    """Draws with a speedup of -1 are not made."""
    kept = {name: np.where(one < 0, np.nan, one) for name, one in arms.items()}
    gone = {
        (name, int(i) + 1, int(step) + 1)
        for name, one in arms.items()
        for i, step in {(i, s) for i, s, _ in np.argwhere(one < 0).tolist()}
    }
    whole = Lake.open(lake.root.parent / "whole", create=True)
    write(whole, base, kept)
    for table in ("runs", "problems", "evaluations", "spend"):
        rows = whole.sql(f"SELECT * EXCLUDE (run_id, sequence) FROM {table}").to_pylist()
        lake.append(table, rows, run_id="r")
    rows = whole.sql("SELECT * EXCLUDE (run_id, sequence) FROM candidates").to_pylist()
    lake.append(
        "candidates",
        [row for row in rows if (row["arm"], row["problem_id"], row["step"]) not in gone],
        run_id="r",
    )


def test_a_draw_without_a_verdict_leaves_the_study_unfinished(lake: Lake) -> None:
    base, arms = tables()
    write(lake, base, arms)
    verdict = evaluation_row(1, "base-0-0", status="harness_error", minute=9)
    lake.append("evaluations", [verdict], run_id="r")
    assert load_runs(lake, ["r"])[0].unjudged == 0  # an earlier verdict stands
    new = candidate_row(1, 99, "new") | {"arm": "base", "step": 2}
    lake.append("candidates", [new], run_id="r")
    assert load_runs(lake, ["r"])[0].unjudged == 1


def test_a_refused_problem_is_left_out(lake: Lake) -> None:
    base, arms = tables()
    write(lake, base, arms)
    (row,) = lake.sql("SELECT * EXCLUDE (run_id, sequence) FROM runs").to_pylist()
    lake.append("runs", [row | {"harness_id": "h1"}], run_id="r")
    lake.append(
        "problems",
        [
            {"suite": "s", "level": 1, "problem_id": 50, "name": "n", "problem_hash": "x"}
            | {"source": "y"}
        ],
        run_id="r",
    )
    drawn = candidate_row(50, 0, "z") | {"arm": "base", "step": 0}
    lake.append("candidates", [drawn], run_id="r")
    refusal = {"suite": "s", "level": 1, "problem_id": 50, "harness_id": "h1", "problem_hash": "x"}
    lake.append("refusals", [refusal | {"reason": "no", "refused_at": START}], run_id="r")
    (run,) = load_runs(lake, ["r"])
    assert run.unjudged == 0
    assert list(run.arms[BASE_ARM]) == keys(7)


def test_a_run_without_a_verdict_has_no_numbers(lake: Lake) -> None:
    config = {"seed": 1, "adapt": {"arms": ["a"], "group": 4, "unit": "problem", "steps": 1}}
    row = run_row("r") | {"kind": "adapt", "config": json.dumps(config)}
    lake.append("runs", [row], run_id="r")
    found = frontier(lake, ["r"])
    assert found.verdict == "no verdict: no draw has a verdict yet"
    assert found.arms["a"].fast_1.mean is None
