"""Filters of system calls (seccomp): one for a worker's whole life, one once its kernel is built.

Instructions: linux/filter.h, linux/bpf_common.h. What a filter answers: linux/seccomp.h,
https://man7.org/linux/man-pages/man2/seccomp.2.html

A filter that asks another process (user notification) was tried for the second: while it asks, a
signal whose handler does not restart calls makes `fork` fail, and shells have such handlers.
"""

from __future__ import annotations

import ctypes
import errno
import platform
import struct
from collections.abc import Iterable

from kernels_eval.sandbox import calls, libc

_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_NUMBER, _ARCH, _FIRST_ARGUMENT, _SECOND_ARGUMENT = 0, 4, 16, 24
"""Offsets into struct seccomp_data; of an argument the lower half, which is stored first."""
_ALLOW, _END, _ERRNO = 0x7FFF0000, 0x80000000, 0x00050000

SET_MODE_FILTER = 1
_TSYNC, _SPEC_ALLOW = 1 << 0, 1 << 2
"""For all threads; and without the latter, kernels before 5.16 slow a filtered process down."""
FOR_ALL = _TSYNC | _SPEC_ALLOW


class _Program(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("instructions", ctypes.c_void_p)]


def _instruction(code: int, value: int, then: int = 0, otherwise: int = 0) -> bytes:
    return struct.pack("=HBBI", code, then, otherwise, value)


_FIRST = _instruction(_LOAD, _FIRST_ARGUMENT)
_SECOND = _instruction(_LOAD, _SECOND_ARGUMENT)
_YES, _KILL = _instruction(_RETURN, _ALLOW), _instruction(_RETURN, _END)


def _refuse(number: int) -> bytes:
    return _instruction(_RETURN, _ERRNO | number)


def _if(code: int, value: int, body: Iterable[bytes]) -> list[bytes]:
    """Run `body`, which must end in a return, if the test holds; else go on behind it."""
    inner = list(body)
    return [_instruction(code, value, 0, len(inner)), *inner]


def _here() -> calls.Calls:
    here = calls.calls_here()
    if here is None:
        raise OSError(errno.ENOSYS, f"no table of system calls for {platform.machine()}")
    return here


def always() -> bytes:
    """The filter of a worker's whole life: what is in no table is allowed. Raises OSError."""
    here = _here()
    steps = [_instruction(_LOAD, _ARCH), _instruction(_EQUAL, here.arch, 1, 0)]
    steps += [_refuse(errno.ENOSYS), _instruction(_LOAD, _NUMBER)]
    steps += _if(_AT_LEAST, calls.X32_BIT, [_refuse(errno.ENOSYS)])
    for number, why in here.refused.items():
        steps += _if(_EQUAL, number, [_refuse(why)])
    far = _if(_ANY_BIT, calls.CLONE_OUT_OF_REACH, [_refuse(errno.EPERM)])
    steps += _if(_EQUAL, here.clone, [_FIRST, *far, _YES])
    local = _if(_EQUAL, calls.AF_UNIX, [_YES])
    steps += _if(_EQUAL, here.socket, [_FIRST, *local, _refuse(errno.EAFNOSUPPORT)])
    denied = [step for o in calls.PRCTL_DENIED for step in _if(_EQUAL, o, [_refuse(errno.EPERM)])]
    steps += _if(_EQUAL, here.prctl, [_FIRST, *denied, _YES])
    asks = _if(_ANY_BIT, calls.SECCOMP_NEW_LISTENER, [_refuse(errno.EPERM)])
    steps += _if(_EQUAL, here.seccomp, [_SECOND, *asks, _YES])
    return b"".join((*steps, _YES))


def settled() -> bytes:
    """On top of it: no process is started and no core left, or the candidate ends. Raises OSError.

    Other architectures' calls and `clone3` are out of reach already.
    """
    here = _here()
    steps = [_instruction(_LOAD, _NUMBER)]
    for number in here.ends_settled:
        steps += _if(_EQUAL, number, [_KILL])
    thread = _if(_ANY_BIT, calls.CLONE_THREAD, [_YES])
    steps += _if(_EQUAL, here.clone, [_FIRST, *thread, _KILL])
    return b"".join((*steps, _YES))


def install(program: bytes) -> None:
    """Filter this thread and all that it will start. Raises OSError.

    Needs no_new_privs or CAP_SYS_ADMIN.
    """
    buffer = ctypes.create_string_buffer(program, len(program))
    filtered = _Program(len(program) // 8, ctypes.addressof(buffer))
    libc.syscall(_here().seccomp, SET_MODE_FILTER, _SPEC_ALLOW, ctypes.byref(filtered))
