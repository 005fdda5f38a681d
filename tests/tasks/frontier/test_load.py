"""Arms from the lake: the same numbers as in memory, and what is no study is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from storage import Lake, RunUnknownError
from storage.ledger import ProblemKey
from tasks.adapt.numbering import draw_indices
from tasks.adapt.units import BASE_ARM
from tasks.errors import RequestError
from tasks.frontier.compute import frontier, study_document
from tasks.frontier.load import load_runs
from tasks.frontier.price import load_prices
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
    write(lake, base, arms, unit=unit, parameters=1000)
    trained = 120.0 * (7 if unit == "problem" else 1)
    seconds = 1.0 if unit == "problem" else 1.0 / 7
    run = run_of(base, arms, unit=unit, trained_tokens=trained, parameters=1000)
    for name in arms:
        run.learning[name][0]["train_seconds"] = seconds  # type: ignore[index]
    found, wanted = frontier(lake, ["r"]), study_document(Study((run,)))
    assert _rounded(found.model_dump()) == _rounded(wanted.model_dump())
    assert found.arms["centred"].curve.cost["trained_tokens"][-1] == trained * (STAGES - 1)


def test_operations_are_counted_where_the_parameters_are_known(lake: Lake, tmp_path: Path) -> None:
    """A stage of one problem: 4 draws of 10 tokens behind a prompt of 5; a step trains 120."""
    base, arms = tables(problems=2)
    write(lake, base, arms, run_id="known", parameters=1000)
    write(lake, base, arms, run_id="unknown", seed=2)
    cost = frontier(lake, ["known"]).arms["centred"].curve.cost["flops"]
    draws = 2 * GROUP * 15.0
    assert cost[GROUP - 1] == 2 * 1000 * draws
    assert cost[-1] == 2 * 1000 * draws * STAGES + 4 * 1000 * 2 * 120 * (STAGES - 1)
    for runs in (["unknown"], ["known", "unknown"]):
        assert "flops" not in frontier(lake, runs).arms["centred"].curve.cost
    path = tmp_path / "prices.toml"
    path.write_text('currency = "USD"\nflop = 1e-18\n')
    priced = frontier(lake, ["known"], load_prices(path)).arms["centred"].curve.cost
    assert priced["price"][-1] == pytest.approx(cost[-1] * 1e-18)
    with pytest.raises(RequestError, match="run 'unknown' does not know its model's parameters"):
        frontier(lake, ["known", "unknown"], load_prices(path))


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
    write(lake, base, arms)
    assert frontier(lake, ["r"]).verdict.startswith("no verdict: the study is unfinished")
    assert load_runs(lake, ["r"])[0].unjudged == GROUP
    steps = [_step("centred", 1, 1, "no_signal"), _step("centred", 1, 2, "diverged")]
    lake.append("train_steps", steps, run_id="r")
    (run,) = load_runs(lake, ["r"])
    assert run.unjudged == 0
    assert run.arms["centred"][keys(1)[0]].sizes.tolist() == [GROUP, GROUP, 0]
    document = frontier(lake, ["r"])
    assert document.arms["centred"].rollouts == document.arms["centred"].budget - GROUP


def test_fresh_draws_count_for_nothing_but_the_fresh_number(lake: Lake) -> None:
    """Every checkpoint of `centred` has two: all of them fast after the step that looks best."""
    base, arms = tables()
    write(lake, base, arms)
    before = frontier(lake, ["r"])
    assert before.arms["centred"].boa.fresh is None
    assert before.arms["centred"].boa.why_not_fresh
    hits = [np.nanmean(one[:, 0] > 1) for one in (base, arms["centred"], arms["centred"][:, 1:])]
    best = int(np.argmax(hits))
    drawn, verdicts = [], []
    for number, arm in enumerate(("base", "centred")):
        for step in range(number, STAGES):
            for problem in range(1, 8):
                for index in draw_indices(number, step, 2, "confirm"):
                    text = f"fresh-{arm}-{step}-{index}"
                    place = {"arm": arm, "step": step, "purpose": "confirm"}
                    drawn.append(candidate_row(problem, index, text) | place)
                    fast = step == best or index % 2
                    verdicts.append(
                        evaluation_row(problem, text, speedup=1.5 if fast else 0.5)
                        | {"wall_seconds": 1.0, "device": "cpu"}
                    )
    lake.append("candidates", drawn, run_id="r")
    lake.append("evaluations", verdicts, run_id="r")
    after = frontier(lake, ["r"])
    assert after.arms["centred"].boa.fresh == 1.0
    assert after.arms["centred"].boa.why_not_fresh is None
    assert after.arms["placebo"].boa.fresh is None
    strip = {"arms": {name: {"boa"} for name in after.arms}}
    assert after.model_dump(exclude=strip) == before.model_dump(exclude=strip)


def test_a_tail_is_part_of_its_stage(lake: Lake) -> None:
    """Two draws a round and two of its tail are one stage of four."""
    base, arms = tables()
    write(lake, base, arms)
    (row,) = lake.sql("SELECT config FROM runs_latest").to_pylist()
    config = json.loads(row["config"])
    config["adapt"] |= {"group": 1, "tail": GROUP - 1}
    asked = run_row("r", minute=1) | {"kind": "adapt", "config": json.dumps(config)}
    before = frontier(lake, ["r"])
    lake.append("runs", [asked], run_id="r")
    after = frontier(lake, ["r"])
    alike = {"arms": {name: {"splits"} for name in after.arms}}
    assert after.model_dump(exclude=alike) == before.model_dump(exclude=alike)
    assert before.arms["centred"].splits == []
    found = after.arms["centred"].splits
    assert [(one.steps, one.rollouts_per_problem) for one in found] == [(0, 4), (1, 5), (2, 6)]
    curve = after.arms["base"].curve.fast_1
    assert [one.best_of_n.mean for one in found] == pytest.approx(
        [curve[budget - 1].mean for budget in (4, 5, 6)]
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
