"""Judges on two Ray nodes of this machine: one is killed, and its node."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import psutil
import pytest

from kernels_eval import JudgeConfig, Status
from kernels_eval.timing.cores import choose_cores
from tasks.evaluate.pool import Judged, JudgePool
from tests.kernels_eval.conftest import problem_source
from tests.tasks.evaluate.conftest import Nodes
from tests.tasks.evaluate.pools import instant_pool, statuses

pytestmark = pytest.mark.slow

_CANDIDATE = """
import torch
from torch import nn


class ModelNew(nn.Module):
    def forward(self, x):
        return {}
"""


def _wait_until(true: Callable[[], bool], seconds: float = 60.0) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_batches_go_round_a_dead_judge(nodes: Nodes) -> None:
    nodes(2)
    with instant_pool() as pool:
        assert len(pool) == 2
        os.kill(pool.ready()[0], signal.SIGKILL)
        with ThreadPoolExecutor(8) as threads:
            batches = [
                threads.submit(lambda n: list(pool.evaluate_many(f"problem {n}", ["x"] * 3)), n)
                for n in range(40)
            ]
            for batch in batches:
                assert statuses(batch.result(60)) == dict.fromkeys(range(3), Status.INCORRECT)
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
    with instant_pool() as pool:
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
        assert len(statuses([other, *rest])) == 2000
        found = [first, *stream]
        assert statuses(found) == dict.fromkeys(range(2000), Status.INCORRECT)
        assert {one.place.node for one in found if one.place} == set(streams)
        # A node that joins later has the lost judge.
        joined = made.add_node(num_cpus=1)
        _wait_until(lambda: joined.node_id in {s.place.node for s in pool._seats if s.place})
        _wait_until(lambda: joined.node_id in {j.place.node for j in _spread(pool) if j.place})


def test_real_judges_on_one_machine_share_its_cores_and_one_takes_over(nodes: Nodes) -> None:
    nodes(2)
    pool = JudgePool(JudgeConfig(), choose_cores(None))
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
        assert statuses(found) == dict(enumerate([Status.CORRECT, Status.INCORRECT] * 2))
        assert all(one.place and one.place.machine for one in found)
    finally:
        pool.close()
