"""The few driver calls behind shared device memory, through ctypes: no compiler, no headers.

Names, structures and numbers: https://docs.nvidia.com/cuda/cuda-driver-api/group__CUDA__VA.html
"""

from __future__ import annotations

import ctypes
import functools

_PINNED, _ON_DEVICE, _DESCRIPTOR, _READ, _READ_WRITE = 1, 1, 1, 1, 3
_OUT_OF_MEMORY = 2
_DEVICE_MAP = 2
GRANULE = 2 << 20
"""Bytes; physical memory comes in multiples of it."""

_word = ctypes.c_ulonglong


class DriverError(Exception):
    """A driver call failed; the message names the call and the error."""

    no_room = False
    """Whether memory was short."""


class _Location(ctypes.Structure):
    _fields_ = [("type", ctypes.c_int), ("id", ctypes.c_int)]


class _Properties(ctypes.Structure):
    _fields_ = [
        ("type", ctypes.c_int),
        ("handle_types", ctypes.c_int),
        ("location", _Location),
        ("unused", ctypes.c_void_p),
        ("flags", ctypes.c_ubyte * 8),
    ]


class _Access(ctypes.Structure):
    _fields_ = [("location", _Location), ("flags", ctypes.c_int)]


@functools.cache
def _driver() -> ctypes.CDLL:
    try:
        return ctypes.CDLL("libcuda.so.1")
    except OSError as error:
        raise DriverError(f"no CUDA driver: {error}") from None


def _call(name: str, *arguments: object) -> None:
    """Raises DriverError."""
    code = getattr(_driver(), name)(*arguments)
    if code:
        text = ctypes.c_char_p()
        _driver().cuGetErrorName(code, ctypes.byref(text))
        error = DriverError(f"{name}: {(text.value or b'?').decode()} ({code})")
        error.no_room = code == _OUT_OF_MEMORY
        raise error


def rounded(size: int) -> int:
    """`size` bytes up to the next granule."""
    return max(1, -(-size // GRANULE)) * GRANULE


def create(size: int, device: int) -> int:
    """A handle on `size` bytes of physical memory that can be exported; zeroed by the driver."""
    handle = _word()
    properties = _Properties(_PINNED, _DESCRIPTOR, _Location(_ON_DEVICE, device))
    _call("cuMemCreate", ctypes.byref(handle), ctypes.c_size_t(size), ctypes.byref(properties),
          _word(0))  # fmt: skip
    return handle.value


def export(handle: int) -> int:
    """A file descriptor for another process; the caller closes it."""
    descriptor = ctypes.c_int(-1)
    _call("cuMemExportToShareableHandle", ctypes.byref(descriptor), _word(handle), _DESCRIPTOR,
          _word(0))  # fmt: skip
    return descriptor.value


def take(descriptor: int) -> int:
    """The handle behind another process's descriptor, which stays open."""
    handle = _word()
    _call("cuMemImportFromShareableHandle", ctypes.byref(handle), ctypes.c_void_p(descriptor),
          _DESCRIPTOR)  # fmt: skip
    return handle.value


def map_memory(handle: int, size: int, device: int, *, write: bool = True) -> int:
    """The address at which this process sees the memory."""
    address = _word()
    _call("cuMemAddressReserve", ctypes.byref(address), ctypes.c_size_t(size), ctypes.c_size_t(0),
          _word(0), _word(0))  # fmt: skip
    try:
        _call("cuMemMap", address, ctypes.c_size_t(size), ctypes.c_size_t(0), _word(handle),
              _word(0))  # fmt: skip
        try:
            access = _Access(_Location(_ON_DEVICE, device), _READ_WRITE if write else _READ)
            _call("cuMemSetAccess", address, ctypes.c_size_t(size), ctypes.byref(access),
                  ctypes.c_size_t(1))  # fmt: skip
        except DriverError:
            _call("cuMemUnmap", address, ctypes.c_size_t(size))
            raise
    except DriverError:
        _call("cuMemAddressFree", address, ctypes.c_size_t(size))
        raise
    return address.value


def unmap_memory(address: int, size: int) -> None:
    _call("cuMemUnmap", _word(address), ctypes.c_size_t(size))
    _call("cuMemAddressFree", _word(address), ctypes.c_size_t(size))


def register_host(address: int, size: int) -> int:
    """The address at which the device sees `size` bytes of this process's memory."""
    _call("cuMemHostRegister_v2", _word(address), ctypes.c_size_t(size), _DEVICE_MAP)
    found = _word()
    _call("cuMemHostGetDevicePointer_v2", ctypes.byref(found), _word(address), 0)
    return found.value


def write_word(stream: int, address: int, value: int) -> None:
    """Have the device write 32 bits there when the stream has come so far."""
    _call("cuStreamWriteValue32_v2", _word(stream), _word(address), ctypes.c_uint32(value), 0)


def release(handle: int) -> None:
    """Give the handle back; the memory lives as long as somebody maps it."""
    _call("cuMemRelease", _word(handle))
