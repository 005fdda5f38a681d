"""What this machine gives: each defence tried once, in a child that ends right after."""

from __future__ import annotations

import contextlib
import functools
import os
import signal
import stat
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import torch

from kernels_eval.sandbox import autogroup, inject, landlock, libc, seccomp
from kernels_eval.sandbox.plan import SandboxPlan
from kernels_eval.sandbox.user_ids import user_ids_exist


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
    if not _works(_filters):
        chosen = chosen.without("system_call_filter")
    if not (chosen.system_call_filter and _works(_settles)):
        chosen = chosen.without("settled_filter")
    open_to_all = _others_can_read()
    rights = os.geteuid() == 0 and _can_trace() and user_ids_exist()
    own_user = rights and (open_to_all or chosen.landlock)
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
        "settled_filter": chosen.settled_filter,
        "own_user": chosen.own_user,
        "read_worker_memory": _can_read_child(),
        "memory_together": "added up while a candidate has several processes",
        "put_ahead_of_others": autogroup.available(),
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


def _filters() -> None:
    """The first filter, installed by the process itself."""
    libc.prctl(libc.PR_SET_NO_NEW_PRIVS, 1)
    seccomp.install(seccomp.always())
    with contextlib.suppress(PermissionError):
        libc.unshare(0)
        raise OSError("a call was let through that is refused")


def _settles() -> None:
    """The second filter, injected into a stopped child that then starts a process."""
    if not inject.supported():
        raise OSError("no way to inject a filter on this machine")
    pid = os.fork()
    if pid == 0:
        libc.prctl(libc.PR_SET_NO_NEW_PRIVS, 1)
        os.kill(os.getpid(), signal.SIGSTOP)
        _works(lambda: None)
        os._exit(0)
    try:
        os.waitpid(pid, os.WUNTRACED)
        inject.add_filter(pid, seccomp.settled())
    finally:
        os.kill(pid, signal.SIGCONT)
    _, status = os.waitpid(pid, 0)
    if not os.WIFSIGNALED(status) or os.WTERMSIG(status) != signal.SIGSYS:
        raise OSError("a process was started although that ends it")


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
