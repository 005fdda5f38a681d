"""Ray clusters of several nodes on this machine, each node with a raylet of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest
import ray
from ray.cluster_utils import Cluster

from kernels_eval.scratch import scratch_directory
from tasks.cluster import cluster
from tasks.ray_token import private_token

Nodes = Callable[[int], Cluster]


@pytest.fixture
def nodes(monkeypatch: pytest.MonkeyPatch) -> Iterator[Nodes]:
    """Starts a cluster of so many nodes and joins it as the user of a cluster does.

    The first node is this process's own: it cannot be killed.
    """
    monkeypatch.setenv("RAY_health_check_period_ms", "500")
    monkeypatch.setenv("RAY_health_check_initial_delay_ms", "500")
    monkeypatch.setenv("RAY_health_check_timeout_ms", "2000")
    with scratch_directory("bon-ray-") as place, private_token(place), ExitStack() as stack:

        def start(count: int) -> Cluster:
            made = Cluster(
                initialize_head=True,
                head_node_args={"num_cpus": 1, "temp_dir": str(place / "r")},
            )
            stack.callback(made.shutdown)
            for _ in range(count - 1):
                made.add_node(num_cpus=1)
            made.wait_for_nodes()
            monkeypatch.setenv("RAY_ADDRESS", made.address)
            stack.enter_context(cluster())
            return made

        yield start
    assert not ray.is_initialized()
