"""A filter of system calls (seccomp) that asks the keeper about some of them.

Instructions: linux/filter.h, linux/bpf_common.h. What a filter answers: linux/seccomp.h,
https://man7.org/linux/man-pages/man2/seccomp.2.html and seccomp_unotify.2.html.
"""

from __future__ import annotations

import ctypes
import errno
import fcntl
import os
import platform
import struct
from collections.abc import Iterable

from kernels_eval.sandbox import calls, libc

_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_NUMBER, _ARCH, _FIRST_ARGUMENT = 0, 4, 16
"""Offsets into struct seccomp_data; of an argument the lower half, which is stored first."""
_ALLOW, _ASK, _ERRNO = 0x7FFF0000, 0x7FC00000, 0x00050000

_SYS_SECCOMP = {"x86_64": 317, "aarch64": 277}
_SET_MODE_FILTER = 1
_SPEC_ALLOW, _NEW_LISTENER = 1 << 2, 1 << 3
"""Without the first, kernels before 5.16 slow down every load of a process with a filter."""

_RECEIVE, _ANSWER = 0xC0502100, 0xC0182101
_REQUEST_BYTES = 80
_CONTINUE = 1


class _Program(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("instructions", ctypes.c_void_p)]


def _instruction(code: int, value: int, then: int = 0, otherwise: int = 0) -> bytes:
    return struct.pack("=HBBI", code, then, otherwise, value)


def _refuse(number: int) -> bytes:
    return _instruction(_RETURN, _ERRNO | number)


def _if(code: int, value: int, body: Iterable[bytes]) -> list[bytes]:
    """Run `body`, which must end in a return, if the test holds; else go on behind it."""
    inner = list(body)
    return [_instruction(code, value, 0, len(inner)), *inner]


def program(here: calls.Calls) -> bytes:
    """The filter: what is in no table is allowed."""
    allow, ask = _instruction(_RETURN, _ALLOW), _instruction(_RETURN, _ASK)
    first = _instruction(_LOAD, _FIRST_ARGUMENT)
    steps = [_instruction(_LOAD, _ARCH), _instruction(_EQUAL, here.arch, 1, 0)]
    steps += [_refuse(errno.ENOSYS), _instruction(_LOAD, _NUMBER)]
    steps += _if(_AT_LEAST, calls.X32_BIT, [_refuse(errno.ENOSYS)])
    for number, why in here.refused.items():
        steps += _if(_EQUAL, number, [_refuse(why)])
    for number in here.asked:
        steps += _if(_EQUAL, number, [ask])
    thread = _if(_ANY_BIT, calls.CLONE_THREAD, [allow])
    far = _if(_ANY_BIT, calls.CLONE_OUT_OF_REACH, [_refuse(errno.EPERM)])
    steps += _if(_EQUAL, here.clone, [first, *far, *thread, ask])
    local = _if(_EQUAL, calls.AF_UNIX, [allow])
    steps += _if(_EQUAL, here.socket, [first, *local, _refuse(errno.EAFNOSUPPORT)])
    denied = [step for o in calls.PRCTL_DENIED for step in _if(_EQUAL, o, [_refuse(errno.EPERM)])]
    steps += _if(_EQUAL, here.prctl, [first, *denied, allow])
    return b"".join((*steps, allow))


def install() -> int:
    """Filter this thread and all that it will start; the descriptor to listen on.

    Needs no_new_privs or CAP_SYS_ADMIN. Raises OSError: on an unknown machine, without seccomp, or
    below a filter that has a listener already.
    """
    here = calls.calls_here()
    if here is None:
        raise OSError(errno.ENOSYS, f"no table of system calls for {platform.machine()}")
    code = program(here)
    buffer = ctypes.create_string_buffer(code, len(code))
    filtered = _Program(len(code) // 8, ctypes.addressof(buffer))
    return libc.syscall(
        _SYS_SECCOMP[platform.machine()],
        _SET_MODE_FILTER,
        _SPEC_ALLOW | _NEW_LISTENER,
        ctypes.byref(filtered),
    )


class Listener:
    """The other end: answers what the filter asks."""

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor

    def answer(self, allowed: bool) -> bool:
        """One question, if one is there; whether it was still wanted. Never waits after POLLIN."""
        asked = bytearray(_REQUEST_BYTES)
        try:
            fcntl.ioctl(self.descriptor, _RECEIVE, asked)
            (number,) = struct.unpack_from("=Q", asked)
            reply = (number, 0, 0, _CONTINUE) if allowed else (number, 0, -errno.EPERM, 0)
            fcntl.ioctl(self.descriptor, _ANSWER, bytearray(struct.pack("=QqiI", *reply)))
        except OSError:
            return False  # the one who asked was killed, or stopped and will ask again
        return True

    def close(self) -> None:
        os.close(self.descriptor)
