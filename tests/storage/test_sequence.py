"""A run shows what was recorded last under the settings asked for last, whatever clocks say."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pyarrow as pa
import pytest

from storage import Lake
from storage.schemas import TABLES
from tests.storage.make import START, candidate_row, evaluation_row, run_row

LOCAL = pytest.mark.parametrize("lake", ["directory"], indirect=True)
"""For what SQL alone decides."""


def asked(lake: Lake, harness_id: str | None, *, minute: int) -> None:
    lake.append("runs", [run_row("r", minute=minute) | {"harness_id": harness_id}], run_id="r")


def verdict(lake: Lake, harness_id: str, speedup: float, *, minute: int) -> None:
    row = evaluation_row(1, "a", speedup=speedup, minute=minute, harness_id=harness_id)
    lake.append("evaluations", [row], run_id="r")


def shown(lake: Lake) -> tuple[str | None, float | None]:
    (row,) = lake.results(["r"]).to_pylist()
    return row["harness_id"], row["speedup"]


@pytest.fixture
def drawn(lake: Lake) -> Lake:
    lake.append("candidates", [candidate_row(1, 0, "a")], run_id="r")
    return lake


def test_back_to_earlier_settings_shows_their_verdict(drawn: Lake) -> None:
    asked(drawn, "first", minute=0)
    verdict(drawn, "first", 2.0, minute=1)
    asked(drawn, "second", minute=2)
    assert shown(drawn) == (None, None)
    verdict(drawn, "second", 3.0, minute=3)
    assert shown(drawn) == ("second", 3.0)
    asked(drawn, "first", minute=4)
    assert shown(drawn) == ("first", 2.0)
    assert drawn.sql("SELECT speedup FROM judged")["speedup"].to_pylist() == [2.0]


@LOCAL
def test_a_clock_that_steps_back_changes_nothing(drawn: Lake) -> None:
    asked(drawn, "first", minute=60)
    asked(drawn, "second", minute=0)
    verdict(drawn, "first", 9.0, minute=90)
    verdict(drawn, "second", 2.0, minute=80)
    verdict(drawn, "second", 3.0, minute=10)
    assert shown(drawn) == ("second", 3.0)
    assert drawn.sql("SELECT harness_id FROM runs_latest")["harness_id"].to_pylist() == ["second"]


@LOCAL
def test_a_failure_of_the_judge_stands_only_within_its_harness(drawn: Lake) -> None:
    asked(drawn, "first", minute=0)
    verdict(drawn, "first", 2.0, minute=1)
    asked(drawn, "second", minute=2)
    failed = evaluation_row(1, "a", status="harness_error", minute=3, harness_id="second")
    drawn.append("evaluations", [failed], run_id="r")
    assert drawn.results(["r"])["status"].to_pylist() == ["harness_error"]
    assert len(drawn.sql("SELECT * FROM judged")) == 0


@LOCAL
def test_an_imported_run_shows_every_verdict(drawn: Lake) -> None:
    asked(drawn, None, minute=0)
    verdict(drawn, "anybody's", 2.0, minute=1)
    assert shown(drawn) == ("anybody's", 2.0)


@LOCAL
def test_a_lake_of_an_earlier_release_reads_by_time_as_it_did(
    drawn: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        for table in ("runs", "evaluations"):
            kept = [field for field in TABLES[table] if field.name not in ("sequence", "timeout_s")]
            patch.setitem(TABLES, table, pa.schema(kept))
        asked(drawn, "first", minute=0)
        verdict(drawn, "second", 3.0, minute=2)
        verdict(drawn, "first", 2.0, minute=1)
    assert shown(drawn) == ("second", 3.0)
    asked(drawn, "first", minute=-5)  # by this release, on a clock that was set back
    assert shown(drawn) == ("first", 2.0)
    verdict(drawn, "first", 4.0, minute=-5)
    assert shown(drawn) == ("first", 4.0)


def test_every_append_gets_the_next_number_from_any_thread(drawn: Lake) -> None:
    def append(minute: int) -> None:
        verdict(drawn, "h", 2.0, minute=minute)

    append(0)
    with drawn.run_lock("r"), ThreadPoolExecutor(4) as threads:
        list(threads.map(append, range(1, 9)))
    append(9)
    with Lake(drawn.root).run_lock("r"):  # a resumed run counts on
        append(10)
    numbers = drawn.sql("SELECT sequence FROM evaluations ORDER BY 1")["sequence"].to_pylist()
    assert numbers == list(range(1, 12))


@LOCAL
def test_the_latest_rescoring_and_selection_go_by_their_order(drawn: Lake) -> None:
    key = {"suite": "s", "level": 1, "problem_id": 1}
    for minute, value in ((5, -1.0), (0, -2.0)):
        at = START + timedelta(minutes=minute)
        score = {"sample_index": 0, "policy": "p", "policy_id": "p", "temperature": 1.0}
        score |= {"scored_text": "source", "tokens": "stored", "n_tokens": 1, "scored_at": at}
        score |= {"mean_raw_logprob": value, "token_ids": [1], "raw_logprobs": [value]}
        drawn.append("rescores", [key | score], run_id="r")
        picks = {"strategy": "random", "n": 1, "n_correct": 1, "applicable": True}
        picks |= {"fast_1": -value, "computed_at": at}
        budgets = (1, 2) if minute else (1,)  # the second computation knows fewer budgets
        drawn.append("selections", [key | picks | {"k": k} for k in budgets], run_id="r")
    scores = drawn.sql("SELECT mean_raw_logprob AS x FROM rescores_latest")
    assert scores["x"].to_pylist() == [-2.0]
    picked = drawn.sql("SELECT k, fast_1 FROM selections_latest").to_pylist()
    assert picked == [{"k": 1, "fast_1": 2.0}]


@LOCAL
def test_selections_over_another_harness_are_not_shown(drawn: Lake) -> None:
    row = {"suite": "s", "level": 1, "problem_id": 1, "strategy": "random", "k": 1, "n": 1}
    row |= {"n_correct": 1, "applicable": True, "computed_at": START, "fast_1": 1.0}
    asked(drawn, "first", minute=0)
    drawn.append("selections", [row | {"harness_id": "first"}], run_id="r")
    asked(drawn, "second", minute=1)
    assert len(drawn.sql("SELECT * FROM selections_latest")) == 0
    asked(drawn, "first", minute=2)
    assert len(drawn.sql("SELECT * FROM selections_latest")) == 1
