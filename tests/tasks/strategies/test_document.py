"""`bon strategies --json` against the definitions, subset by subset."""

from __future__ import annotations

import json
from itertools import combinations
from math import comb
from pathlib import Path

import numpy as np
import pytest

from storage import Lake, RunUnknownError
from tasks.errors import RequestError
from tasks.strategies.compute import strategies_document
from tasks.strategies.select import select_run
from tests.storage.make import candidate_row, evaluation_row, run_row
from tests.tasks.strategies.make import Row, imported, random_rows

N, PROBLEMS = 7, 6


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake.open(tmp_path / "lake", create=True)


def picks(rows: list[Row], score: str, top: int) -> Row | None:
    """The rule as a person would write it."""
    correct = [row for row in rows if row[3]]
    sign = {"surprisal": -1, "confidence": 1}[score]
    kept = sorted(correct, key=lambda row: sign * (row[2] or 0), reverse=True)[:top]
    return max(kept, key=lambda row: row[4] or 0, default=None)


@pytest.mark.parametrize(
    ("name", "score", "top"),
    [
        ("surprisal", "surprisal", 1),
        ("surprisal-top3", "surprisal", 3),
        ("confidence", "confidence", 1),
        ("confidence-top3", "confidence", 3),
    ],
)
def test_every_number_is_the_mean_over_subsets(
    lake: Lake, tmp_path: Path, name: str, score: str, top: int
) -> None:
    rows = random_rows(PROBLEMS, N, seed=3)
    imported(lake, "r", rows, tmp_path)
    document = strategies_document(lake, ["r"], ks=[1, 3, 7])
    for k in (1, 3, 7):
        fast, mean, logs = [], [], []
        for problem_id in range(1, PROBLEMS + 1):
            mine = [row for row in rows if row[0] == problem_id]
            chosen = [picks(list(s), score, top) for s in combinations(mine, k)]
            speeds = [row[4] or 0.0 for row in chosen if row]
            fast.append(sum(s > 1 for s in speeds) / comb(N, k))
            mean.append(sum(speeds) / comb(N, k))
            if speeds:
                logs.append(np.mean(np.log(speeds)))
        at = document.strategies[name].k[k]
        assert at.problems == PROBLEMS
        assert at.fast_1.mean == pytest.approx(np.mean(fast))
        assert at.speedup_mean.mean == pytest.approx(np.mean(mean))
        assert at.speedup_geomean.mean == pytest.approx(np.exp(np.mean(logs)))


def test_the_json_has_the_contracts_shape(lake: Lake, tmp_path: Path) -> None:
    imported(lake, "r", random_rows(PROBLEMS, 8, seed=1), tmp_path)
    document = strategies_document(lake, ["r"]).model_dump(mode="json")
    assert json.loads(json.dumps(document, allow_nan=False)) == document
    assert document["runs"] == ["r"]
    assert document["problems"] == PROBLEMS
    assert list(document["pass_at_k"]) == ["1", "2", "4", "8"]
    assert list(document["fast_1_at_k"]) == ["1", "2", "4", "8"]
    assert document["comparisons"]
    for strategy in document["strategies"].values():
        assert list(strategy["k"]) == ["1", "2", "4", "8"]
        for at in strategy["k"].values():
            for measure in ("fast_1", "speedup_geomean", "speedup_mean"):
                estimate = at[measure]
                assert set(estimate) == {"mean", "low", "high"}
                assert estimate["low"] <= estimate["mean"] <= estimate["high"]


def test_beyond_n_everything_is_null(lake: Lake, tmp_path: Path) -> None:
    imported(lake, "r", random_rows(PROBLEMS, 4, seed=1), tmp_path)
    document = strategies_document(lake, ["r"], ks=[4, 8]).model_dump(mode="json")
    nothing = {"mean": None, "low": None, "high": None}
    assert document["pass_at_k"]["8"] == document["fast_1_at_k"]["8"] == nothing
    at = document["strategies"]["surprisal"]["k"]["8"]
    assert at.pop("problems") == 0
    assert all(value in (nothing, None) for value in at.values())
    assert {one["k"] for one in document["comparisons"]} == {4}


def test_no_correct_draw_is_a_failure_and_no_speedup(lake: Lake, tmp_path: Path) -> None:
    rows: list[Row] = [
        (p, i, -float(i), p == 1, 2.0 if p == 1 else None) for p in (1, 2) for i in (0, 1)
    ]
    imported(lake, "r", rows, tmp_path)
    at = strategies_document(lake, ["r"]).strategies["surprisal"].k[2]
    assert (at.fast_1.mean, at.speedup_mean.mean) == (0.5, 1.0)
    assert at.speedup_geomean.mean == pytest.approx(2.0)
    # One problem with a speedup says nothing about others.
    assert at.speedup_geomean.low is None


def test_one_problem_has_values_without_intervals(lake: Lake, tmp_path: Path) -> None:
    imported(lake, "r", random_rows(1, 8, seed=2), tmp_path)
    document = strategies_document(lake, ["r"])
    estimate = document.strategies["surprisal"].k[4].fast_1
    assert estimate.mean is not None
    assert (estimate.low, estimate.high) == (None, None)


def test_seeds_are_averaged_before_problems(lake: Lake, tmp_path: Path) -> None:
    first, second = random_rows(PROBLEMS, 8, seed=1), random_rows(PROBLEMS, 4, seed=2)
    imported(lake, "a", first, tmp_path)
    imported(lake, "b", second, tmp_path)
    both = strategies_document(lake, ["a", "b"])
    assert both.problems == PROBLEMS
    assert both.samples == 12 * PROBLEMS
    alone = [strategies_document(lake, [run]).pass_at_k for run in ("a", "b")]
    expected = np.mean([one[4].mean for one in alone])
    assert both.pass_at_k[4].mean == pytest.approx(expected)
    # Beyond what both runs have, one of them alone would be another curve.
    assert both.pass_at_k[8].mean is None


def test_harness_errors_and_unjudged_draws_count_against_nobody(lake: Lake) -> None:
    lake.append("runs", [run_row("r")], run_id="r")
    lake.append("candidates", [candidate_row(1, i, h) for i, h in enumerate("abcd")], run_id="r")
    verdicts = [evaluation_row(1, "a"), evaluation_row(1, "b", status="rejected")]
    failed = evaluation_row(1, "c", status="harness_error")
    lake.append("evaluations", [*verdicts, failed], run_id="r")
    document = strategies_document(lake, ["r"])
    assert document.samples == 2
    assert document.pass_at_k[1].mean == 0.5


def test_comparisons_tell_the_better_from_the_worse(lake: Lake, tmp_path: Path) -> None:
    # The less likely, the faster, on each of twelve problems.
    rows: list[Row] = [
        (p, i, -float(i), True, 0.5 + i + p / 100) for p in range(12) for i in range(4)
    ]
    imported(lake, "r", rows, tmp_path)
    document = strategies_document(lake, ["r"])
    found = {(one.a, one.b): one for one in document.comparisons}
    one = found["surprisal", "confidence"]
    assert (one.k, one.problems, one.applicable) == (4, 12, 12)
    assert (one.fast_1.a_better, one.fast_1.b_better) == (12, 0)
    assert one.fast_1.difference.mean == 1.0
    assert one.fast_1.cohens_h == pytest.approx(np.pi)
    # Two arms of 0 and 1 have McNemar's test, and the test of their difference goes by it; all
    # twelve alike: half of (1/2)^12 on either side, by mid-P.
    assert (one.fast_1.test, one.verdict) == ("mcnemar-mid-p", "better")
    assert one.fast_1.mcnemar_p == pytest.approx(2 * 0.5**12)
    assert one.fast_1.p == one.fast_1.p_holm == pytest.approx(0.5**12)
    assert one.fast_1.no_mcnemar is None
    assert one.speedup.wilcoxon_p == pytest.approx(2 * 0.5**12)
    # Holm multiplies the smaller of the two rivals' p-values, here alike, by two.
    assert one.speedup.wilcoxon_p_holm == pytest.approx(2 * 2 * 0.5**12)
    control = found["surprisal", "random"]
    assert (control.fast_1.test, control.fast_1.rules) == ("random-scores", 2)
    assert control.fast_1.mcnemar_p is None
    assert "on how many problems" in (control.fast_1.no_mcnemar or "")
    assert control.speedup.wilcoxon_p is None
    assert "as often above 0 as below" in (control.speedup.no_wilcoxon or "")
    assert ("surprisal-top3", "random-top3") in found
    assert not any("oracle" in pair for pair in found)


def test_what_abstains_is_counted(lake: Lake, tmp_path: Path) -> None:
    wide: list[Row] = [(1, i, -float(i), True, 1.0 + i) for i in range(4)]
    narrow: list[Row] = [(2, i, -i / 1000, True, 1.0 + i) for i in range(4)]
    holed: list[Row] = [(3, i, -float(i) if i else None, True, 1.0 + i) for i in range(4)]
    tied: list[Row] = [(4, i, -1.0, True, 1.0 + i) for i in range(4)]
    imported(lake, "r", [*wide, *narrow, *holed, *tied], tmp_path)
    document = strategies_document(lake, ["r"])
    curve = document.strategies["surprisal"]
    assert (curve.problems, curve.applicable) == (4, 2)
    assert (curve.abstained_tied, curve.abstained_missing) == (1, 1)
    assert curve.abstained_narrow is None
    assert document.strategies["random"].applicable == 4
    assert [one.applicable for one in document.spread] == [True, True, True, False]


def test_the_same_request_gives_the_same_document(lake: Lake, tmp_path: Path) -> None:
    imported(lake, "r", random_rows(PROBLEMS, 8, seed=1), tmp_path)
    assert strategies_document(lake, ["r"]) == strategies_document(lake, ["r", "r"])
    assert strategies_document(lake, ["r"], seed=1) != strategies_document(lake, ["r"])


def test_requests_that_cannot_be_met(lake: Lake, tmp_path: Path) -> None:
    imported(lake, "r", random_rows(1, 4, seed=1), tmp_path)
    with pytest.raises(RunUnknownError, match=r"'s'.*r"):
        strategies_document(lake, ["r", "s"])
    with pytest.raises(RequestError, match="no run named"):
        strategies_document(lake, [])
    with pytest.raises(RequestError, match="at least 1"):
        strategies_document(lake, ["r"], ks=[0])


@pytest.mark.parametrize("ks", [None, [1, 2]])
def test_a_run_without_verdicts_has_nothing_to_say(lake: Lake, ks: list[int] | None) -> None:
    lake.append("runs", [run_row("fresh")], run_id="fresh")
    lake.append("candidates", [candidate_row(1, 0, "a")], run_id="fresh")
    document = strategies_document(lake, ["fresh"], ks)
    assert (document.problems, document.samples) == (0, 0)
    assert all(one.mean is None for one in document.pass_at_k.values())
    assert {one.problems for one in document.strategies.values()} == {0}
    assert select_run(lake, "fresh").num_rows == 0


@pytest.mark.parametrize("problems", [3, 5])
def test_of_few_problems_nothing_is_tested(lake: Lake, tmp_path: Path, problems: int) -> None:
    """One fast draw of 16 each, always the most surprising: beyond chance, and of too few."""
    rows: list[Row] = [
        (p, i, -1.0 - i, True, 2.0 if i == 15 else 0.5) for p in range(problems) for i in range(16)
    ]
    imported(lake, "r", rows, tmp_path)
    found = strategies_document(lake, ["r"], [16])
    one = next(c for c in found.comparisons if (c.a, c.b) == ("surprisal", "random"))
    assert one.verdict == "open"
    assert (one.fast_1.p, one.fast_1.p_holm) == (None, None)
    low, high = one.fast_1.difference.low, one.fast_1.difference.high
    assert low is not None
    assert high is not None
    assert low <= 0 < high
