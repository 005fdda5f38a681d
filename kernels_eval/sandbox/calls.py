"""Which system calls a candidate may not make, and why; by architecture.

Numbers: arch/x86/entry/syscalls/syscall_64.tbl and include/uapi/asm-generic/unistd.h of Linux.
"""

from __future__ import annotations

import errno
import platform
from collections.abc import Mapping
from dataclasses import dataclass

_AUDIT_ARCH = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}

_DENIED: Mapping[str, tuple[int, ...]] = {
    # Namespaces of its own would give it the rights that it was deprived of.
    "unshare": (272, 97),
    "setns": (308, 268),
    # How the scheduler sees it: a longer slice, a higher clock, another class than the reference.
    "sched_setparam": (142, 118),
    "sched_setscheduler": (144, 119),
    "sched_setattr": (314, 274),
    "setpriority": (141, 140),
    # Other processes' memory and descriptors, and going on when stopped.
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "process_madvise": (440, 440),
    "pidfd_getfd": (438, 438),
    "kcmp": (312, 272),
    # Memory that is filled when it is read, which the judge does while the candidate is stopped.
    "userfaultfd": (323, 282),
    # Interrupts while the reference is timed, by as many as there are descriptors.
    "timerfd_create": (283, 85),
    # Parts of the kernel that no kernel of ours needs.
    "bpf": (321, 280),
    "perf_event_open": (298, 241),
    "add_key": (248, 217),
    "request_key": (249, 218),
    "keyctl": (250, 219),
    "open_by_handle_at": (304, 265),
}
"""EPERM. (x86-64, arm64)"""

_MISSING: Mapping[str, tuple[int, ...]] = {
    # Its flags lie in memory, where no filter can read them; the C library falls back to `clone`.
    "clone3": (435, 435),
    # Works in threads of the kernel's, and opens what a filter would refuse.
    "io_uring_setup": (425, 425),
    "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427),
}
"""ENOSYS, as if the kernel were older."""

_ENDS_SETTLED: Mapping[str, tuple[int, ...]] = {
    # Starting processes is what compilers do, and what nobody does whose kernel is built.
    "fork": (57,),
    "vfork": (58,),
    # Libraries bind their threads when they are loaded; later the judge does.
    "sched_setaffinity": (203, 122),
}
"""They end a candidate that was built and called, and so does `clone` unless it starts a thread."""

_SECCOMP = (317, 277)
_CLONE = (56, 220)
_SOCKET = (41, 198)
_PRCTL = (157, 167)

CLONE_THREAD = 0x00010000
CLONE_OUT_OF_REACH = 0x7E020000 | 0x00008000
"""New namespaces (sched.h), and CLONE_PARENT: a child that is not found below the candidate."""
AF_UNIX = 1
PRCTL_DENIED = (
    1,  # PR_SET_PDEATHSIG: it ends with its keeper
    4,  # PR_SET_DUMPABLE: the judge reads its memory
    62,  # PR_SCHED_CORE: nobody else on the other thread of its core
)
SECCOMP_NEW_LISTENER = 1 << 3
"""A filter that asks a thread of the candidate's: while one waits for the answer it can be killed
and not stopped (SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV)."""
X32_BIT = 0x40000000


@dataclass(frozen=True)
class Calls:
    """The numbers on one architecture."""

    arch: int
    refused: Mapping[int, int]
    """System call -> errno."""
    ends_settled: tuple[int, ...]
    seccomp: int
    clone: int
    socket: int
    prctl: int


def calls_here() -> Calls | None:
    """For this machine; None where the numbers are not known."""
    machine = platform.machine()
    if machine not in _AUDIT_ARCH:
        return None
    column = list(_AUDIT_ARCH).index(machine)

    def numbers(table: Mapping[str, tuple[int, ...]]) -> tuple[int, ...]:
        return tuple(row[column] for row in table.values() if len(row) > column)

    return Calls(
        arch=_AUDIT_ARCH[machine],
        refused=dict.fromkeys(numbers(_DENIED), errno.EPERM)
        | dict.fromkeys(numbers(_MISSING), errno.ENOSYS),
        ends_settled=numbers(_ENDS_SETTLED),
        seccomp=_SECCOMP[column],
        clone=_CLONE[column],
        socket=_SOCKET[column],
        prctl=_PRCTL[column],
    )
