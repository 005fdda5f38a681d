"""The keepers that a fork server forked, and what is left below it when one of them is killed."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import socket
import time

from kernels_eval.processes import control

_PATIENCE_S = 5.0
"""For keepers to end what is below them once the judge has hung up."""
_ORPHANS_S = 1.0


class Keepers:
    """Process ids and descriptors of the keepers that have not ended."""

    def __init__(self) -> None:
        self._by_descriptor: dict[int, int] = {}
        self._unwatched: set[int] = set()

    def add(self, pid: int) -> None:
        """One that was just forked."""
        try:
            self._by_descriptor[os.pidfd_open(pid)] = pid
        except ProcessLookupError:
            pass  # it has ended already
        except OSError:
            self._unwatched.add(pid)  # no descriptor to be had

    def wait_beside(self, requests: socket.socket) -> None:
        """Until there is a request; orphans of keepers that end meanwhile are killed."""
        while requests.fileno() not in self._ended(requests.fileno(), None):
            self._kill_orphans()

    def wait_all(self) -> None:
        """Until every keeper has ended, and nothing is left below. Slow ones are killed."""
        until = time.monotonic() + _PATIENCE_S
        while self._by_descriptor and time.monotonic() < until:
            self._ended(None, until - time.monotonic())
        self._by_descriptor.clear()
        self._unwatched.clear()
        self._kill_orphans()  # those that are left among them

    def _ended(self, beside: int | None, timeout_s: float | None) -> set[int]:
        """Descriptors of those that have ended, which are forgotten; `beside` if it is ready."""
        poll = select.poll()
        for descriptor in (*self._by_descriptor, *(() if beside is None else (beside,))):
            poll.register(descriptor, select.POLLIN)
        found = {at for at, _ in poll.poll(None if timeout_s is None else 1000 * timeout_s)}
        for descriptor in found & self._by_descriptor.keys():
            del self._by_descriptor[descriptor]
            os.close(descriptor)
        return found

    def _kill_orphans(self) -> None:
        """What a killed keeper's candidate had started; it lives on without a process namespace."""
        until = time.monotonic() + _ORPHANS_S
        while time.monotonic() < until:
            keepers = self._unwatched.union(self._by_descriptor.values())
            orphans = [pid for pid in control.children(os.getpid()) if pid not in keepers]
            if not orphans:
                return
            for pid in orphans:
                control.kill_descendants(pid)
                with contextlib.suppress(OSError):
                    os.kill(pid, signal.SIGKILL)
            time.sleep(0.005)
