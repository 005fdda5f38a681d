"""The fork server: imports torch once, runs no candidate code, forks a keeper per request.

It must stay single-threaded: a process with threads cannot be forked safely. It ends when the
judge's end of its socket is gone, and takes all keepers and candidates with it.
"""

from __future__ import annotations

import contextlib
import gc
import json
import os
import signal
import socket
import tempfile
from pathlib import Path

import numpy as np  # noqa: F401 - paid once, before the first fork
import torch  # noqa: F401

import kernels_eval.backends.cpp  # noqa: F401
from kernels_eval.sandbox import heap
from kernels_eval.sandbox.environment import private_places
from kernels_eval.sandbox.limits import Limits
from kernels_eval.sandbox.plan import SandboxPlan
from kernels_eval.scratch import remove_scratch
from kernels_eval.worker import triton_once
from kernels_eval.worker.candidate import seed_everything
from kernels_eval.worker.keeper import Spawn, keep
from kernels_eval.worker.loop import run


def main(descriptor: int, session: str) -> None:
    """Serve until the judge hangs up."""
    requests = socket.socket(fileno=descriptor)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the judge decides what Ctrl-C ends
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # keepers are reaped by the kernel
    seed_everything(0)  # imports what every worker would import again
    if capability := os.environ.pop("KERNELS_EVAL_CAPABILITY", ""):  # for a GPU
        triton_once.prepare(int(capability))
    threads = len(os.listdir("/proc/self/task"))  # noqa: PTH208
    requests.send(json.dumps({"ready": os.getpid(), "threads": threads}).encode())
    gc.collect()
    heap.fill_holes()
    gc.freeze()
    while True:
        try:
            raw, descriptors, _, _ = socket.recv_fds(requests, 1 << 16, 2)
        except ConnectionResetError:
            break
        if not raw:
            break
        try:
            if os.fork() == 0:
                _start(requests, raw, descriptors)
        except OSError as error:
            _refuse(descriptors[1], f"the fork server may not fork: {error}")
        for received in descriptors:
            os.close(received)
    remove_scratch(Path(session))  # the judge may have been killed


def _refuse(judge: int, reason: str) -> None:
    """Say in a keeper's place why there is none."""
    with socket.socket(fileno=os.dup(judge)) as channel, contextlib.suppress(OSError):
        channel.send(json.dumps({"error": reason}).encode())


def _start(requests: socket.socket, raw: bytes, descriptors: list[int]) -> None:
    """In the fork: become a keeper; never returns."""
    try:
        requests.close()
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        document = json.loads(raw)
        request = Spawn(
            number=document["number"],
            private=document["private"],
            plan=SandboxPlan.from_json(document["plan"]),
            limits=Limits(**document["limits"]),
            readable=document["readable"],
            cores=document["cores"],
            user=document["user"],
        )
        os.environ.update(private_places(request.private))
        os.environ.pop("LD_PRELOAD", None)  # in force already; compilers need not have it
        tempfile.tempdir = request.private
        control, judge = (socket.socket(fileno=received) for received in descriptors)
        keep(request, control, judge, run)
    finally:
        os._exit(1)
