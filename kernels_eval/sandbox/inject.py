"""Have a stopped process install a filter of system calls, whatever its own code says (x86-64).

A filter can only be installed by a process itself. A debugger can make it do so: it puts the
program beside the stack, points the registers at a `syscall` instruction, lets the main thread take
that one step, and puts everything back. All other threads stay stopped meanwhile.

ptrace(2); struct user_regs_struct of sys/user.h; the calling thread is the debugger.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import platform
import signal
import struct
import time
from collections.abc import Iterator

from kernels_eval.sandbox import libc, seccomp
from kernels_eval.sandbox.calls import calls_here

_SEIZE, _INTERRUPT, _GET, _SET, _STEP, _DETACH = 0x4206, 0x4207, 12, 13, 9, 17
_NAMES = "r15 r14 r13 r12 rbp rbx r11 r10 r9 r8 rax rcx rdx rsi rdi orig_rax rip cs eflags rsp ss"
_NAMES += " fs_base gs_base ds es fs gs"
_WALL = 0x40000000
_PATIENCE_S = 2.0
_STEPS = 100
"""Signals that may arrive before the one step is taken."""
_PARTINGS = 3
"""Attempts to let go of a process that was set going meanwhile."""
_RED_ZONE = 128
"""Below the stack's end, and still in use (System V ABI, AMD64 supplement)."""
_SYSCALL = b"\x0f\x05"


class InjectionError(Exception):
    """The process is in no state to be made to."""


class UnstoppableError(InjectionError):
    """It did not stop for its debugger, which killed it: it may not stay in that state."""


class _EndedError(ValueError):
    """There is nothing left to debug."""


class _Registers(ctypes.Structure):
    _fields_ = [(name, ctypes.c_ulonglong) for name in _NAMES.split()]


def supported() -> bool:
    """Whether this is written for the machine at hand."""
    return platform.machine() == "x86_64"


def add_filter(pid: int, program: bytes) -> None:
    """Install `program` for all threads of a stopped process; it is stopped again afterwards.

    The kernel's count of filters tells whether it is in force: a filter of the process's own could
    have the call answered without being made.

    Raises InjectionError: if it is gone, may not be traced, or does not do as it is told;
    UnstoppableError if it had to be killed.
    """
    here = calls_here()
    assert here is not None
    try:
        had = _filters(f"/proc/{pid}/status")
        with _traced(pid), open(f"/proc/{pid}/mem", "r+b", buffering=0) as memory:  # noqa: PTH123
            before = _registers(pid)
            at = (before.rsp - _RED_ZONE - len(program) - 16) & ~15
            memory.seek(at)
            memory.write(struct.pack("=HxxxxxxQ", len(program) // 8, at + 16) + program)
            call = _Registers.from_buffer_copy(before)
            call.rip, call.orig_rax, call.rax = _syscall_of(pid, memory), 2**64 - 1, here.seccomp
            call.rdi, call.rsi, call.rdx = seccomp.SET_MODE_FILTER, seccomp.FOR_ALL, at
            libc.ptrace(_SET, pid, 0, ctypes.byref(call))
            _step(pid)
            answer = _registers(pid)
            libc.ptrace(_SET, pid, 0, ctypes.byref(before))
        has = {_filters(f"{thread.path}/status") for thread in os.scandir(f"/proc/{pid}/task")}
    except (OSError, ValueError, OverflowError) as error:
        raise InjectionError(str(error)) from None
    if answer.rax != 0 or answer.rip != call.rip + len(_SYSCALL):
        raise InjectionError(f"its call to seccomp returned {ctypes.c_long(answer.rax).value}")
    if had is not None and has != {had + 1}:
        raise InjectionError("a filter of its own keeps the judge's away")


def _filters(status: str) -> int | None:
    """How many filters a thread has; None where the kernel does not say (before Linux 5.9)."""
    with open(status) as lines:  # noqa: PTH123
        found = next((line for line in lines if line.startswith("Seccomp_filters:")), None)
    return None if found is None else int(found.split()[1])


@contextlib.contextmanager
def _traced(pid: int) -> Iterator[None]:
    libc.ptrace(_SEIZE, pid, 0, 0)
    try:
        _wait(pid)
        yield
    finally:
        _let_go(pid)


def _let_go(pid: int) -> None:
    """Detach, whatever it does: something may have set it going, or killed it.

    What ends while it is debugged stays a zombie, of which its parent never hears, until its
    debugger has waited for it. Raises UnstoppableError.
    """
    for _ in range(_PARTINGS):
        with contextlib.suppress(OSError):
            libc.ptrace(_DETACH, pid, 0, 0)  # takes a process that has stopped for it
            return
        with contextlib.suppress(OSError):
            libc.ptrace(_INTERRUPT, pid, 0, 0)
        try:
            _wait(pid)
        except (_EndedError, ChildProcessError):
            return
        except ValueError:
            break
    with contextlib.suppress(OSError):
        os.kill(pid, signal.SIGKILL)
    with contextlib.suppress(OSError, ValueError):
        _wait(pid)
    raise UnstoppableError("it does not stop for its debugger")


def _registers(pid: int) -> _Registers:
    found = _Registers()
    libc.ptrace(_GET, pid, 0, ctypes.byref(found))
    return found


def _syscall_of(pid: int, memory: object) -> int:
    """The address of such an instruction in the page of calls that the kernel maps (vdso)."""
    with open(f"/proc/{pid}/maps") as maps:  # noqa: PTH123
        line = next((line for line in maps if line.rstrip().endswith("[vdso]")), None)
    if line is None:
        raise ValueError("it has unmapped the kernel's page of calls")
    start, end = (int(word, 16) for word in line.split()[0].split("-"))
    memory.seek(start)  # type: ignore[attr-defined]
    place = memory.read(end - start).find(_SYSCALL)  # type: ignore[attr-defined]
    if place < 0:
        raise ValueError("no system call in the kernel's page of calls")
    return int(start + place)


def _step(pid: int) -> None:
    """One instruction; signals that arrive before it are dropped."""
    for _ in range(_STEPS):
        libc.ptrace(_STEP, pid, 0, 0)
        if _wait(pid) == signal.SIGTRAP:
            return
    raise ValueError("signals keep it from taking a step")


def _wait(pid: int) -> int:
    """The signal that it stopped for."""
    deadline = time.monotonic() + _PATIENCE_S
    while time.monotonic() < deadline:
        found, status = os.waitpid(pid, os.WNOHANG | _WALL)
        if found and os.WIFSTOPPED(status):
            return os.WSTOPSIG(status)
        if found:
            raise _EndedError("it has ended")
    raise ValueError("it does not stop")
