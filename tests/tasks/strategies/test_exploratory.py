"""Strategies beyond the contract, scores in SQL, plugins: what they rank by, when they abstain."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from storage import Lake
from tasks.errors import RequestError
from tasks.strategies import Applicability, base, strategies, strategy
from tasks.strategies.compute import strategies_document
from tasks.strategies.curve import curve
from tasks.strategies.expression import score_expression
from tasks.strategies.ledger import run_ledger
from tasks.strategies.load import load_draws
from tasks.strategies.plugin import load_plugin
from tests.storage.make import candidate_row, evaluation_row, run_row
from tests.tasks.strategies.make import draws, imported, random_rows

EXPLORATORY = {one.name for one in strategies(exploratory=True) if one.exploratory}


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake.open(tmp_path / "lake", create=True)


@pytest.fixture
def registry() -> Iterator[None]:
    before = dict(base._STRATEGIES)
    yield
    base._STRATEGIES.clear()
    base._STRATEGIES.update(before)


def with_tokens(lake: Lake, logprobs: dict[int, list[float]]) -> None:
    """Run r: problem 1, one correct draw per list of token log-probabilities."""
    lake.append("runs", [run_row("r")], run_id="r")
    rows = [candidate_row(1, i, f"h{i}") for i in logprobs]
    lake.append("candidates", rows, run_id="r")
    key = {"suite": "s", "level": 1, "problem_id": 1, "logprob_mode": "raw_logprobs"}
    tokens = [
        key | {"sample_index": i, "token_ids": [0] * len(values), "logprobs": values}
        for i, values in logprobs.items()
        if values
    ]
    lake.append("token_logprobs", tokens, run_id="r")
    lake.append("evaluations", [evaluation_row(1, f"h{i}") for i in logprobs], run_id="r")


def test_they_stay_out_unless_asked_for(lake: Lake, tmp_path: Path) -> None:
    imported(lake, "r", random_rows(3, 4, seed=1), tmp_path)
    assert not EXPLORATORY & set(strategies_document(lake, ["r"]).strategies)
    asked = strategies_document(lake, ["r"], exploratory=True)
    assert set(asked.strategies) >= EXPLORATORY
    primary = strategies_document(lake, ["r"])
    # Looking at more scores changes nothing for the family that was there before.
    assert [one for one in asked.comparisons if not one.exploratory] == primary.comparisons


def test_token_statistics_are_those_of_the_lists(lake: Lake) -> None:
    rng = np.random.default_rng(0)
    lists = {i: (-rng.gamma(1, 1, n)).tolist() for i, n in enumerate((1, 9, 16, 17, 25, 40))}
    with_tokens(lake, lists)
    (found,) = load_draws(lake, ["r"], needs=["lowest_tenth", "lowest_window"])
    for i, values in lists.items():
        tokens = np.float32(values).astype(np.float64)
        lowest = np.sort(tokens)[: int(np.ceil(len(tokens) / 10))].mean()
        width = min(16, len(tokens))
        windows = [tokens[j : j + width].mean() for j in range(len(tokens) - width + 1)]
        assert found.column("lowest_tenth")[i] == pytest.approx(lowest)
        assert found.column("lowest_window")[i] == pytest.approx(min(windows))


def test_without_token_logprobs_the_tail_abstains_and_says_why(lake: Lake) -> None:
    with_tokens(lake, {0: [-1.0, -2.0], 1: []})
    document = strategies_document(lake, ["r"], exploratory=True)
    tail = document.strategies["surprisal-tail"]
    assert tail.abstained_missing == 1
    assert tail.abstains is not None
    assert "lowest_tenth" in tail.abstains
    assert document.strategies["random"].abstains is None


def test_code_spans_that_are_not_stored_make_it_abstain(lake: Lake, tmp_path: Path) -> None:
    imported(lake, "r", random_rows(2, 6, seed=1), tmp_path)
    curve_ = strategies_document(lake, ["r"], exploratory=True).strategies["surprisal-code"]
    assert curve_.applicable == 0
    assert curve_.abstained_missing > 0


def test_length_control_leaves_what_length_does_not_explain() -> None:
    given = draws([-1.0, -2.0, -3.0, -4.0], [1.0, 1.0, 1.0, 1.0])
    lengths = np.array([10.0, 20.0, 40.0, 80.0])  # surprisal is a line in log length
    score = strategy("surprisal-at-length").all_scores(replace(given, n_tokens=lengths))
    np.testing.assert_allclose(score, 2.5, atol=1e-12)
    equal = strategy("surprisal-at-length").all_scores(given)
    np.testing.assert_allclose(equal, [1, 2, 3, 4])
    unknown = replace(given, n_tokens=np.full(4, np.nan))
    assert curve(strategy("surprisal-at-length"), unknown, [2]).applicability is (
        Applicability.MISSING
    )
    assert curve(strategy("shortest"), replace(given, n_tokens=lengths), [4]).pick == 0


def test_infinite_logprobs_order_and_do_not_spoil_the_spread() -> None:
    given = draws([-1.0, -np.inf, -2.0], [2.0, 3.0, 0.5])
    found = curve(strategy("surprisal"), given, [1, 2, 3])
    assert found.pick == 10
    assert found.applicability is Applicability.APPLICABLE
    assert np.isfinite(found.fast_1).all()


def test_a_speed_that_is_no_number_is_no_measurement(lake: Lake) -> None:
    lake.append("runs", [run_row("r")], run_id="r")
    lake.append("candidates", [candidate_row(1, i, f"h{i}") for i in range(4)], run_id="r")
    speeds = [2.0, float("inf"), float("nan"), -1.0]
    rows = [evaluation_row(1, f"h{i}", speedup=s) for i, s in enumerate(speeds)]
    lake.append("evaluations", rows, run_id="r")
    (found,) = load_draws(lake, ["r"])
    np.testing.assert_array_equal(found.speedup, [2.0, np.nan, np.nan, np.nan])
    assert found.correct.all()


def test_judging_in_order_saves_judging(lake: Lake, tmp_path: Path) -> None:
    imported(lake, "r", random_rows(4, 8, seed=3), tmp_path)
    document = strategies_document(lake, ["r"])
    assert document.strategies["oracle"].k[8].evaluations == pytest.approx(8)
    assert document.strategies["oracle"].spent == {}
    one, three = (document.strategies[name].k[8].evaluations for name in ("random", "random-top3"))
    assert one is not None
    assert three is not None
    assert 1 <= one <= three <= 8
    spent = document.strategies["surprisal"].spent
    assert spent[8].mean == pytest.approx(document.fast_1_at_k[8].mean)
    assert [spent[e].mean for e in (1, 2, 4, 8)] == sorted(spent[e].mean or 0 for e in (1, 2, 4, 8))


def test_a_strategy_is_worth_the_samples_that_reach_it(lake: Lake, tmp_path: Path) -> None:
    imported(lake, "r", random_rows(8, 8, seed=4), tmp_path)
    document = strategies_document(lake, ["r"])
    oracle, chance = (document.strategies[name].equivalent_k for name in ("oracle", "random"))
    assert oracle is not None
    assert chance is not None
    assert oracle.k is not None
    assert chance.k is not None
    assert oracle.at == 8
    # On a plateau the first K counts.
    assert 1 <= chance.k <= oracle.k <= 8


class TestScores:
    def test_a_known_score_written_as_sql_is_that_strategy(
        self, lake: Lake, tmp_path: Path
    ) -> None:
        imported(lake, "r", random_rows(4, 6, seed=2), tmp_path)
        scores = [score_expression("mine=-mean_logprob")]
        document = strategies_document(lake, ["r"], scores=scores)
        mine, top3 = document.strategies["mine"], document.strategies["mine-top3"]
        assert mine.k == document.strategies["surprisal"].k
        assert top3.k == document.strategies["surprisal-top3"].k
        assert ("mine", "random") in {(one.a, one.b) for one in document.comparisons}

    @pytest.mark.parametrize(
        ("text", "name", "sql"),
        [
            ("mean_logprob / n_tokens", "mean_logprob / n_tokens", "mean_logprob / n_tokens"),
            ("short=-n_tokens", "short", "-n_tokens"),
            ("speedup == 1", "speedup == 1", "speedup == 1"),
        ],
    )
    def test_names(self, text: str, name: str, sql: str) -> None:
        one = score_expression(text)
        assert (one.name, one.sql) == (name, sql)

    @pytest.mark.parametrize("text", ["nope + 1", "'text'", "mean_logprob)", "1; DROP TABLE x"])
    def test_what_is_no_score_is_one_line(self, lake: Lake, tmp_path: Path, text: str) -> None:
        imported(lake, "r", random_rows(1, 4, seed=2), tmp_path)
        with pytest.raises(RequestError, match="--score") as refused:
            strategies_document(lake, ["r"], scores=[score_expression(text)])
        assert "\n" not in str(refused.value)

    def test_an_empty_one_is_refused(self) -> None:
        with pytest.raises(RequestError, match="empty"):
            score_expression("  ")


@pytest.mark.usefixtures("registry")
class TestPlugins:
    def test_a_file_registers(self, tmp_path: Path) -> None:
        file = tmp_path / "mine.py"
        file.write_text(
            "from tasks.strategies import register_strategy\n"
            "@register_strategy('latest')\n"
            "def latest(draws):\n"
            "    return draws.sample_index.astype(float)\n"
        )
        assert load_plugin(file) == ["latest"]
        assert curve(strategy("latest"), draws([-1.0, -2.0], [1.0, 2.0]), [2]).pick == 10

    @pytest.mark.parametrize(
        ("text", "says"),
        [(None, "no file"), ("x = 1\n", "registers no strategy"), ("1 / 0\n", "ZeroDivisionError")],
    )
    def test_what_does_not_is_one_line(self, tmp_path: Path, text: str | None, says: str) -> None:
        file = tmp_path / "mine.py"
        if text is not None:
            file.write_text(text)
        with pytest.raises(RequestError, match=says):
            load_plugin(file)


def test_the_ledger_adds_up(lake: Lake) -> None:
    lake.append("runs", [run_row("r")], run_id="r")
    rows = [candidate_row(1, i, "a") | {"sample_seconds": 0.5} for i in range(3)]
    lake.append("candidates", rows, run_id="r")
    seconds = {"compile_seconds": 1.0, "check_seconds": 0.25, "time_seconds": 2.0}
    seconds |= {"wall_seconds": 4.0}
    now = seconds | {"draw_seconds": 0.5, "wall_seconds": 60.0}
    hung = now | {"status": "timeout", "timeout_s": 20.0}
    rows = [evaluation_row(1, "a") | one for one in (seconds, now, hung)]
    lake.append("evaluations", rows, run_id="r")
    found = {row["stage"]: row for row in run_ledger(lake, ["r"]).to_pylist()}
    assert found["sampling"]["rollouts"] == 3
    assert found["sampling"]["completion_tokens"] == 30
    assert found["sampling"]["seconds"] == 1.5
    judging = {stage: row["seconds"] for stage, row in found.items() if stage != "sampling"}
    assert judging == {
        "judge: compile": 3.0,
        "judge: draw": 1.0,
        "judge: check": 0.75,
        "judge: time": 6.0,
        "judge: rest": 0.75 + 20.0,
    }
    (total,) = lake.sql("SELECT sum(judge_seconds(e)) AS s FROM evaluations e")["s"].to_pylist()
    assert sum(judging.values()) == pytest.approx(total, abs=1e-9)
