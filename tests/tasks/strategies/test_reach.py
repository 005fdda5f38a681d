"""Runs and problems of unequal depth: the same ones at every k, the rest named."""

from __future__ import annotations

from itertools import combinations, pairwise
from math import comb
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from storage import Lake
from tasks.report.query import query
from tasks.strategies import strategies
from tasks.strategies.compute import strategies_document
from tasks.strategies.curve import curve
from tasks.strategies.document import StrategiesDocument
from tasks.strategies.reach import reach
from tasks.strategies.step import write_selections
from tests.storage.make import candidate_row, evaluation_row, run_row
from tests.tasks.statistics.brute import kept_sets
from tests.tasks.strategies.make import Row, draws, imported


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake.open(tmp_path / "lake", create=True)


@pytest.mark.parametrize(
    ("ns", "ks", "k"),
    [
        ([64] * 19 + [1], (1, 2, 4, 8, 16, 32, 64), 64),  # a problem with one draw
        ([4] * 20 + [64] * 20, (1, 2, 4, 8, 16, 32, 64), 4),  # two runs
        ([4] * 20 + [64] * 40, (1, 2, 4, 8, 16, 32, 64), 4),
        ([4] * 20 + [64] * 60, (1, 2, 4, 8, 16, 32, 64), 64),
        ([1, 16, 16], (1, 2, 4, 8, 16), 16),  # among one draw nothing is chosen
        ([1, 1, 16], (1, 2, 4, 8, 16), 1),
        ([1, 1, 1], (1,), 1),
        ([64] * 10 + [128] * 10, (1, 128), 1),
        ([64] * 10 + [128] * 10, (128,), 128),  # asked for by itself
        ([63, 64, 64, 64], (1, 32, 64), 64),
        ([4, 4], (8,), None),
        ([], (1, 2), None),
    ],
)
def test_how_deep_and_who(ns: list[int], ks: tuple[int, ...], k: int | None) -> None:
    given = [draws([-1.0] * n, [2.0] * n, i) for i, n in enumerate(ns)]
    found = reach(given, ks)
    assert found.k == k
    if k is not None:
        assert [one.n for one in found.kept] == [n for n in ns if n >= k]
        assert [one.n for one in found.left_out] == [n for n in ns if n < k]
        assert found.ks == tuple(one for one in ks if one <= k)


def ragged(seed: int, runs: int = 2, problems: int = 5) -> dict[str, list[Row]]:
    """Unequal n, tied and missing scores, some problems of which nothing is correct."""
    rng = np.random.default_rng(seed)
    found: dict[str, list[Row]] = {}
    for run in "abc"[:runs]:
        rows: list[Row] = []
        for problem in range(1, problems + 1):
            rate, n = rng.choice([0.0, 0.5, 1.0]), int(rng.integers(1, 7))
            holed = rng.random() < 0.3
            for i in range(n):
                right = bool(rng.random() < rate)
                score = None if holed and i == 0 else -float(rng.integers(1, 4))
                speed = float(rng.choice([0.5, 0.9, 1.2, 2.0])) if right else None
                rows.append((problem, i, score, right, speed))
        found[run] = rows
    return found


def expected(rows: list[Row], name: str, top: int, k: int) -> tuple[float, float, float]:
    """(fast_1, speedup, success) by every subset and every way to break ties."""
    holed = any(row[2] is None for row in rows)
    sign = {"surprisal": -1.0, "confidence": 1.0, "random": 0.0}[name]
    fast = mean = success = 0.0
    for subset in combinations(rows, k):
        right = [row for row in subset if row[3]]
        scores = [0.0 if holed else sign * (row[2] or 0.0) for row in right]
        success += bool(right)
        for kept, share in kept_sets(list(range(len(right))), scores, top):
            speed = max((right[i][4] or 0.0 for i in kept), default=0.0)
            fast, mean = fast + share * (speed > 1), mean + share * speed
    return fast / comb(len(rows), k), mean / comb(len(rows), k), success / comb(len(rows), k)


@pytest.mark.parametrize("seed", range(6))
def test_ragged_studies_are_the_mean_over_subsets_of_what_takes_part(
    lake: Lake, tmp_path: Path, seed: int
) -> None:
    runs = ragged(seed)
    for run, rows in runs.items():
        imported(lake, run, rows, tmp_path)
        write_selections(lake, run)
    document = strategies_document(lake, list(runs))
    k = document.compared.k
    assert k is not None
    parts: dict[int, list[list[Row]]] = {}
    for rows in runs.values():
        for problem in {row[0] for row in rows}:
            own = [row for row in rows if row[0] == problem]
            if len(own) >= k:
                parts.setdefault(problem, []).append(own)
    assert document.compared.problems == len(parts)
    for name in ("surprisal", "surprisal-top3", "confidence", "random", "random-top3"):
        base, top = name.removesuffix("-top3"), 3 if name.endswith("3") else 1
        for budget in (one for one in document.ks if one <= k):
            means = [
                np.mean([expected(own, base, top, budget) for own in blocks], axis=0)
                for blocks in parts.values()
            ]
            at = document.strategies[name].k[budget]
            assert at.problems == len(parts)
            found = (at.fast_1.mean, at.speedup_mean.mean, at.success.mean)
            assert found == pytest.approx(np.mean(means, axis=0), abs=1e-12)
    told = lake.sql(query("selections", list(runs)).text).to_pylist()
    assert {row["k"] for row in told} == {one for one in document.ks if one <= k}
    for row in told:
        at = document.strategies[row["strategy"]].k[row["k"]]
        assert (row["problems"], row["fast_1"]) == (at.problems, pytest.approx(at.fast_1.mean))


def rises(curve_: list[float | None]) -> bool:
    known = [value for value in curve_ if value is not None]
    return all(a <= b for a, b in pairwise(known))


@pytest.mark.parametrize("seed", range(6))
def test_no_curve_falls_and_none_exceeds_the_ceiling(lake: Lake, tmp_path: Path, seed: int) -> None:
    runs = ragged(seed, runs=3, problems=7)
    for run, rows in runs.items():
        imported(lake, run, rows, tmp_path)
    document = strategies_document(lake, list(runs))
    oracle = document.strategies["oracle"]
    assert rises([one.mean for one in document.pass_at_k.values()])
    assert rises([one.mean for one in document.fast_1_at_k.values()])
    for measure in ("fast_1", "speedup_mean", "speedup_geomean", "speedup_median"):
        ceiling = {k: getattr(at, measure).mean for k, at in oracle.k.items()}
        assert rises(list(ceiling.values()))
        for one in document.strategies.values():
            for k, at in one.k.items():
                value = getattr(at, measure).mean
                assert (value is None) == (ceiling[k] is None)
                assert value is None or value <= ceiling[k] + 1e-12


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(-3, 0).map(float), st.sampled_from([None, 0.5, 1.2, 1.5]),
                  st.booleans()),
        min_size=1, max_size=9,
    )
)  # fmt: skip
def test_no_choice_is_above_the_ceiling_whatever_is_sure(
    rows: list[tuple[float, float | None, bool]],
) -> None:
    given_ = draws([row[0] for row in rows], [row[1] for row in rows])
    given_.fast_1[:] &= np.array([row[2] for row in rows])  # others: intervals that hold 1
    ks = list(range(1, len(rows) + 1))
    top = curve(next(one for one in strategies() if one.ceiling), given_, ks)
    for one in strategies():
        found = curve(one, given_, ks)
        assert (found.fast_1 <= top.fast_1 + 1e-12).all()
        assert not (found.speedup_mean > top.speedup_mean + 1e-12).any()
        assert not (found.log_speedup_mean > top.log_speedup_mean + 1e-12).any()
    for measure in (top.fast_1, top.success, top.speedup_mean):
        assert (np.diff(measure) >= -1e-15).all()


def told(document: StrategiesDocument) -> str:
    assert document.compared.sentence is not None
    return document.compared.sentence


def test_what_is_left_out_is_named(lake: Lake, tmp_path: Path) -> None:
    rows: list[Row] = [(p, i, -float(i), True, 2.0) for p in range(1, 9) for i in range(8)]
    lone: list[Row] = [(9, 0, -1.0, True, 2.0)]
    imported(lake, "a", [*rows, *lone], tmp_path)
    document = strategies_document(lake, ["a"])
    assert (document.problems, document.compared.k, document.compared.problems) == (9, 8, 8)
    (left,) = document.compared.left_out
    assert (left.problem_id, left.draws, left.run_id) == (9, 1, "a")
    assert "8 of 9 problems are compared, up to k = 8" in told(document)
    assert "problem 9 (1)" in told(document)
    assert len(document.spread) == 9
    imported(lake, "b", [row for row in rows if row[1] < 2], tmp_path)
    both = strategies_document(lake, ["a", "b"])
    assert (both.compared.k, both.compared.problems) == (2, 8)
    assert "Beyond it only some have enough" in told(both)
    imported(lake, "c", rows, tmp_path)
    imported(lake, "d", rows, tmp_path)
    four = strategies_document(lake, ["a", "b", "c", "d"])
    assert (four.compared.k, four.compared.problems) == (2, 8)
    imported(lake, "e", rows, tmp_path)
    five = strategies_document(lake, ["a", "b", "c", "d", "e"])
    assert five.compared.k == 8
    assert "run b" in told(five)


def test_costs_are_of_the_problems_that_success_is_of(lake: Lake) -> None:
    """Tokens of a problem that is left out count nowhere; one without any makes them unknown."""
    lake.append("runs", [run_row("r")], run_id="r")
    shapes = [(1, 4, 10), (2, 4, 30), (3, 4, 20), (4, 4, 20), (5, 1, 1000)]
    lake.append(
        "candidates",
        [
            candidate_row(p, i, f"h{p}-{i}") | {"n_tokens": t}
            for p, n, t in shapes
            for i in range(n)
        ],
        run_id="r",
    )
    verdicts = [
        evaluation_row(p, f"h{p}-{i}") | {"wall_seconds": float(p)}
        for p, n, _ in shapes
        for i in range(n)
    ]
    lake.append("evaluations", verdicts, run_id="r")
    at = strategies_document(lake, ["r"]).strategies["random"].k[4]
    assert (at.problems, at.tokens, at.judge_seconds) == (4, 80, 2.5)
    lake.append("candidates", [candidate_row(6, i, "x") | {"n_tokens": None} for i in range(4)],
                run_id="r")  # fmt: skip
    lake.append("evaluations", [evaluation_row(6, "x")], run_id="r")
    at = strategies_document(lake, ["r"]).strategies["random"].k[4]
    assert (at.problems, at.tokens, at.judge_seconds) == (5, None, None)
    (row,) = [
        row
        for row in lake.sql(query("price", ["r"]).text).to_pylist()
        if (row["strategy"], row["k"]) == ("random", 4)
    ]
    assert (row["tokens"], row["judge_seconds"]) == (None, None)
