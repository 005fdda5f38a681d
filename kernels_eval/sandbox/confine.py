"""Lock a freshly forked process in: once on the keeper's side, once on the candidate's."""

from __future__ import annotations

import glob
import os
import signal

from kernels_eval.sandbox import landlock, libc, limits, seccomp
from kernels_eval.sandbox.plan import SandboxPlan

_FLAGS = {
    "network_namespace": libc.CLONE_NEWNET,
    "ipc_namespace": libc.CLONE_NEWIPC,
    "process_namespace": libc.CLONE_NEWPID,
}


def enter_user_namespace(plan: SandboxPlan) -> None:
    """In the keeper, if the plan says so; the user stays the same. Raises OSError."""
    if not plan.user_namespace:
        return
    uid, gid = os.geteuid(), os.getegid()
    libc.unshare(libc.CLONE_NEWUSER)
    _write("/proc/self/setgroups", "deny")
    _write("/proc/self/uid_map", f"{uid} {uid} 1")
    _write("/proc/self/gid_map", f"{gid} {gid} 1")


def unshare_namespaces(plan: SandboxPlan) -> list[str]:
    """In the keeper, in its user namespace, before it forks the candidate.

    Returns the namespaces in force, that of the user among them. Raises OSError.
    """
    flags = 0
    for name, flag in _FLAGS.items():
        if getattr(plan, name):
            flags |= flag
    if flags:
        libc.unshare(flags)
    return [name for name in plan.namespaces if name != "mount_namespace"]


def confine(
    plan: SandboxPlan,
    bounds: limits.Limits,
    private: str,
    readable: list[str],
    user: int | None,
) -> list[str]:
    """In the candidate's process, before any of its code. Returns the defences in force, by name.

    Order matters: mounts need rights that are given up afterwards; the parent-death signal is lost
    with a change of user, so it is set last. Raises OSError if a planned defence fails.
    """
    in_force = ["environment", "private_directory"]
    if plan.mount_namespace:
        libc.unshare(libc.CLONE_NEWNS)  # here, not in the keeper, which needs its own /proc
        _private_mounts(plan, private, bounds, user)
        in_force.append("mount_namespace")
    elif user is not None:
        os.chown(private, user, user)
    os.chdir(private)
    if not plan.process_namespace:
        libc.prctl(libc.PR_SET_CHILD_SUBREAPER, 1)
    os.setsid()
    limits.apply(bounds, plan.address_space)
    in_force.append("limits")
    if user is not None:
        libc.prctl(libc.PR_SET_KEEPCAPS, 1)
        os.setgroups([])
        os.setresgid(user, user, user)
        os.setresuid(user, user, user)
        in_force.append("own_user")
    reads = (libc.CAP_DAC_READ_SEARCH,) if plan.read_any and user is not None else ()
    libc.drop_capabilities(reads)
    libc.prctl(libc.PR_SET_NO_NEW_PRIVS, 1)
    in_force.append("no_new_privileges")
    if plan.landlock:
        devices = ["/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom", "/dev/shm"]
        if plan.gpu:
            devices += ["/proc", *glob.glob("/dev/nvidia*")]  # noqa: PTH207 - as above
        landlock.restrict(readable, [private, *devices])
        in_force.append("landlock")
    libc.prctl(libc.PR_SET_DUMPABLE, 1)  # or the judge, if not root, could not read the outputs
    libc.prctl(libc.PR_SET_PDEATHSIG, signal.SIGKILL)
    in_force.append("death_signal")
    if plan.system_call_filter:
        seccomp.install(seccomp.always())
        in_force.append("system_call_filter")
    return in_force


def _private_mounts(
    plan: SandboxPlan, private: str, bounds: limits.Limits, user: int | None
) -> None:
    libc.mount("none", "/", "none", libc.MS_REC | libc.MS_PRIVATE)
    libc.remount_read_only("/")
    owner = os.geteuid() if user is None else user
    size = f"size={bounds.file_bytes},mode=0700,uid={owner}"
    libc.mount("tmpfs", private, "tmpfs", libc.MS_NOSUID | libc.MS_NODEV, size)
    libc.mount("tmpfs", "/dev/shm", "tmpfs", libc.MS_NOSUID | libc.MS_NODEV, size)
    if plan.process_namespace:
        libc.mount("proc", "/proc", "proc", libc.MS_NOSUID | libc.MS_NODEV | libc.MS_NOEXEC)


def _write(path: str, text: str) -> None:
    with open(path, "w") as stream:  # noqa: PTH123 - no pathlib in the forked child
        stream.write(text)
