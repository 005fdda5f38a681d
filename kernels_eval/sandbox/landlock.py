"""Landlock: file rights that a process takes from itself and its children, without being root.

Rights and their kernel versions: https://docs.kernel.org/userspace-api/landlock.html
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterable

from kernels_eval.sandbox import libc

_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIR = 1 << 0, 1 << 1, 1 << 2, 1 << 3
_READ = _EXECUTE | _READ_FILE | _READ_DIR
_FILE_RIGHTS = _EXECUTE | _WRITE_FILE | _READ_FILE
_RIGHTS_BY_ABI = {1: (1 << 13) - 1, 2: (1 << 14) - 1, 3: (1 << 15) - 1, 5: (1 << 16) - 1}
_TRUNCATE, _IOCTL_DEV = 1 << 14, 1 << 15
_TCP_BIND_CONNECT = 0b11
_SCOPE_ABSTRACT_SOCKET_AND_SIGNAL = 0b11
_RULE_PATH_BENEATH = 1
_ASK_VERSION = 1


class _Ruleset(ctypes.Structure):
    _fields_ = [
        ("handled_access_fs", ctypes.c_uint64),
        ("handled_access_net", ctypes.c_uint64),
        ("scoped", ctypes.c_uint64),
    ]


class _PathBeneath(ctypes.Structure):
    _pack_ = 1
    _layout_ = "ms"
    _fields_ = [
        ("allowed_access", ctypes.c_uint64),
        ("parent_fd", ctypes.c_int32),
    ]


def abi() -> int:
    """The kernel's Landlock version; 0 without Landlock."""
    try:
        return libc.syscall(libc.SYS_LANDLOCK_CREATE_RULESET, 0, 0, _ASK_VERSION)
    except OSError:
        return 0


def restrict(readable: Iterable[str], writable: Iterable[str]) -> None:
    """Allow reading and executing below `readable`, all below `writable`, and nothing else.

    Paths that do not exist are passed over. TCP is denied from ABI 4 on; signals and abstract
    sockets to processes outside from ABI 6 on. Needs no_new_privs or CAP_SYS_ADMIN. Raises OSError.
    """
    version = abi()
    if version < 1:
        raise OSError("this kernel has no Landlock")
    handled = max(rights for since, rights in _RIGHTS_BY_ABI.items() if since <= version)
    rules = _Ruleset(handled_access_fs=handled)
    size = 8
    if version >= 4:
        rules.handled_access_net = _TCP_BIND_CONNECT
        size = 16
    if version >= 6:
        rules.scoped = _SCOPE_ABSTRACT_SOCKET_AND_SIGNAL
        size = 24
    ruleset = libc.syscall(libc.SYS_LANDLOCK_CREATE_RULESET, ctypes.byref(rules), size, 0)
    try:
        for paths, rights in ((readable, _READ), (writable, handled)):
            for path in paths:
                _allow(ruleset, path, rights & handled)
        libc.syscall(libc.SYS_LANDLOCK_RESTRICT_SELF, ruleset, 0)
    finally:
        os.close(ruleset)


def _allow(ruleset: int, path: str, rights: int) -> None:
    try:
        descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return
    try:
        if not os.path.isdir(path):  # noqa: PTH112 - no pathlib in the forked child
            rights &= _FILE_RIGHTS | _TRUNCATE | _IOCTL_DEV
        rule = _PathBeneath(allowed_access=rights, parent_fd=descriptor)
        libc.syscall(libc.SYS_LANDLOCK_ADD_RULE, ruleset, _RULE_PATH_BENEATH, ctypes.byref(rule), 0)
    finally:
        os.close(descriptor)
