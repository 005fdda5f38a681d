"""The SQL macros against the Python estimators, and the cookbook's queries one by one."""

from __future__ import annotations

import re
from collections.abc import Sequence
from math import prod
from pathlib import Path

import duckdb
import numpy as np
import pytest

from storage import Lake
from storage.duckdb_file import write_duckdb_file
from tasks.statistics import best_at_k, pass_at_k
from tasks.strategies import strategy
from tasks.strategies.compute import strategies_document
from tasks.strategies.curve import curve
from tasks.strategies.load import load_draws
from tasks.strategies.reach import reach
from tasks.strategies.step import write_selections
from tasks.strategies.study import default_ks
from tests.tasks.strategies.make import Row, draws, imported, random_rows

COOKBOOK = Path(__file__).parents[2] / "docs" / "sql.md"
QUERIES = re.findall(r"```sql\n(.*?)```", COOKBOOK.read_text(encoding="utf-8"), re.DOTALL)
EXAMPLES = re.findall(r"```duckdb\n(.*?)```", COOKBOOK.read_text(encoding="utf-8"), re.DOTALL)


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    folder = tmp_path_factory.mktemp("macros")
    lake = Lake.open(folder / "lake", create=True)
    imported(lake, "a", random_rows(5, 9, seed=1), folder)
    tied: Sequence[Row] = [
        (
            p,
            i,
            None if p == 4 and i == 0 else -float(i // 3),
            i % 2 == 0,
            0.5 + i if i % 2 == 0 else None,
        )
        for p in (1, 2, 4)
        for i in range(8)
    ]
    imported(lake, "b", tied, folder)
    for run in ("a", "b"):
        write_selections(lake, run)
    return lake


@pytest.mark.parametrize("k", [1, 3, 8, 9])
def test_pass_at_k_is_the_estimator(lake: Lake, k: int) -> None:
    rows = lake.sql(
        f"SELECT n, c, pass_at_k(n, c, {k}) AS value "
        "FROM range(1, 12) AS ns(n), range(0, 12) AS cs(c) WHERE c <= n"
    ).to_pylist()
    assert len(rows) > 60
    for row in rows:
        expected = float(pass_at_k(row["n"], row["c"], k))
        assert (row["value"] is None) == np.isnan(expected)
        if row["value"] is not None:
            assert row["value"] == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("k", [1, 2, 5, 8])
@pytest.mark.parametrize(
    ("name", "score"),
    [("surprisal", "-mean_logprob"), ("confidence", "mean_logprob"), ("random", "0")],
)
def test_strategy_at_k_is_the_closed_form(lake: Lake, name: str, score: str, k: int) -> None:
    rows = {
        (row["run_id"], row["problem_id"]): row
        for row in lake.sql(f"SELECT * FROM strategy_at_k({score}, {k})").to_pylist()
    }
    for one in load_draws(lake, ["a", "b"]):
        found, row = curve(strategy(name), one, [k]), rows[one.run_id, one.problem_id]
        assert row["fast_1"] == pytest.approx(found.fast_1[0], abs=1e-12)
        assert row["success"] == pytest.approx(found.success[0], abs=1e-12)
        assert row["speedup_mean"] == pytest.approx(found.speedup_mean[0], abs=1e-12)


def test_best_of_is_the_expected_maximum(lake: Lake) -> None:
    rows = {
        (row["run_id"], row["problem_id"]): row
        for row in lake.sql("SELECT * FROM best_of(4)").to_pylist()
    }
    for one in load_draws(lake, ["a", "b"]):
        values = np.nan_to_num(one.speedup)
        row = rows[one.run_id, one.problem_id]
        assert row["best_at_k"] == pytest.approx(best_at_k(values, [4])[0])
        assert row["fast_1_at_k"] == pytest.approx(float(pass_at_k(one.n, one.fast_1.sum(), 4)))


UNDEFINED = [
    (10, "NULL", 1),
    ("NULL", 1, 1),
    (10, 1, "NULL"),
    (3, 5, 1),
    (10, -1, 1),
    (10, 3, 0),
    (10, 3, -1),
    (10, 3, 11),
    (0, 0, 1),
    (10, 3, 1.5),
    (10, 2.5, 1),
    (9.5, 2, 1),
    ("'nan'::DOUBLE", 1, 1),
    (10, "'nan'::DOUBLE", 1),
    (10, 1, "'nan'::DOUBLE"),
    ("'inf'::DOUBLE", 1, 1),
]


def test_what_is_undefined_is_null(lake: Lake) -> None:
    for n, c, k in UNDEFINED:
        for source in ("", f" FROM (VALUES ({n}, {c}, {k})) AS t(n, c, k)"):
            given = "n, c, k" if source else f"{n}, {c}, {k}"
            query = f"SELECT pass_at_k({given}) AS p, avoids({given}) AS q{source}"
            assert lake.sql(query).to_pylist() == [{"p": None, "q": None}], (n, c, k, source)
    # Whole numbers are whole in every type.
    (row,) = lake.sql(
        "SELECT pass_at_k(10::DOUBLE, 3::DECIMAL(4, 1), 2::UTINYINT) AS p"
    ).to_pylist()
    assert row["p"] == pytest.approx(1 - 7 * 6 / (10 * 9))
    for k in ("1.5", "0", "NULL"):
        for query in (f"strategy_at_k(mean_logprob, {k})", f"best_of({k})"):
            rows = lake.sql(f"SELECT * FROM {query}").to_pylist()
            assert rows
            assert {row.get("fast_1", row.get("fast_1_at_k")) for row in rows} == {None}


@pytest.mark.parametrize(
    "ns", [[], [1], [64] * 19 + [1], [4] * 3 + [64] * 3, [1, 1, 16], [1, 16, 16], [3, 5, 9, 70, 2]]
)
def test_runs_are_compared_as_deep_as_in_python(lake: Lake, ns: list[int]) -> None:
    given = [draws([-1.0] * n, [2.0] * n) for n in ns]
    found = lake.sql(f"SELECT deepest({ns}::BIGINT[]) AS k").to_pylist()[0]["k"]
    assert found == reach(given, default_ks(max(ns, default=0))).k


def test_what_is_compared_is_what_python_compares(lake: Lake) -> None:
    rows = lake.sql("SELECT * FROM compared(['a', 'b'])").to_pylist()
    document = strategies_document(lake, ["a", "b"])
    assert {row["deepest"] for row in rows} == {document.compared.k}
    assert len({row["problem_id"] for row in rows}) == document.compared.problems


def test_a_correct_draw_without_a_speedup_leaves_speedups_null(lake: Lake) -> None:
    text = (
        "CREATE OR REPLACE TEMP VIEW judged AS SELECT * REPLACE "
        "(if(sample_index = 0 AND problem_id = 1, NULL, speedup) AS speedup) FROM kept"
    )
    with lake.connect(["b"]) as connection:
        connection.execute("CREATE TABLE kept AS SELECT * FROM judged")
        connection.execute(text)
        best = connection.execute("SELECT problem_id, best_at_k FROM best_of(2)").fetchall()
        picked = connection.execute(
            "SELECT problem_id, speedup_mean, fast_1 FROM strategy_at_k(-mean_logprob, 2)"
        ).fetchall()
    assert {row[0] for row in best if row[1] is None} == {1}
    assert {row[0] for row in picked if row[1] is None} == {1}
    assert all(row[2] is not None for row in picked)


def test_beyond_n_all_is_null(lake: Lake) -> None:
    rows = lake.sql("SELECT * FROM strategy_at_k(mean_logprob, 10)").to_pylist()
    assert {row["fast_1"] for row in rows} == {None}
    assert {row["success"] for row in rows} == {None}
    assert {row["best_at_k"] for row in lake.sql("SELECT * FROM best_of(10)").to_pylist()} == {None}


def test_stored_counts_are_those_of_the_draws(lake: Lake) -> None:
    columns = "run_id, suite, level, problem_id, n, n_correct, n_fast_1"
    stored = lake.sql(f"SELECT {columns} FROM counts ORDER BY ALL").to_pylist()
    afresh = lake.sql(
        "SELECT run_id, suite, level, problem_id, count(*) AS n, count(*) FILTER (correct) AS "
        "n_correct, count(*) FILTER (fast_1) AS n_fast_1 FROM judged GROUP BY ALL ORDER BY ALL"
    ).to_pylist()
    assert stored == afresh
    assert len(stored) == 8


def test_champions_are_the_fastest_of_all_runs(lake: Lake) -> None:
    rows = lake.sql("SELECT * FROM champions()").to_pylist()
    best = lake.sql("SELECT problem_id, max(speedup) AS s FROM results GROUP BY ALL").to_pylist()
    assert {row["problem_id"]: row["speedup"] for row in rows} == {
        row["problem_id"]: row["s"] for row in best if row["s"] is not None
    }


def test_the_cookbook_is_long_enough() -> None:
    assert len(QUERIES) >= 15


@pytest.mark.parametrize("query", QUERIES, ids=[f"{i:02}" for i in range(len(QUERIES))])
def test_the_cookbooks_queries_run(lake: Lake, query: str) -> None:
    answer = lake.sql(query)
    assert answer.num_columns > 0
    empty = "flagged" in query or "rejected" in query or "speedup_low > 1" in query
    assert len(answer) > 0 or empty


def test_the_example_data_says_what_the_cookbook_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(COOKBOOK.parents[1])
    (query,) = EXAMPLES
    rows = {row[0]: row[1:] for row in duckdb.sql(query).fetchall()}
    assert len(rows) == 20
    assert [round(value) for value in rows[12][1:]] == [66, 44, 1]
    assert sum(surprising < surest for _, _, surest, surprising in rows.values()) == 13


def test_the_generated_file_has_the_macros(lake: Lake) -> None:
    with duckdb.connect() as shell:
        shell.execute(write_duckdb_file(lake).read_text())
        assert shell.execute("SELECT pass_at_k(4, 2, 1)").fetchall() == [(pytest.approx(0.5),)]
        assert shell.execute("SELECT count(*) FROM best_of(2)").fetchall() == [(8,)]
        assert shell.execute("SELECT count(*) FROM strategy_at_k(-mean_logprob, 2)").fetchall() == [
            (8,)
        ]


def test_avoids_has_nine_digits_up_to_ten_million_draws(lake: Lake) -> None:
    for n in (10, 1_000, 99_991, 10_000_000):
        for c, k in ((1, 1), (2, 7), (150, 64), (n // 3, 2), (n // 2, n // 3), (n - 1, 1), (3, n)):
            sql = f"SELECT pass_at_k({n}, {c}, {k}) AS p, avoids({n}, {c}, {k}) AS q"
            ((found, missed),) = (row.values() for row in lake.sql(sql).to_pylist())
            if k > n or c > n:
                continue
            wanted = 1 - prod((n - max(c, k) - i) / (n - i) for i in range(min(c, k, 5_000)))
            assert found == pytest.approx(wanted, abs=1e-12), (n, c, k)
            assert missed == pytest.approx(1 - wanted, abs=1e-12), (n, c, k)
    nulls = lake.sql("SELECT avoids(NULL, 1, 1), avoids(5, NULL, 1), avoids(5, 1, NULL)")
    assert list(nulls.to_pylist()[0].values()) == [None, None, None]
