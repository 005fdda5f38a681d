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
_COMPILERS = "compilers"
"""Of the session's directory: the scripts that workers compile with."""
_LINKS = "packages"
"""Of the session's directory: links to packages whose own directory cannot be listed."""
_END_S = 8.0
"""Longer than it waits for its keepers."""
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
        self._ids: list[UserIds] = []
        self._used = 0
        self._ready: deque[Worker] = deque()
        self._process: subprocess.Popen[bytes] | None = None
        self._socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        try:
            self._scratch = Scratch("kernels-eval-")
        except OSError as error:
            self._socket.close()
            theirs.close()
            raise HarnessError(f"no directory for workers in the temp directory: {error}") from None
        self._session = self._scratch.path
        try:
            with theirs:
                self._boot(theirs, threads, environment)
            self._wait_ready()
        except OSError as error:
            self._end(0.0)
            raise HarnessError(f"the fork server did not start: {error}") from None
        except BaseException:
            self._end(0.0)
            raise

    def _package_root(self) -> Path:
        """A directory that Python can list, and that holds this package.

        Landlock around a judge (host/container.py) shows the package, and not what lies beside it.
        """
        package = Path(__file__).parents[1]
        try:
            with os.scandir(package.parent):
                return package.parent
        except PermissionError:
            links = self._session / _LINKS
            links.mkdir(mode=0o755)
            (links / package.name).symlink_to(package)
            return links

    def _boot(
        self,
        theirs: socket.socket,
        threads: int,
        environment: Callable[[str], dict[str, str]] | None,
    ) -> None:
        """Start its process, with that end of the socket."""
        self._session.chmod(0o711)  # workers with a user id of their own pass through it
        variables = scrubbed_environment(str(self._session), threads, os.environ)
        variables |= wrap_compilers(self._session / _COMPILERS)
        self._compilers = _marks(self._session / _COMPILERS)
        if environment is not None:
            variables |= environment(str(self._session))
        places = dict.fromkeys([str(self._package_root()), str(Path(torch.__file__).parents[1])])
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

    def _wait_ready(self) -> None:
        """Until it says how many threads it has. Raises HarnessError."""
        assert self._process is not None
        self._socket.settimeout(_START_S)
        try:
            raw = self._socket.recv(4096)
        except (TimeoutError, ConnectionError):
            raw = b""
        if not raw:
            self._process.kill()
            assert self._process.stderr is not None
            reason = self._process.stderr.read().decode(errors="replace").strip()
            raise HarnessError(f"the fork server did not start: {reason[-500:]}")
        threads_there = json.loads(raw)["threads"]
        if threads_there != 1:
            raise HarnessError(f"the fork server has {threads_there} threads; it must have one")

    @property
    def pid(self) -> int:
        """Its process id; 0 once it is closed."""
        return 0 if self._process is None else self._process.pid

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
            "readable": readable_paths(
                (str(self._session / _COMPILERS), str(self._session / _LINKS))
            ),
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
        if not self._ids or self._used == self._ids[-1].count:
            self._ids.append(claim_user_ids(BLOCK))  # workers of the former block may still run
            self._used = 0
        self._used += 1
        return self._ids[-1].base + self._used - 1

    def alive(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def intact(self) -> bool:
        """Whether its directory is as it was made; what has this process's rights can change it."""
        return _marks(self._session / _COMPILERS) == self._compilers

    def kill(self) -> None:
        """It does not answer any more; its workers end with it."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def close(self) -> None:
        """End it and the workers that nobody took. Safe to call twice."""
        while self._ready:
            self._ready.popleft().close()
        self._end(_END_S)

    def _end(self, patience_s: float) -> None:
        """Hang up and kill it if it does not end in time; nothing of it stays."""
        self._socket.close()
        process, self._process = self._process, None
        if process is not None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(patience_s)
            process.kill()
            process.wait()
            if process.stderr is not None:
                with contextlib.suppress(OSError):
                    process.stderr.close()
        while self._ids:
            self._ids.pop().close()
        self._scratch.close()


def _marks(directory: Path) -> list[tuple[str, int, int, int]]:
    """What changes if a file in a directory does; nothing if it is gone."""
    try:
        with os.scandir(directory) as entries:
            found = [(entry.name, entry.stat()) for entry in entries]
    except OSError:
        return []
    return sorted((name, at.st_ino, at.st_size, at.st_ctime_ns) for name, at in found)
