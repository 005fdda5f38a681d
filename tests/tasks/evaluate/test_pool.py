"""A judge that dies takes no work, is started anew, and costs no source its verdict."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest
from ray import cloudpickle

from kernels_eval import Status
from tasks.cluster import cluster
from tasks.errors import NoJudgeError
from tests.tasks.evaluate import frail
from tests.tasks.evaluate.frail import BREAK, DIE, STOP
from tests.tasks.evaluate.pools import instant_pool, statuses

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module", autouse=True)
def _ray() -> Iterator[None]:
    with cluster():
        yield


@pytest.fixture
def frail_judges(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Instant judges die when they are told to."""
    cloudpickle.register_pickle_by_value(frail)  # actors have no path to the tests
    monkeypatch.setattr("tasks.evaluate.pool.InstantJudgeActor", frail.FrailJudgeActor)
    yield
    cloudpickle.unregister_pickle_by_value(frail)


def test_a_judge_is_started_anew_as_often_as_it_dies(frail_judges: None) -> None:
    del frail_judges
    with instant_pool() as pool:
        for _ in range(5):
            (pid,) = pool.ready()
            os.kill(pid, signal.SIGKILL)
            assert len(list(pool.evaluate_many("problem", ["x"]))) == 1


@pytest.mark.parametrize("word", [DIE, BREAK])
def test_a_source_that_ends_every_judge_costs_no_other_its_verdict(
    frail_judges: None, word: str
) -> None:
    del frail_judges
    sources = ["x"] * 20
    sources[7] = word
    with instant_pool() as pool:
        found = list(pool.evaluate_many("problem", sources))
        expected = dict.fromkeys(range(20), Status.INCORRECT) | {7: Status.HARNESS_ERROR}
        assert statuses(found) == expected
        (error,) = [one.verdict.error for one in found if one.index == 7]
        assert "judges were lost" in str(error)
        assert len(list(pool.evaluate_many("problem", ["x"] * 3))) == 3


def test_a_judge_that_falls_silent_counts_as_dead(frail_judges: None) -> None:
    del frail_judges
    with instant_pool(silence_s=3.0) as pool:
        found = list(pool.evaluate_many("problem", ["x", "x", STOP, "x"]))
        expected = dict.fromkeys(range(4), Status.INCORRECT) | {2: Status.HARNESS_ERROR}
        assert statuses(found) == expected


def test_without_any_judge_a_batch_fails_as_ours(
    frail_judges: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    del frail_judges
    with instant_pool(without_s=4.0) as pool:
        (pid,) = pool.ready()

        def refuse(*_: object) -> None:
            raise ValueError("nowhere to start it")

        for seat in pool._seats:
            monkeypatch.setattr(seat, "_launch", refuse)
        os.kill(pid, signal.SIGKILL)
        with pytest.raises(NoJudgeError, match="for 4 s: nowhere to start it"):
            list(pool.evaluate_many("problem", ["x"]))


def test_an_abandoned_batch_holds_no_judge(frail_judges: None) -> None:
    del frail_judges
    with instant_pool() as pool:
        stream = pool.evaluate_many("problem", ["x"] * 5)
        next(stream)
        stream.close()  # type: ignore[attr-defined]
        assert len(list(pool.evaluate_many("another", ["x"]))) == 1


def test_a_judge_that_fails_to_start_is_started_again(
    frail_judges: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    del frail_judges
    may_start = tmp_path / "may start"
    monkeypatch.setattr(frail.LateJudgeActor, "may_start", str(may_start))
    monkeypatch.setattr("tasks.evaluate.pool.InstantJudgeActor", frail.LateJudgeActor)
    with instant_pool() as pool:  # waits for the first attempt
        may_start.touch()
        assert len(list(pool.evaluate_many("problem", ["x"]))) == 1


def test_judges_are_gone_while_they_make_room_and_judge_again_after() -> None:
    with instant_pool() as pool:
        (before,) = pool.ready()
        with ThreadPoolExecutor() as threads:
            pool.leave()
            pool.leave()
            assert not psutil.pid_exists(before)
            asked = threads.submit(lambda: list(pool.evaluate_many("problem", ["x"])))
            with pytest.raises(TimeoutError):
                asked.result(1.0)
            (after,) = pool.come_back()
            assert statuses(asked.result(60)) == {0: Status.INCORRECT}
        assert pool.come_back() == [after] != [before]


def test_judges_that_were_never_there_come(monkeypatch: pytest.MonkeyPatch) -> None:
    """However long they were not: a batch that comes with them finds them."""
    with instant_pool(start=False) as pool:
        pool.leave()
        pool._desk._none_since -= 10_000.0
        monkeypatch.setattr(pool, "ready", list)  # does not wait
        pool.come_back()
        assert len(list(pool.evaluate_many("problem", ["x"]))) == 1


def test_a_judge_that_returns_has_the_cores_to_itself() -> None:
    with instant_pool() as pool:
        for _ in range(2):
            pool.leave()
            pool.come_back()
        group = pool._seats[0].place.group  # type: ignore[union-attr]
        assert pool._stations._counts == {group: 1}
