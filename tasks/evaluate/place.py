"""Where a judge is: which Ray node, which machine, which hardware."""

from __future__ import annotations

import os
import socket
from dataclasses import dataclass
from pathlib import Path

import ray

from kernels_eval.hardware import machine_model

_BOOT = Path("/proc/sys/kernel/random/boot_id")

Group = tuple[str, frozenset[int]]
"""A running kernel and the cores that it lets a process use: judges of one group share them."""


@dataclass(frozen=True)
class Place:
    """What is known of a judge's whereabouts from within its process."""

    node: str
    """Ray's id. Several nodes may be on one machine."""
    host: str
    machine: str | None
    """Model of the CPU or of the GPU."""
    group: Group
    gpu: str | None
    """Which of the node's GPUs it has: a number or a UUID."""
    pid: int


def here(device: str) -> Place:
    """This process's, which is an actor's and times on `device`."""
    gpus = ray.get_gpu_ids() if device.startswith("cuda") else []
    return Place(
        node=ray.get_runtime_context().get_node_id(),
        host=socket.gethostname(),
        machine=machine_model(device),
        group=(_boot_id(), frozenset(os.sched_getaffinity(0))),
        gpu=str(gpus[0]) if gpus else None,
        pid=os.getpid(),
    )


def _boot_id() -> str:
    try:
        return _BOOT.read_text(encoding="ascii").strip()
    except OSError:
        return socket.gethostname()
