"""The SQL beside a figure gives the figure's numbers, computed another way."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from storage import Lake
from tasks.report.query import query
from tasks.report.statistics import Statistics, statistics_of
from tasks.strategies.compute import strategies_document
from tasks.strategies.step import write_selections
from tests.tasks.report.synthetic import write_run
from tests.tasks.strategies.make import Row, imported


@dataclass
class Told:
    """Runs, and what the page says of them."""

    lake: Lake
    runs: list[str]

    @cached_property
    def statistics(self) -> Statistics:
        return statistics_of(strategies_document(self.lake, self.runs))

    def rows(self, name: str) -> list[dict[str, Any]]:
        """What the SQL beside a figure finds."""
        return self.lake.sql(query(name, self.runs).text).to_pylist()


@pytest.fixture(scope="module", params=["one run", "two runs", "no log-probabilities"])
def told(
    request: pytest.FixtureRequest, demo: Lake, tmp_path_factory: pytest.TempPathFactory
) -> Told:
    if request.param == "one run":
        return Told(demo, ["demo"])
    root = tmp_path_factory.mktemp("lake") / "lake"
    if request.param == "two runs":
        # Runs that differ in problems and in depth: the problem is the unit, its runs averaged.
        write_run(root, "a", problems=[4, 5, 12], k=9, seed=1)
        lake, runs = write_run(root, "b", problems=[5, 12, 36], k=16, seed=2), ["a", "b"]
    else:
        lake, runs = write_run(root, "a", logprobs=False, k=8), ["a"]
    for run in runs:
        write_selections(lake, run)
    return Told(lake, runs)


def test_scaling(told: Told) -> None:
    statistics = told.statistics
    curves = {"pass": statistics.pass_at_k, "fast_1": statistics.fast_1_at_k}
    rows = told.rows("scaling")
    assert {(row["measure"], row["k"]) for row in rows} == {
        (measure, k) for measure, curve in curves.items() for k in curve
    }
    for row in rows:
        assert row["value"] == pytest.approx(curves[row["measure"]][row["k"]].mean, abs=1e-9)


def test_strategies_from_the_draws(told: Told) -> None:
    statistics = told.statistics
    rows = told.rows("strategies")
    assert {row["strategy"] for row in rows} == {"oracle", "random", "surprisal", "confidence"}
    for row in rows:
        expected = statistics.strategies[row["strategy"]].fast_1[row["k"]]
        assert row["fast_1"] == pytest.approx(expected.mean, abs=1e-9), row


def test_strategies_from_the_selections(told: Told) -> None:
    statistics = told.statistics
    rows = {(row["strategy"], row["k"]): row for row in told.rows("selections")}
    for name, strategy in statistics.strategies.items():
        for k, expected in strategy.fast_1.items():
            assert rows[name, k]["fast_1"] == pytest.approx(expected.mean, abs=1e-9)
            mean = strategy.speedup_mean[k].mean
            assert rows[name, k]["speedup_mean"] == pytest.approx(mean, abs=1e-9)
            geomean = strategy.speedup_geomean[k].mean
            assert rows[name, k]["speedup_geomean"] == pytest.approx(geomean, abs=1e-9)


def test_success_against_evaluations(told: Told) -> None:
    statistics = told.statistics
    rows = told.rows("spent")
    named = ("surprisal", "confidence", "random")
    assert {(row["strategy"], row["evaluations"]) for row in rows} == {
        (name, e) for name in named for e in statistics.strategies[name].spent
    }
    for row in rows:
        its = statistics.strategies[row["strategy"]]
        e = row["evaluations"]
        assert row["fast_1"] == pytest.approx(its.spent[e].mean, abs=1e-9), row
        assert row["judge_seconds"] == pytest.approx(its.spent_seconds[e], abs=1e-9), row


def test_what_a_pick_costs(told: Told) -> None:
    statistics = told.statistics
    rows = told.rows("price")
    assert {row["strategy"] for row in rows} == {"surprisal", "confidence", "random"}
    for row in rows:
        cost = statistics.strategies[row["strategy"]].costs[row["k"]]
        assert row["evaluations"] == pytest.approx(cost.evaluations, abs=1e-9), row
        assert row["judge_seconds"] == pytest.approx(cost.judge_seconds, abs=1e-9), row
        assert row["tokens"] == pytest.approx(cost.tokens, rel=1e-9), row


def test_each_run_by_itself(told: Told) -> None:
    rows = told.rows("by_run")
    assert {row["run_id"] for row in rows} == set(told.runs)
    for run in told.runs:
        alone = statistics_of(strategies_document(told.lake, [run]))
        for row in (row for row in rows if row["run_id"] == run):
            expected = alone.strategies[row["strategy"]].fast_1[row["k"]].mean
            assert row["fast_1"] == pytest.approx(expected, abs=1e-9), row
            assert row["success"] == pytest.approx(alone.pass_at_k[row["k"]].mean, abs=1e-9), row


def test_quarters(told: Told) -> None:
    found = strategies_document(told.lake, told.runs).association.quartiles
    rows = [row for row in told.rows("quartiles") if row["ranking"] == "within problem"]
    assert len(rows) == len(found) == (0 if "a" in told.runs and len(told.runs) == 1 else 4)
    for row, expected in zip(rows, found, strict=True):
        assert row["draws"] == pytest.approx(expected.draws)
        assert row["fast_1"] == pytest.approx(expected.fast_1)
        assert row["speedup_geomean"] == pytest.approx(expected.speedup_geomean)
        assert row["speedup_mean"] == pytest.approx(expected.speedup_mean)
        assert row["n_tokens"] == pytest.approx(expected.tokens)
    for ranking in {row["ranking"] for row in told.rows("quartiles")}:
        held = [row["draws"] for row in told.rows("quartiles") if row["ranking"] == ranking]
        assert held == pytest.approx([held[0]] * 4)


def test_quarters_of_few_draws_have_no_remainder(tmp_path: Path) -> None:
    """Half of the problems with five correct draws, all slow, half with eight, all fast: a score
    that is noise leaves every quarter alike."""
    rng = np.random.default_rng(0)
    rows: list[Row] = [
        (p, i, -float(rng.random()), i < (5 if p % 2 else 8), 0.5 if p % 2 else 2.0)
        for p in range(20)
        for i in range(8)
    ]
    lake = Lake.open(tmp_path / "lake", create=True)
    imported(lake, "r", [(p, i, s, c, v if c else None) for p, i, s, c, v in rows], tmp_path)
    found = strategies_document(lake, ["r"]).association.quartiles
    assert [one.fast_1 for one in found] == pytest.approx([8 / 13] * 4)
    within = lake.sql(query("quartiles", ["r"]).text).to_pylist()[4:]
    assert [row["fast_1"] for row in within] == pytest.approx([8 / 13] * 4)
    assert [row["speedup_median"] for row in within] == [2.0] * 4


def test_fast_p_falls_from_pass_at_k(told: Told) -> None:
    statistics = told.statistics
    rows = told.rows("fast_p")
    for k in statistics.pass_at_k:
        values = [row["fast_p"] for row in rows if row["k"] == k]
        assert values[0] == pytest.approx(statistics.pass_at_k[k].mean, abs=1e-9)
        assert values == sorted(values, reverse=True)
    # Of one draw it is the share itself, here counted draw by draw; runs averaged, then problems.
    shares: dict[int, list[float]] = {}
    for run in told.runs:
        draws = told.lake.results([run]).to_pylist()
        for problem in {draw["problem_id"] for draw in draws}:
            own = [draw for draw in draws if draw["problem_id"] == problem]
            fast = sum(draw["correct"] and draw["speedup"] > 1.25 for draw in own)
            shares.setdefault(problem, []).append(fast / len(own))
    expected = sum(sum(one) / len(one) for one in shares.values()) / len(shares)
    (found,) = [row["fast_p"] for row in rows if row["k"] == 1 and row["p"] == 1.25]
    assert found == pytest.approx(expected)


def test_one_more_draw_adds_what_leaving_one_out_takes(demo: Lake) -> None:
    rows = {row["problem_id"]: row for row in demo.sql(query("next", ["demo"]).text).to_pylist()}
    draws = demo.results(["demo"]).to_pylist()
    for problem, row in rows.items():
        own = [draw for draw in draws if draw["problem_id"] == problem]
        worth = [max(math.log(d["speedup"]), 0) if d["correct"] else 0.0 for d in own]
        without = [max(worth[:i] + worth[i + 1 :]) for i in range(len(worth))]
        assert row["gain"] == pytest.approx(max(worth) - sum(without) / len(worth), abs=1e-12)
        assert row["best"] == pytest.approx(math.exp(max(worth)))
        assert row["fast_1"] == sum(bool(draw["fast_1"]) for draw in own)
        assert (row["at_most"] is None) is (row["fast_1"] > 0)
    rates = [row["gain_per_second"] for row in rows.values()]
    assert rates == sorted(rates, reverse=True)


def test_problem_counts_agree_with_the_draws(tmp_path: Path) -> None:
    lake = write_run(tmp_path / "lake", problems=[5, 12])
    rows = lake.sql(query("problems", ["demo"]).text).to_pylist()
    draws = lake.results(["demo"]).to_pylist()
    for row in rows:
        own = [draw for draw in draws if draw["problem_id"] == row["problem_id"]]
        fast = [draw["speedup"] for draw in own if draw["correct"]]
        assert row["draws"] == len(own)
        assert row["correct"] == len(fast)
        assert row["speedup"] == max(fast)
        assert row["speedup_low"] < row["speedup"] < row["speedup_high"]
    statuses = lake.sql(query("status", ["demo"]).text).to_pylist()
    assert sum(row["draws"] for row in statuses) == len(draws)


def test_picks_are_what_the_selections_say(demo: Lake) -> None:
    stored = demo.sql(
        "SELECT problem_id, strategy, pick_sample_index FROM selections_latest WHERE k = 16"
    ).to_pylist()
    picked = {
        (row["problem_id"], name): row["sample_index"]
        for row in demo.sql(query("picks", ["demo"]).text).to_pylist()
        for name in row["strategies"].split(", ")
    }
    assert picked
    for row in stored:
        if (row["problem_id"], row["strategy"]) in picked:
            assert picked[row["problem_id"], row["strategy"]] == row["pick_sample_index"], row
