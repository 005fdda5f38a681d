"""What this machine gives: each defence tried once, in a child that ends right after."""

from __future__ import annotations

import contextlib
import functools
import os
import select
import socket
import stat
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import torch

from kernels_eval.sandbox import landlock, libc, seccomp
from kernels_eval.sandbox.plan import SandboxPlan

_ASKS_WITHIN_S = 5.0


def readable_paths(extra: tuple[str, ...] = ()) -> list[str]:
    """What Python, torch and a compiler read; nothing of the user's own."""
    system = ["/usr", "/lib", "/lib32", "/lib64", "/bin", "/sbin", "/etc", "/opt", "/proc", "/sys"]
    devices = ["/dev"]
    python = [sys.prefix, sys.base_prefix, str(Path(os.__file__).parent)]
    libraries = [str(Path(torch.__file__).parent.parent), str(Path(__file__).parents[1])]
    packages = [entry for entry in sys.path if entry.endswith(("site-packages", "dist-packages"))]
    return list(dict.fromkeys([*system, *devices, *python, *libraries, *packages, *extra]))


@functools.cache
def plan() -> SandboxPlan:
    """The strongest plan of which every part works here."""
    chosen = SandboxPlan(user_namespace=os.geteuid() != 0)
    if chosen.user_namespace and not _works(lambda: _unshare_user(0)):
        chosen = replace(chosen, user_namespace=False)
    for name, flag in (
        ("network_namespace", libc.CLONE_NEWNET),
        ("ipc_namespace", libc.CLONE_NEWIPC),
        ("process_namespace", libc.CLONE_NEWPID),
        ("mount_namespace", libc.CLONE_NEWNS),
    ):
        works = _works(functools.partial(_unshare, flag, chosen.user_namespace))
        if works and name == "mount_namespace":
            works = _works(functools.partial(_mounts, chosen))
        if not works:
            chosen = chosen.without(name)
    if not chosen.mount_namespace:
        # Without a /proc of its own the namespace would still show everybody's processes.
        chosen = replace(chosen, process_namespace=False)
    if landlock.abi() < 1:
        chosen = chosen.without("landlock")
    if not _works(_filter_and_ask):
        chosen = chosen.without("system_call_filter")
    open_to_all = _others_can_read()
    own_user = os.geteuid() == 0 and _can_trace() and (open_to_all or chosen.landlock)
    return replace(chosen, own_user=own_user, read_any=own_user and not open_to_all)


def available() -> dict[str, bool | str]:
    """Every defence by name, and whether this machine gives it (Landlock: its version)."""
    chosen = plan()
    version = landlock.abi()
    return {
        "network_namespace": chosen.network_namespace,
        "process_namespace": chosen.process_namespace,
        "ipc_namespace": chosen.ipc_namespace,
        "mount_namespace": chosen.mount_namespace,
        "user_namespace": chosen.user_namespace or "not needed (root)"
        if os.geteuid() == 0
        else chosen.user_namespace,
        "landlock": f"abi {version}" if version else False,
        "system_call_filter": chosen.system_call_filter,
        "own_user": chosen.own_user,
        "read_worker_memory": _can_read_child(),
    }


def _works(attempt: Callable[[], None]) -> bool:
    """Whether `attempt` succeeds in a forked child."""
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            attempt()
            code = 0
        except BaseException:
            pass
        finally:
            os._exit(code)
    _, status = os.waitpid(pid, 0)
    return status == 0


def _unshare_user(flags: int) -> None:
    uid, gid = os.geteuid(), os.getegid()
    libc.unshare(libc.CLONE_NEWUSER)
    for name, text in (
        ("setgroups", "deny"),
        ("uid_map", f"{uid} {uid} 1"),
        ("gid_map", f"{gid} {gid} 1"),
    ):
        Path(f"/proc/self/{name}").write_text(text)
    if flags:
        libc.unshare(flags)


def _unshare(flag: int, user: bool) -> None:
    if user:
        _unshare_user(flag)
    else:
        libc.unshare(flag)


def _mounts(chosen: SandboxPlan) -> None:
    flags = libc.CLONE_NEWNS | (libc.CLONE_NEWPID if chosen.process_namespace else 0)
    _unshare(flags, chosen.user_namespace)
    if not _works(functools.partial(_mount_all, chosen.process_namespace)):
        raise OSError("mounts refused")


def _mount_all(proc: bool) -> None:
    libc.mount("none", "/", "none", libc.MS_REC | libc.MS_PRIVATE)
    libc.remount_read_only("/")
    libc.mount("tmpfs", "/dev/shm", "tmpfs", libc.MS_NOSUID | libc.MS_NODEV, "size=4096")
    if proc:
        libc.mount("proc", "/proc", "proc", libc.MS_NOSUID | libc.MS_NODEV | libc.MS_NOEXEC)


def _filter_and_ask() -> None:
    """A filtered child starts a process, and hears no the second time."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    pid = os.fork()
    if pid == 0:
        os._exit(0 if _works(functools.partial(_start_two, theirs)) else 1)
    theirs.close()
    _, (descriptor,), _, _ = socket.recv_fds(ours, 1, 1)
    listener = seccomp.Listener(descriptor)
    for allowed in (True, False):
        poll = select.poll()
        poll.register(descriptor, select.POLLIN)
        if not poll.poll(_ASKS_WITHIN_S * 1000) or not listener.answer(allowed):
            os.kill(pid, 9)
            raise OSError("the filter did not ask")
    if os.waitpid(pid, 0)[1] != 0:
        raise OSError("the filter did not do as it was told")


def _start_two(telling: socket.socket) -> None:
    libc.prctl(libc.PR_SET_NO_NEW_PRIVS, 1)
    descriptor = seccomp.install()
    socket.send_fds(telling, [b"l"], [descriptor])
    os.close(descriptor)
    if not _works(lambda: None):
        raise OSError("a process that was allowed did not run")
    with contextlib.suppress(PermissionError):
        _works(lambda: None)
        raise OSError("a process was started that was refused")


_TRACING = (2, 5, 6, 7, 19, 21, 23)
"""DAC_READ_SEARCH, KILL, SETGID, SETUID, SYS_PTRACE, SYS_ADMIN, SYS_NICE (linux/capability.h)."""


def _others_can_read() -> bool:
    """Whether a user without any rights reaches Python, torch and this package."""
    for path in (sys.prefix, sys.base_prefix, torch.__file__, __file__):
        place = Path(path).resolve()
        for directory in (place, *place.parents):
            mode = directory.stat().st_mode
            wanted = stat.S_IROTH if directory.is_file() else stat.S_IXOTH
            if not mode & wanted:
                return False
    return True


def _can_trace() -> bool:
    """Whether we hold the capabilities to stop, pin and read another user's process."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("CapEff:"):
            held = int(line.split()[1], 16)
            return all(held >> capability & 1 for capability in _TRACING)
    return False


def _can_read_child() -> bool:
    """process_vm_readv on a child of ours."""
    import ctypes

    secret = ctypes.c_uint64(0x1234)
    pid = os.fork()
    if pid == 0:
        import signal

        signal.pause()
        os._exit(0)
    try:
        into = ctypes.c_uint64(0)
        libc.read_process_memory(pid, [ctypes.addressof(secret)], 8, ctypes.addressof(into))
        return into.value == 0x1234
    except OSError:
        return False
    finally:
        os.kill(pid, 9)
        os.waitpid(pid, 0)
