"""The container that a judge and the problem files it loads live in; nothing here needs torch.

Root's container belongs to a user id that no account has; an ordinary user's to that user. Inside
it the judge may still mount, trace and change users, as it must around candidates, and none of that
reaches beyond it.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import platform
import resource
import signal
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from kernels_eval.host.ids import WORKERS, Extent, Identity
from kernels_eval.host.root import device_files, enter_new_root
from kernels_eval.sandbox import landlock, libc

ENVIRONMENT, NAMESPACES = "problem_environment", "problem_namespaces"
PROCESSES, FILES, USER = "problem_processes", "problem_files", "problem_user"
DEFENCES = (ENVIRONMENT, NAMESPACES, PROCESSES, FILES, USER)
"""As they are listed in `Verdict.sandbox`: no secrets in the environment; no network and no memory
shared with others; no processes but its own; no files but the system's and Python's; nobody's user.
"""
_KEYCTL = {"x86_64": 250, "aarch64": 219}
_JOIN_SESSION_KEYRING = 1
_NICE_RANGE = 40
_OVER_FENCES = (21, 38)
"""CAP_SYS_ADMIN, CAP_PERFMON (linux/capability.h)."""


@dataclass(frozen=True)
class Shape:
    """One way to build the container."""

    namespaces: bool
    processes: bool
    """A process namespace, with a /proc of its own; some machines refuse only that."""
    nobody: bool
    """Inner root is a user without an account, not this process's own user."""
    fenced: bool = False
    """Landlock in place of a file system of its own; a judge that mounts could not work in it."""

    @property
    def in_force(self) -> tuple[str, ...]:
        files = self.namespaces or self.fenced
        there = (True, self.namespaces, self.processes, files, self.nobody)
        return tuple(name for name, given in zip(DEFENCES, there, strict=True) if given)


FENCED = Shape(namespaces=False, processes=False, nobody=False, fenced=True)
PLAIN = Shape(namespaces=False, processes=False, nobody=False)


def shapes(*, nobody_can_run: bool) -> Iterator[Shape]:
    """Strongest first, the last one always works.

    `nobody_can_run`: whether there is a user without an account, and it could run Python here.
    """
    for nobody in (True, False) if nobody_can_run else (False,):
        for processes in (True, False):
            yield Shape(namespaces=True, processes=processes, nobody=nobody)
    yield FENCED
    yield PLAIN


def prepare_limits() -> None:
    """Before rights are given up: workers may still be put ahead of others on their core."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_NICE, (_NICE_RANGE, _NICE_RANGE))


def unshare_outer(shape: Shape) -> None:
    """First step, before the fork of the first process inside. Raises OSError."""
    if not shape.namespaces:
        return
    flags = libc.CLONE_NEWNS | libc.CLONE_NEWIPC | libc.CLONE_NEWNET
    flags |= libc.CLONE_NEWPID if shape.processes else 0
    if os.geteuid() == 0:
        libc.unshare(flags)
    else:
        _unshare_as_own_user(flags)


def enter(
    shape: Shape,
    trees: list[Path],
    await_go: Callable[[], None],
    *,
    root: bool,
    scratch: Path | None,
) -> None:
    """Second step, in the first process inside. Raises OSError.

    The last user namespace locks all mounts made before it. `await_go` returns once this process
    has its last parent and, for `root`, once its ids are mapped from outside. `scratch`: what can
    be written where there is no /tmp of its own.
    """
    if shape.namespaces:
        enter_new_root(trees, fresh_proc=shape.processes)
        if root:
            libc.unshare(libc.CLONE_NEWUSER | libc.CLONE_NEWNS)
        else:
            _unshare_as_own_user(libc.CLONE_NEWNS)
    await_go()
    if shape.namespaces and root:
        os.setresgid(0, 0, 0)
        os.setgroups([])
        os.setresuid(0, 0, 0)
        libc.prctl(libc.PR_SET_DUMPABLE, 1)
    _leave_keyring()
    libc.prctl(libc.PR_SET_NO_NEW_PRIVS, 1)
    if shape.fenced:
        _drop_rights_over_fences()
        _fence(trees, [] if scratch is None else [str(scratch)])
    libc.prctl(libc.PR_SET_PDEATHSIG, signal.SIGKILL)


def write_maps(pid: int, shape: Shape, identity: Identity | None) -> None:
    """For the first process inside root's container, from outside. Raises OSError."""
    for name, own in (("uid_map", os.geteuid()), ("gid_map", os.getegid())):
        root = identity.root if identity is not None and shape.nobody else own
        extents = [Extent(0, root, 1), *([] if identity is None else [WORKERS])]
        text = "".join(f"{one.inner} {one.outer} {one.count}\n" for one in extents)
        Path(f"/proc/{pid}/{name}").write_text(text)


def _unshare_as_own_user(flags: int) -> None:
    """With a user namespace in which there is nobody but this process's user."""
    uid, gid = os.geteuid(), os.getegid()
    libc.unshare(libc.CLONE_NEWUSER | flags)
    Path("/proc/self/setgroups").write_text("deny")
    Path("/proc/self/uid_map").write_text(f"{uid} {uid} 1")
    Path("/proc/self/gid_map").write_text(f"{gid} {gid} 1")


def _drop_rights_over_fences() -> None:
    """Root's rights by which the kernel shows other processes' environments past Landlock."""
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    held = int(status["CapEff"], 16)
    rights = (right for right in range(held.bit_length()) if held >> right & 1)
    libc.drop_capabilities(tuple(right for right in rights if right not in _OVER_FENCES))


def _fence(trees: list[Path], writable: list[str]) -> None:
    """Of /etc only what everybody may read: this process may be root. Raises OSError."""
    etc = Path("/etc")
    readable = [tree for tree in trees if tree != etc]
    readable += [one for one in etc.iterdir() if one.exists() and one.stat().st_mode & stat.S_IROTH]
    # The judge writes in its workers' directories of /proc; those of others are not its to trace.
    places = [*writable, "/proc", "/dev/shm", *map(str, device_files())]
    landlock.restrict(map(str, readable), places)


def _leave_keyring() -> None:
    """The user's session keyring is not inherited."""
    number = _KEYCTL.get(platform.machine())
    if number is not None:
        with contextlib.suppress(OSError):
            libc.syscall(number, _JOIN_SESSION_KEYRING, ctypes.c_void_p(None))
