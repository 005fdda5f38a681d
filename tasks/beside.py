"""Processes beside the flow, on the cores that a judge leaves to others."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import psutil
import ray
from ray.exceptions import RayError, RayTaskError
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from kernels_eval.errors import RequestError
from kernels_eval.timing.cores import choose_cores
from tasks import cluster
from tasks.errors import TasksError

_PID_SECONDS = 10.0


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


def family(pid: int | None) -> list[psutil.Process]:
    """A process of this machine and all below it; nobody where there is none."""
    with suppress(psutil.NoSuchProcess):
        if pid is not None:
            one = psutil.Process(pid)
            return [one, *one.children(recursive=True)]
    return []


def wait_gone(processes: Sequence[psutil.Process], limit_s: float = 30.0) -> None:
    """Wait until they have ended, and so hold no memory of a device. Those that do not end in time
    are left to what needs their room: that says what it lacks."""
    psutil.wait_procs(processes, timeout=limit_s)


def held_by(actor: Any) -> list[psutil.Process]:
    """The processes of an actor of this machine that tells its `pid`; nobody if it does not."""
    with suppress(RayError):
        return family(ray.get(actor.pid.remote(), timeout=_PID_SECONDS))
    return []


def raised_there(error: RayTaskError) -> Exception:
    """What was raised over there: ours as it was, anything else with Ray's traceback."""
    cause = error.cause
    return cause if isinstance(cause, TasksError) else error
