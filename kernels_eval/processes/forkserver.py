"""The judge's side of the fork server: starts it, asks for workers, keeps a few ready."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import sys
from collections import deque
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import torch

from kernels_eval.backends.extensions import wrap_compilers
from kernels_eval.errors import HarnessError
from kernels_eval.processes.worker import Worker
from kernels_eval.sandbox.environment import scrubbed_environment
from kernels_eval.sandbox.limits import Limits
from kernels_eval.sandbox.plan import SandboxPlan
from kernels_eval.sandbox.probe import readable_paths
from kernels_eval.sandbox.user_ids import BLOCK, UserIds, claim_user_ids
from kernels_eval.scratch import Scratch

_START_S = 120.0
_BOOT = (
    "import gc; gc.disable(); from kernels_eval.worker.zygote import main; "
    "gc.enable(); main({descriptor}, {session!r})"
)
"""Without looking for garbage while torch is imported: a tenth of the time."""


class ForkServer:
    """One fork server and the workers it forked. `spawn` takes about 15 ms."""

    def __init__(
        self,
        plan: SandboxPlan,
        limits: Limits,
        side_cores: tuple[int, ...],
        threads: int,
        ahead: int = 2,
        environment: Callable[[str], dict[str, str]] | None = None,
    ) -> None:
        """`environment`: what the device wants set, given the session's directory.

        Raises HarnessError if it does not come up.
        """
        self._plan = plan
        self._limits = limits
        self._side_cores = side_cores
        self._ahead = ahead
        self._number = 0
        self._ids: UserIds | None = None
        self._used = 0
        self._ready: deque[Worker] = deque()
        self._scratch = Scratch("kernels-eval-")
        self._session = self._scratch.path
        self._session.chmod(0o711)  # workers with a user id of their own pass through it
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._socket = ours
        variables = scrubbed_environment(str(self._session), threads, os.environ)
        variables |= wrap_compilers(self._session / "compilers")
        if environment is not None:
            variables |= environment(str(self._session))
        places = dict.fromkeys(
            [str(Path(__file__).parents[2]), str(Path(torch.__file__).parents[1])]
        )
        variables["PYTHONPATH"] = os.pathsep.join(places)
        self._process = subprocess.Popen(
            [
                sys.executable,
                "-P",
                "-c",
                _BOOT.format(descriptor=theirs.fileno(), session=str(self._session)),
            ],
            env=variables,
            cwd=self._session,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            pass_fds=[theirs.fileno()],
            start_new_session=True,
        )
        theirs.close()
        ours.settimeout(_START_S)
        try:
            raw = ours.recv(4096)
        except (TimeoutError, ConnectionError):
            raw = b""
        if not raw:
            self._process.kill()
            assert self._process.stderr is not None
            reason = self._process.stderr.read().decode(errors="replace").strip()
            self.close()
            raise HarnessError(f"the fork server did not start: {reason[-500:]}")
        threads_there = json.loads(raw)["threads"]
        if threads_there != 1:
            self.close()
            raise HarnessError(f"the fork server has {threads_there} threads; it must have one")

    @property
    def pid(self) -> int:
        return self._process.pid

    def fill(self) -> None:
        """Ask for workers until `ahead` of them are ready or on their way."""
        with contextlib.suppress(HarnessError):  # who needs one hears of it
            while len(self._ready) < self._ahead:
                self._ready.append(self._ask())

    def spawn(self) -> Worker:
        """A fresh worker, confined (or about to be)."""
        if not self._ready:
            return self._ask()
        return self._ready.popleft()

    def _ask(self) -> Worker:
        try:
            return self._requested()
        except OSError as error:
            raise HarnessError(f"no worker can be asked for: {error}") from None

    def _requested(self) -> Worker:
        self._number += 1
        private = self._session / f"w{self._number}"
        private.mkdir(mode=0o700)
        request = {
            "number": self._number,
            "private": str(private),
            "plan": self._plan.to_json(),
            "limits": asdict(self._limits),
            "readable": readable_paths((str(self._session / "compilers"),)),
            "cores": list(self._side_cores),
            "user": self._next_user() if self._plan.own_user else None,
        }
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        keeper, keepers = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        try:
            socket.send_fds(
                self._socket,
                [json.dumps(request).encode()],
                [theirs.fileno(), keepers.fileno()],
            )
        except OSError as error:
            raise HarnessError(f"the fork server is gone: {error}") from None
        finally:
            theirs.close()
            keepers.close()
        return Worker(ours, keeper, private, settles=self._plan.settled_filter)

    def _next_user(self) -> int:
        """An id that no worker had before, since processes of an earlier one may live.

        Raises HarnessError.
        """
        if self._ids is None or self._used == self._ids.count:
            former, self._ids, self._used = self._ids, claim_user_ids(BLOCK), 0
            if former is not None:
                former.close()
        self._used += 1
        return self._ids.base + self._used - 1

    def alive(self) -> bool:
        return self._process.poll() is None

    def kill(self) -> None:
        """It does not answer any more; its workers end with it."""
        self._process.kill()
        self._process.wait()

    def close(self) -> None:
        while self._ready:
            self._ready.popleft().close()
        self._socket.close()
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        if self._process.stderr is not None:
            with contextlib.suppress(OSError):
                self._process.stderr.close()
        if self._ids is not None:
            self._ids.close()
        self._scratch.close()
