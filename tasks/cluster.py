"""Where work runs: a Ray cluster if `RAY_ADDRESS` names one, else this machine's cores."""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager

import ray

from tasks.errors import RequestError

_OBJECT_STORE_BYTES = 200 * 1024 * 1024


@contextmanager
def cluster() -> Iterator[None]:
    """Connect to Ray for the length of the block; a local Ray is started and stopped by it.

    Our objects are small (sources, verdicts), so a local object store stays small too.
    Raises RequestError if there is no cluster where `RAY_ADDRESS` points.
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
    else:
        _join(os.environ["RAY_ADDRESS"], options)
    try:
        yield
    finally:
        ray.shutdown()


def _join(address: str, options: dict[str, object]) -> None:
    try:
        _expect_listener(address)
        ray.init(**options)
    except (OSError, ValueError, RuntimeError) as error:
        reason = str(error.__cause__ or error).strip().splitlines()[-1]
        raise RequestError(
            f"no Ray cluster can be joined at RAY_ADDRESS={address} ({reason}): start one "
            "(`ray start --head`), or unset it to use this machine alone"
        ) from None


def _expect_listener(address: str) -> None:
    """Where an address names a port: Ray itself would try for 20 s. Raises OSError, ValueError."""
    host, colon, port = address.removeprefix("ray://").rpartition(":")
    if colon:
        socket.create_connection((host.strip("[]"), int(port)), timeout=10.0).close()


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
