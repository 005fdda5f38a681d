"""The few system calls that Python does not wrap. Each raises OSError with the kernel's word."""

from __future__ import annotations

import contextlib
import ctypes
import os

_libc = ctypes.CDLL(None, use_errno=True)
_libc.syscall.restype = ctypes.c_long

CLONE_NEWNS = 0x00020000
CLONE_NEWUTS = 0x04000000
CLONE_NEWIPC = 0x08000000
CLONE_NEWUSER = 0x10000000
CLONE_NEWPID = 0x20000000
CLONE_NEWNET = 0x40000000

MS_NOSUID = 0x2
MS_NODEV = 0x4
MS_NOEXEC = 0x8
MS_REC = 0x4000
MS_PRIVATE = 0x40000

PR_SET_PDEATHSIG = 1
PR_SET_DUMPABLE = 4
PR_SET_KEEPCAPS = 8
PR_CAPBSET_DROP = 24
PR_SET_CHILD_SUBREAPER = 36
PR_SET_NO_NEW_PRIVS = 38
PR_CAP_AMBIENT = 47
PR_CAP_AMBIENT_RAISE = 2
PR_CAP_AMBIENT_CLEAR_ALL = 4
CAP_DAC_READ_SEARCH = 2

# The generic system-call table (x86-64 and arm64 agree on these).
SYS_MOUNT_SETATTR = 442
SYS_LANDLOCK_CREATE_RULESET = 444
SYS_LANDLOCK_ADD_RULE = 445
SYS_LANDLOCK_RESTRICT_SELF = 446

_AT_FDCWD = -100
_AT_RECURSIVE = 0x8000
_MOUNT_ATTR_RDONLY = 0x1


def _checked(result: int, what: str) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")
    return result


def syscall(number: int, *arguments: object) -> int:
    """Raw system call; integers are passed as 64-bit."""
    converted = [ctypes.c_long(a) if isinstance(a, int) else a for a in arguments]
    return _checked(int(_libc.syscall(ctypes.c_long(number), *converted)), f"syscall {number}")


def unshare(flags: int) -> None:
    _checked(int(_libc.unshare(ctypes.c_int(flags))), "unshare")


def prctl(option: int, *arguments: int) -> int:
    padded = (*arguments, 0, 0, 0, 0)[:4]
    return _checked(
        int(_libc.prctl(ctypes.c_int(option), *(ctypes.c_ulong(a) for a in padded))),
        f"prctl {option}",
    )


_libc.ptrace.restype = ctypes.c_long


def ptrace(request: int, pid: int, address: int, data: object) -> int:
    """As the calling thread; see ptrace(2)."""
    given = ctypes.c_void_p(data) if isinstance(data, int) else data
    return _checked(
        int(
            _libc.ptrace(ctypes.c_long(request), ctypes.c_int(pid), ctypes.c_void_p(address), given)
        ),
        f"ptrace {request:#x} of {pid}",
    )


def mount(source: str, target: str, kind: str, flags: int, data: str = "") -> None:
    _checked(
        int(
            _libc.mount(
                source.encode(),
                os.fsencode(target),
                kind.encode(),
                ctypes.c_ulong(flags),
                data.encode() or None,
            )
        ),
        f"mount {kind} on {target}",
    )


class _MountAttr(ctypes.Structure):
    _fields_ = [
        ("attr_set", ctypes.c_uint64),
        ("attr_clr", ctypes.c_uint64),
        ("propagation", ctypes.c_uint64),
        ("userns_fd", ctypes.c_uint64),
    ]


def remount_read_only(path: str) -> None:
    """Every mount at and below `path` becomes read-only (Linux 5.12 and later)."""
    attributes = _MountAttr(attr_set=_MOUNT_ATTR_RDONLY)
    syscall(
        SYS_MOUNT_SETATTR,
        _AT_FDCWD,
        ctypes.c_char_p(os.fsencode(path)),
        _AT_RECURSIVE,
        ctypes.byref(attributes),
        ctypes.sizeof(attributes),
    )


def drop_capabilities(kept: tuple[int, ...] = ()) -> None:
    """Give up every capability of this thread but `kept`, for itself and what it starts."""
    for capability in range(64):
        if capability in kept:
            continue
        try:
            prctl(PR_CAPBSET_DROP, capability)
        except OSError:
            break  # beyond the last one this kernel knows, or not ours to drop
    mask = sum(1 << capability for capability in kept)
    low, high = mask & 0xFFFFFFFF, mask >> 32
    header = (ctypes.c_uint32 * 2)(0x20080522, 0)
    sets = (ctypes.c_uint32 * 6)(low, low, low, high, high, high)
    with contextlib.suppress(OSError):
        prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL)
    _checked(int(_libc.capset(ctypes.byref(header), ctypes.byref(sets))), "capset")
    for capability in kept:
        prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, capability)


class _IoVec(ctypes.Structure):
    _fields_ = [("base", ctypes.c_void_p), ("length", ctypes.c_size_t)]


_libc.process_vm_readv.restype = ctypes.c_ssize_t
_libc.process_vm_readv.argtypes = [
    ctypes.c_int,
    ctypes.c_void_p,
    ctypes.c_ulong,
    ctypes.c_void_p,
    ctypes.c_ulong,
    ctypes.c_ulong,
]


def read_process_memory(pid: int, addresses: list[int], length: int, into: int) -> int:
    """Read `length` bytes at each address of process `pid` to the local address `into`, end to end.

    Returns the bytes that were read (fewer if a page is missing). At most 1024 addresses (IOV_MAX).
    Raises OSError: EFAULT for an unmapped first address, EPERM without the right to trace.
    """
    local = _IoVec(into, length * len(addresses))
    remote = (_IoVec * len(addresses))(*[_IoVec(address, length) for address in addresses])
    return _checked(
        int(
            _libc.process_vm_readv(
                pid, ctypes.byref(local), 1, ctypes.byref(remote), len(addresses), 0
            )
        ),
        f"process_vm_readv of {pid}",
    )
