"""The judge's handle on one single-use worker: messages, stop and go, memory, end."""

from __future__ import annotations

import contextlib
import json
import os
import pickle
import select
import shutil
import signal
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from kernels_eval.closing import Closing
from kernels_eval.errors import HarnessError
from kernels_eval.processes import control
from kernels_eval.processes.shared import SharedMemory
from kernels_eval.sandbox import inject, libc, seccomp
from kernels_eval.worker.protocol import (
    REPORT_BYTES,
    Command,
    Job,
    Message,
    pack_command,
    unpack_report,
)

_BIRTH_S = 30.0
_END_S, _LATE_END_S = 2.0, 10.0
"""For a keeper to say how its candidate ended: at first, and once that has certainly ended."""
_USER_SPACE = 1 << 47
_INJECTIONS = 3
"""Until no other thread moved meanwhile: see `_check_stayed` in timing/runner.py."""
_LOOKS_BETWEEN = 16
"""For an answer, between two at the channels."""
_LOOKS = 2000
"""At a clock that should stand still, a microsecond each."""
_CPUCLOCK_SCHED = 2
"""linux/posix-timers.h: a process's CPU clock is (~pid << 3) | 2."""


class WorkerError(Exception):
    """Something the worker did, not the judge."""


@dataclass
class WorkerEndedError(WorkerError):
    """The process is gone: by a signal, or by an exit status (0 too is no answer)."""

    signal: int
    code: int
    output: str
    over: str = ""
    """Why its keeper ended it: too much memory in all its processes together."""


class WorkerTimeoutError(WorkerError):
    """No message before the deadline, or too long in all (then it has a text)."""


class WorkerForgedError(WorkerError):
    """Bytes that are not a message, a message out of turn, or an address that leads nowhere."""


class WorkerLostError(WorkerError):
    """Gone through no doing of its candidate's: it never came up, or its keeper was killed."""


class WorkerRestlessError(WorkerError):
    """It runs on although it was stopped."""


def close_aside(descriptor: int) -> None:
    """Close what a candidate sent, in a thread: of a socket it may take as long as it likes."""
    with contextlib.suppress(RuntimeError):  # no thread to be had: it stays open
        threading.Thread(target=os.close, args=(descriptor,), daemon=True).start()


def accounts(task: str) -> tuple[int, int]:
    """Nanoseconds that a thread ran and waited to run (/proc/TASK/schedstat); 0 if not counted."""
    try:
        with open(f"/proc/{task}/schedstat") as stream:  # noqa: PTH123 - hot path
            ran, waited, _ = stream.read().split()
        return int(ran), int(waited)
    except (OSError, ValueError):
        return 0, 0


class Worker(Closing):
    """One candidate process. Owned by the judge; `close` ends it and all it started."""

    def __init__(
        self,
        control_socket: socket.socket,
        keeper: socket.socket,
        private: Path,
        *,
        settles: bool = False,
    ) -> None:
        """`settles`: the machine lets a filter be injected."""
        self._control = control_socket
        self._keeper = keeper
        self._private = private
        self._settles = settles
        self._ended: WorkerEndedError | None = None
        self._pid = self._keeper_pid = 0
        self._keeper_gone = False
        self.silent = False
        """Neither a process nor a reason why there is none came in time."""
        self._sandbox: tuple[str, ...] = ()
        self.offered: list[int] = []
        self.stopped = False
        self.closed = False
        self._cores: tuple[int, ...] = ()
        self._hung_up = False
        self._stopped_at_ns = 0
        self._killed: set[int] = set()

    def wait_born(self, timeout_s: float = _BIRTH_S) -> None:
        """Wait for the keeper's word that the process is confined. Raises HarnessError."""
        if self._pid:
            return
        document = self._keeper_message(timeout_s)
        if document is None or "pid" not in document:
            self.silent = document is None
            reason = document.get("error", document) if document else "no word from the keeper"
            raise HarnessError(f"could not start a worker: {reason}")
        self._pid, self._keeper_pid = int(str(document["pid"])), int(str(document["keeper"]))
        sandbox = document["sandbox"]
        assert isinstance(sandbox, list)
        self._sandbox = tuple(map(str, sandbox))

    @property
    def pid(self) -> int:
        self.wait_born()
        return self._pid

    @property
    def sandbox(self) -> tuple[str, ...]:
        self.wait_born()
        return self._sandbox

    def _keeper_message(self, timeout_s: float) -> dict[str, object] | None:
        self._keeper.settimeout(timeout_s)
        try:
            raw = self._keeper.recv(1 << 16)
        except TimeoutError:
            return None
        except OSError:
            raw = b""
        if not raw:
            self._keeper_gone = True
            return None
        document: dict[str, object] = json.loads(raw)
        return document

    def start(self, job: Job, report: SharedMemory) -> None:
        """Hand over the job, and where to report. Raises WorkerEndedError."""
        self.wait_born()
        with SharedMemory("job", pickle.dumps(job, protocol=pickle.HIGHEST_PROTOCOL)) as blob:
            try:
                socket.send_fds(
                    self._control,
                    [b"j"],
                    [blob.descriptor, report.descriptor],
                )
            except OSError:
                raise self._end() from None

    def attach(self, descriptor: int, calls: int, spare_bytes: int) -> None:
        """Hand over memory for the inputs of `calls` calls. Raises WorkerEndedError."""
        command = pack_command(Command.ATTACH, calls, spare_bytes)
        try:
            socket.send_fds(self._control, [command], [descriptor])
        except OSError:
            raise self._end() from None

    def send(self, command: Command, count: int, size: int = 0) -> None:
        """Raises WorkerEndedError if nobody is there to hear it."""
        try:
            self._control.send(pack_command(command, count, size))
        except OSError:
            raise self._end() from None

    def receive(self, deadline: float) -> Message:
        """The next message before `deadline` (time.monotonic seconds); `offered` came along.

        Raises WorkerEndedError, WorkerTimeoutError or WorkerForgedError.
        """
        while True:
            poll = select.poll()
            poll.register(self._control, select.POLLIN)
            poll.register(self._keeper, select.POLLIN)
            wait_ms = max(0.0, deadline - time.monotonic()) * 1000
            ready = dict(poll.poll(wait_ms + 1))
            if not ready:
                raise WorkerTimeoutError
            if ready.get(self._control.fileno(), 0) & select.POLLIN:
                try:
                    raw, offered, _, _ = socket.recv_fds(
                        self._control, REPORT_BYTES + 1, 1, socket.MSG_DONTWAIT
                    )
                except BlockingIOError:
                    continue
                except OSError:
                    raise self._end() from None
                self._take(offered)
                if raw:
                    message = unpack_report(raw)
                    if message is None:
                        raise WorkerForgedError("bytes on the control channel that are no message")
                    return message
            raise self._end()

    def _take(self, descriptors: list[int]) -> None:
        """Keep what came along with the last message only."""
        for descriptor in self.offered:
            close_aside(descriptor)
        self.offered = descriptors

    def _end(self) -> WorkerError:
        """What to raise when the control channel is closed or the keeper speaks."""
        if self._ended is None:
            document = self._keeper_message(_END_S)
            if document is None and not self._keeper_gone and not self.alive():
                self._continue_keeper()
                document = self._keeper_message(_LATE_END_S)
            if document is None and (self._keeper_gone or not self.alive()):
                return WorkerLostError("nobody says how the worker ended: its keeper was killed")
            if document is None or "ended" not in document:
                # The candidate closed its end of the channel and lives on.
                return WorkerForgedError("the control channel was closed")
            self._ended = WorkerEndedError(
                signal=int(str(document["signal"])),
                code=int(str(document["code"])),
                output=str(document["output"]),
                over=str(document["over"]),
            )
        return self._ended

    def alive(self) -> bool:
        """Whether the candidate's process is there and has not ended."""
        return any(state not in "ZX" for state in control.states(self._pid))

    def found_stopped(self) -> bool:
        """Whether it is stopped although the judge let it go."""
        states = control.states(self._pid) if self._pid and not self.stopped else []
        return bool(states) and all(state in "TZX" for state in states)

    @property
    def place(self) -> Path:
        """Its private directory, as it is without a mount of its own."""
        return self._private

    def channels(self) -> tuple[int, int]:
        """What to poll for its next message or its end."""
        return self._control.fileno(), self._keeper.fileno()

    def message_waits(self) -> bool:
        """Whether something can be received at once."""
        return bool(self._waiting())

    def look_out(self, answered: Callable[[], bool], seconds: float) -> bool:
        """Whether it has answered, before anything can be received from it and for at most so long.

        Without sleeping: being woken takes up to a tenth of a millisecond on a virtual machine.
        """
        until = time.monotonic() + seconds
        while time.monotonic() < until and not self._waiting():
            for _ in range(_LOOKS_BETWEEN):
                if answered():
                    return True
        return False

    def _waiting(self) -> set[int]:
        """The channels on which something can be received, or that were closed."""
        poll = select.poll()
        for channel in self.channels():
            poll.register(channel, select.POLLIN)
        return {descriptor for descriptor, _ in poll.poll(0)}

    def check_silent(self) -> None:
        """Nothing else was said. Raises WorkerForgedError, WorkerEndedError."""
        waiting = self._waiting()
        if self._keeper.fileno() in waiting:
            raise self._end()
        if waiting:
            raise WorkerForgedError("more than one message for one command")

    def stop(self) -> None:
        """No thread of the candidate runs after this.

        Raises WorkerEndedError, and WorkerRestlessError if it does not stop.
        """
        try:
            alive = control.stop(self.pid)
        except ProcessLookupError:
            alive = False
        except control.RestlessError as error:
            raise WorkerRestlessError(str(error)) from None
        if not alive:
            raise self._end()
        self.stopped = True
        self._stopped_at_ns = self._standstill_ns()

    def _standstill_ns(self) -> int:
        """CPU time once it does not change any more: a thread counts as stopped a moment before it
        leaves its core, and a virtual core may be taken away in that moment.

        What never stands still is seen by `stayed`.
        """
        last = self.cpu_ns()
        for _ in range(_LOOKS):
            now = self.cpu_ns()
            if now == last:
                break
            last = now
        return last

    def settle(self) -> None:
        """From now on it may start threads, no processes, and not leave its cores. It is stopped.

        Raises WorkerRestlessError if that cannot be brought about, and WorkerEndedError.
        """
        if not self._settles:
            return
        for _ in range(_INJECTIONS):
            aside_ns = self._aside_ns()
            try:
                inject.add_filter(self.pid, seccomp.settled())
            except inject.InjectionError as error:
                if not self.alive() and not isinstance(error, inject.UnstoppableError):
                    raise self._end() from None
                text = f"it cannot be kept from starting processes: {error}"
                raise WorkerRestlessError(text) from None
            self.stop()  # its main thread has made a step
            if self._aside_ns() == aside_ns:  # else they might have changed what was injected
                self._sandbox = (*self._sandbox, "settled_filter")
                return
        raise WorkerRestlessError("threads of the candidate went on although it was stopped")

    def _aside_ns(self) -> int:
        """CPU time of all its threads but the main one; it is stopped."""
        return self.cpu_ns() - self.main_thread_ns()[0]

    def stayed(self) -> bool:
        """Whether no thread of it ran since it was stopped, or since this was asked: a timer's
        SIGCONT lets it go on."""
        before_ns, self._stopped_at_ns = self._stopped_at_ns, self._standstill_ns()
        return self._stopped_at_ns == before_ns

    def strayed(self) -> bool:
        """Whether a thread left the cores or the scheduling class that it was given."""
        wanted = set(self._cores)
        for thread in control.threads(self.pid):
            with contextlib.suppress(OSError):
                if os.sched_getscheduler(thread) != os.SCHED_OTHER:
                    return True
                if wanted and os.sched_getaffinity(thread) != wanted:
                    return True
        return False

    def resume(self) -> None:
        """Let it go on. Raises WorkerEndedError."""
        try:
            control.resume(self.pid)
        except ProcessLookupError:
            raise self._end() from None
        self.stopped = False

    def pin(self, cores: tuple[int, ...]) -> None:
        """Bind it to these cores, unless it was told so before."""
        if cores != self._cores:
            self._cores = cores
            control.pin(self.pid, cores)

    def main_thread_ns(self) -> tuple[int, int]:
        """CPU time of the main thread so far, and how long it waited for a core."""
        return accounts(str(self.pid))

    def cpu_ns(self) -> int:
        """CPU time of all threads so far, by the kernel's account. Raises WorkerEndedError."""
        try:
            return time.clock_gettime_ns((~self.pid << 3) | _CPUCLOCK_SCHED)
        except OSError:
            raise self._end() from None

    @property
    def home(self) -> Path:
        """Its private directory, as it sees it itself (a mount of its own hides it from others)."""
        return Path(f"/proc/{self.pid}/root{self._private}")

    def children_ticks(self) -> int:
        """CPU time of children that ended and were waited for, in clock ticks."""
        try:
            with open(f"/proc/{self.pid}/stat", "rb") as stream:  # noqa: PTH123
                fields = stream.read().rpartition(b")")[2].split()
        except OSError:
            return 0
        return int(fields[13]) + int(fields[14])

    def helpers(self) -> bool:
        """Whether the candidate has other processes (ask while it is stopped).

        Those count that have ended, too: they may have worked. But not what `kill_helpers` killed
        and the candidate has not waited for.
        """
        return any(
            child not in self._killed or not control.dead(child)
            for child in control.children(self.pid)
        )

    def kill_helpers(self) -> None:
        """Kill all of its processes; it is stopped."""
        control.kill_descendants(self.pid)
        self._killed = set(filter(control.dead, control.children(self.pid)))

    def read(self, addresses: list[int], length: int, into: int) -> None:
        """Copy `length` bytes from each address to local memory at `into`, end to end.

        Raises WorkerForgedError for an address that is not mapped; HarnessError if the
        system does not let the judge read at all.
        """
        if any(not 0 < address < _USER_SPACE - length for address in addresses):
            raise WorkerForgedError("an output address outside the candidate's memory")
        wanted = length * len(addresses)
        try:
            got = libc.read_process_memory(self.pid, addresses, length, into)
        except OSError as error:
            if isinstance(error, PermissionError):
                raise HarnessError(
                    "the system forbids reading a worker's memory (process_vm_readv); run the "
                    "judge as the user that owns it, or with CAP_SYS_PTRACE"
                ) from None
            if isinstance(error, ProcessLookupError):
                raise self._end() from None
            raise WorkerForgedError("an output address that is not mapped") from None
        if got != wanted:
            raise WorkerForgedError("an output that is only partly mapped")

    def hang_up(self) -> None:
        """Kill the candidate and have its keeper end the rest; `close` waits for that.

        Safe to call twice: its process id may be somebody else's by then.
        """
        if self._hung_up:
            return
        self._hung_up = True
        self._take([])
        with contextlib.suppress(OSError):
            if self._pid and self._ended is None:
                os.kill(self._pid, 9)
        self._control.close()
        with contextlib.suppress(OSError):
            self._keeper.shutdown(socket.SHUT_WR)

    def close(self) -> None:
        """End the candidate and everything it started; wait until nothing of it is left."""
        if self.closed:
            return
        self.hang_up()
        self.closed = True
        if not self._keeper_ended(_END_S):
            self._continue_keeper()
            if not self._keeper_ended(_LATE_END_S) and self._keeper_pid:
                with contextlib.suppress(OSError):
                    os.kill(self._keeper_pid, signal.SIGKILL)
        self._keeper.close()
        shutil.rmtree(self._private, ignore_errors=True)

    def _keeper_ended(self, timeout_s: float) -> bool:
        """Whether the keeper has closed its end in time, which it does when all is reaped."""
        until = time.monotonic() + timeout_s
        try:
            while True:
                self._keeper.settimeout(max(0.001, until - time.monotonic()))
                if not self._keeper.recv(1 << 16):
                    return True
        except TimeoutError:
            return False
        except OSError:
            return True

    def _continue_keeper(self) -> None:
        """In case it was stopped from outside."""
        if self._keeper_pid:
            with contextlib.suppress(OSError):
                os.kill(self._keeper_pid, signal.SIGCONT)
