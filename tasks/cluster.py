"""Where work runs: a Ray cluster if `RAY_ADDRESS` names one, else this machine's cores."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager

import ray

_OBJECT_STORE_BYTES = 200 * 1024 * 1024


@contextmanager
def cluster() -> Iterator[None]:
    """Connect to Ray for the length of the block; a local Ray is started and stopped by it.

    Our objects are small (sources, verdicts), so a local object store stays small too.
    """
    if ray.is_initialized():
        yield
        return
    options: dict[str, object] = {"log_to_driver": False, "logging_level": logging.ERROR}
    if not is_remote():
        os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
        # Ray would run actors at niceness 15: a judge that starves beside a busy flow is no judge.
        os.environ.setdefault("RAY_worker_niceness", "0")
        options |= {"include_dashboard": False, "object_store_memory": _OBJECT_STORE_BYTES}
    ray.init(**options)
    try:
        yield
    finally:
        ray.shutdown()


def is_remote() -> bool:
    """Whether actors may run on other machines than this one."""
    return bool(os.environ.get("RAY_ADDRESS"))


def gpus_here() -> int:
    """Whole GPUs of the machine that this process is connected from."""
    here = ray.get_runtime_context().get_node_id()
    return sum(int(one["Resources"].get("GPU", 0)) for one in ray.nodes() if one["NodeID"] == here)


def gpus() -> int:
    """Whole GPUs that the cluster offers to judges."""
    return int(ray.cluster_resources().get("GPU", 0))
