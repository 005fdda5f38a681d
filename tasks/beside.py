"""Processes beside the flow, on the cores that a judge leaves to others."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import psutil
import ray
from ray.exceptions import RayTaskError
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from kernels_eval.errors import RequestError
from kernels_eval.timing.cores import choose_cores
from tasks import cluster
from tasks.errors import TasksError


def options_beside(*, elsewhere: bool) -> dict[str, Any]:
    """Options of a Ray actor that stays on the flow's machine: other nodes are the judges'.

    elsewhere: whether it may be on another node once this one is lost.
    """
    if not cluster.is_remote():
        return {}
    here = ray.get_runtime_context().get_node_id()
    return {"scheduling_strategy": NodeAffinitySchedulingStrategy(here, soft=elsewhere)}


def keep_aside() -> Sequence[int]:
    """Move this process off the cores that a judge of this machine times on; those it has now.

    On a cluster only: a private Ray is moved as a whole (tasks.evaluate.placement).
    """
    with suppress(RequestError):  # cores named that this machine lacks: judges say so
        os.sched_setaffinity(0, choose_cores(None).side)
    return sorted(os.sched_getaffinity(0))


def wait_gone(pid: int, limit_s: float = 30.0) -> None:
    """Wait until a process of this machine has ended, and so holds no memory of a device. One that
    does not end in time is left to what needs its room: that says what it lacks."""
    with suppress(psutil.NoSuchProcess, psutil.TimeoutExpired):
        psutil.Process(pid).wait(limit_s)


def raised_there(error: RayTaskError) -> Exception:
    """What was raised over there: ours as it was, anything else with Ray's traceback."""
    cause = error.cause
    return cause if isinstance(cause, TasksError) else error
