"""What malloc does with the memory of a process that outputs are timed in (glibc's, by its names).

A call's outputs come from malloc. Where they land, and whether their pages are there, would
otherwise weigh more than most kernels, and differ from one process to the next.
"""

from __future__ import annotations

import contextlib
import ctypes

_libc = ctypes.CDLL(None, use_errno=True)
_libc.malloc.restype = ctypes.c_void_p
_libc.malloc.argtypes = [ctypes.c_size_t]
_libc.free.argtypes = [ctypes.c_void_p]
_libc.memset.argtypes = [ctypes.c_void_p, ctypes.c_int, ctypes.c_size_t]
_libc.sbrk.restype = ctypes.c_void_p
_libc.sbrk.argtypes = [ctypes.c_ssize_t]
_libc.madvise.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]

_M_MXFAST, _M_TRIM_THRESHOLD, _M_MMAP_MAX = 1, -1, -4
_MADV_HUGEPAGE = 14
_HUGE = 2 << 20
_HEADER, _SIZE_FIELD = 16, 8
"""Before each block; half of it belongs to the block before it, while that is in use."""
_SMALLEST, _LARGEST = 16, 64 << 10
"""Bytes that holes are filled with; beyond 128 KiB malloc may look elsewhere."""


class _Info(ctypes.Structure):
    """`struct mallinfo2`: all that is free, and of that the heap's end. Bytes."""

    _fields_ = [
        *((f"unused{index}", ctypes.c_size_t) for index in range(8)),
        ("fordblks", ctypes.c_size_t),
        ("keepcost", ctypes.c_size_t),
    ]


def keep_heap() -> None:
    """Let malloc keep what it got: no mmap per allocation, no trimming.

    Fresh outputs then land on pages that are already mapped, as they do with a GPU's caching
    allocator.
    """
    _libc.mallopt(_M_MXFAST, 0)
    _libc.mallopt(_M_MMAP_MAX, 0)
    _libc.mallopt(_M_TRIM_THRESHOLD, 2**31 - 1)


def give_heap_back() -> None:
    """Return what `keep_heap` let malloc keep: gigabytes, after a problem with large inputs."""
    _libc.malloc_trim(0)


def _info() -> _Info:
    """All zeros if malloc does not say: glibc before 2.33, or another C library."""
    with contextlib.suppress(AttributeError):
        _libc.mallinfo2.restype = _Info
        info: _Info = _libc.mallinfo2()
        return info
    return _Info()


def holes() -> int:
    """Free bytes between what is in use: all but the heap's end."""
    info = _info()
    return int(info.fordblks - info.keepcost)


def _end() -> int:
    """Where the last free chunk begins, which what fits into no hole is cut from."""
    return int(_libc.sbrk(0) - _info().keepcost)


def fill_holes() -> None:
    """Use up the holes for good, so that what is allocated from now on lies at the heap's end.

    For a process that others are forked from: they share the pages that the holes are on with it,
    and the first write to each costs a copy. Malloc takes the oldest hole that fits, so small
    allocations would go on finding such pages for hundreds of calls, at 20 µs each (torch.tanh on
    0.6 MB: 85 instead of 62 µs, in every second call).
    """
    end, left, size = _end(), holes(), _LARGEST
    while size >= _SMALLEST and left > 0:
        found = _libc.malloc(size)
        if found and found < end:
            left -= size
        else:
            _libc.free(found)
            size //= 2


def reserve(size: int) -> None:
    """Have the heap's end hold so many bytes on pages that are there, large ones if there are any.

    Pages of 4 KiB come from all over the memory, and the longer a machine runs the more so; how
    well they share a cache differs by 3 % between processes. Those of 2 MB (transparent huge pages,
    where the system gives them to who asks) do not. Call `keep_heap` first.
    """
    to_boundary = -(_end() + _HEADER) % _HUGE
    _libc.malloc(to_boundary + _HUGE - _SIZE_FIELD)  # nobody touches it
    size = -(-size // _HUGE) * _HUGE
    block = _libc.malloc(size + _HEADER)  # the next header is beyond these pages, too
    if block:
        _libc.madvise(block, size, _MADV_HUGEPAGE)  # no matter if it is refused
        _libc.memset(block, 0, size)
        _libc.free(block)
