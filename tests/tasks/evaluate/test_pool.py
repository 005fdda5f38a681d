"""A judge that dies takes no work, is started anew, and costs no source its verdict."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import psutil
import pytest
from ray import cloudpickle

from kernels_eval import JudgeConfig, Status
from kernels_eval.timing.cores import choose_cores
from tasks.cluster import cluster
from tasks.errors import NoJudgeError
from tasks.evaluate.pool import Judged, JudgePool
from tests.kernels_eval.conftest import problem_source
from tests.tasks.evaluate import frail
from tests.tasks.evaluate.conftest import Nodes
from tests.tasks.evaluate.frail import BREAK, DIE, STOP

pytestmark = pytest.mark.slow

_CANDIDATE = """
import torch
from torch import nn


class ModelNew(nn.Module):
    def forward(self, x):
        return {}
"""


@pytest.fixture
def frail_judges(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Instant judges die when they are told to."""
    cloudpickle.register_pickle_by_value(frail)  # actors have no path to the tests
    monkeypatch.setattr("tasks.evaluate.pool.InstantJudgeActor", frail.FrailJudgeActor)
    yield
    cloudpickle.unregister_pickle_by_value(frail)


@contextmanager
def _pool(**options: float | None) -> Iterator[JudgePool]:
    pool = JudgePool(JudgeConfig(), choose_cores(None), instant=True, **options)  # type: ignore[arg-type]
    try:
        pool.ready()
        yield pool
    finally:
        pool.close()


def _statuses(found: list[Judged]) -> dict[int, Status]:
    assert len({one.index for one in found}) == len(found), "a source has two verdicts"
    return {one.index: one.verdict.status for one in found}


def _wait_until(true: Callable[[], bool], seconds: float = 60.0) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_batches_go_round_a_dead_judge(nodes: Nodes) -> None:
    nodes(2)
    with _pool() as pool:
        assert len(pool) == 2
        os.kill(pool.ready()[0], signal.SIGKILL)
        with ThreadPoolExecutor(8) as threads:
            batches = [
                threads.submit(lambda n: list(pool.evaluate_many(f"problem {n}", ["x"] * 3)), n)
                for n in range(40)
            ]
            for batch in batches:
                assert _statuses(batch.result(60)) == dict.fromkeys(range(3), Status.INCORRECT)
        _wait_until(lambda: all(psutil.pid_exists(pid) for pid in pool.ready()))
        assert len({one.place.pid for one in _spread(pool) if one.place}) == 2


def _spread(pool: JudgePool) -> list[Judged]:
    """One batch for every judge, all at once: so every judge that lives has had one."""
    streams = [pool.evaluate_many(f"spread {number}", ["x"]) for number in range(len(pool))]
    firsts = [next(stream) for stream in streams]
    assert all(next(stream, None) is None for stream in streams)
    return firsts


def test_the_rest_of_a_killed_nodes_batch_is_judged_elsewhere(nodes: Nodes) -> None:
    made = nodes(2)
    (far,) = made.worker_nodes
    with _pool() as pool:
        streams = {}
        for number in range(2):
            stream = pool.evaluate_many(f"problem {number}", ["x"] * 2000)
            first = next(stream)
            assert first.place
            streams[first.place.node] = (first, stream)
        first, stream = streams[far.node_id]
        os.kill(
            pool.ready()[[s.place.node for s in pool._seats if s.place].index(far.node_id)],
            signal.SIGSTOP,
        )
        made.remove_node(far, allow_graceful=False)
        other, rest = streams[next(node for node in streams if node != far.node_id)]
        assert len(_statuses([other, *rest])) == 2000
        found = [first, *stream]
        assert _statuses(found) == dict.fromkeys(range(2000), Status.INCORRECT)
        assert {one.place.node for one in found if one.place} == set(streams)
        # A node that joins later has the lost judge.
        joined = made.add_node(num_cpus=1)
        _wait_until(lambda: joined.node_id in {s.place.node for s in pool._seats if s.place})
        _wait_until(lambda: joined.node_id in {j.place.node for j in _spread(pool) if j.place})


def test_a_judge_is_started_anew_as_often_as_it_dies(frail_judges: None) -> None:
    del frail_judges
    with cluster(), _pool() as pool:
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
    with cluster(), _pool() as pool:
        found = list(pool.evaluate_many("problem", sources))
        expected = dict.fromkeys(range(20), Status.INCORRECT) | {7: Status.HARNESS_ERROR}
        assert _statuses(found) == expected
        (error,) = [one.verdict.error for one in found if one.index == 7]
        assert "judges were lost" in str(error)
        assert len(list(pool.evaluate_many("problem", ["x"] * 3))) == 3


def test_a_judge_that_falls_silent_counts_as_dead(frail_judges: None) -> None:
    del frail_judges
    with cluster(), _pool(silence_s=3.0) as pool:
        found = list(pool.evaluate_many("problem", ["x", "x", STOP, "x"]))
        expected = dict.fromkeys(range(4), Status.INCORRECT) | {2: Status.HARNESS_ERROR}
        assert _statuses(found) == expected


def test_without_any_judge_a_batch_fails_as_ours(
    frail_judges: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    del frail_judges
    with cluster(), _pool(without_s=4.0) as pool:
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
    with cluster(), _pool() as pool:
        stream = pool.evaluate_many("problem", ["x"] * 5)
        next(stream)
        stream.close()  # type: ignore[attr-defined]
        assert len(list(pool.evaluate_many("another", ["x"]))) == 1


def test_real_judges_on_one_machine_share_its_cores_and_one_takes_over(nodes: Nodes) -> None:
    nodes(2)
    pool = JudgePool(JudgeConfig(timeout_s=20.0), choose_cores(None))
    try:
        pids = pool.ready()
        shares = [frozenset(os.sched_getaffinity(pid)) for pid in pids]
        assert len(shares) == 2
        assert not shares[0] & shares[1]
        sources = [_CANDIDATE.format("torch.relu(x)"), _CANDIDATE.format("x * 2")] * 2
        stream = pool.evaluate_many(problem_source("relu"), sources)
        found = [next(stream)]
        assert found[0].place
        os.kill(found[0].place.pid, signal.SIGKILL)
        found += stream
        assert _statuses(found) == dict(enumerate([Status.CORRECT, Status.INCORRECT] * 2))
        assert all(one.place and one.place.machine for one in found)
    finally:
        pool.close()
