"""C++ for the CPU: one `g++` call, no torch headers, a C interface.

A candidate writes `lib = load(SOURCE)` at import and `lib.forward(A, out, A.numel())` in its
forward; SOURCE defines `extern "C" void forward(const float* A, float* out, long n)`.
"""

from __future__ import annotations

import ctypes
import hashlib
import os
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

import torch

from kernels_eval.backends.errors import CompileError
from kernels_eval.scratch import scratch_directory

FLAGS = ("-O3", "-march=native", "-fopenmp", "-shared", "-fPIC", "-pipe", "-std=c++17", "-w")

__all__ = ["FLAGS", "CompileError", "Library", "load"]


class Library:
    """The compiled functions, by name. Arguments are converted by kind; every call returns None.

    torch.Tensor → pointer to its data; bool and int → C `long`; float → C `float`; ctypes values
    pass as they are.
    """

    def __init__(self, path: Path) -> None:
        self._library = ctypes.CDLL(str(path))
        self._functions: dict[str, Callable[..., None]] = {}

    def __getattr__(self, name: str) -> Callable[..., None]:
        """Raises AttributeError if the source defines no `extern "C"` function of this name."""
        if name.startswith("__"):
            raise AttributeError(name)
        try:
            function = self._library[name]
        except AttributeError:
            raise AttributeError(
                f'no function {name!r} in the compiled source; is it extern "C"?'
            ) from None
        function.restype = None

        def call(*arguments: object) -> None:
            function(*map(_convert, arguments))

        call.__name__ = name
        setattr(self, name, call)
        return call


def _convert(value: object) -> object:
    """One argument as ctypes passes it. Raises TypeError for what has no C counterpart."""
    if isinstance(value, torch.Tensor):
        if not value.is_contiguous() or not value.is_cpu:
            raise TypeError(
                f"a {value.device} tensor of shape {tuple(value.shape)} and strides "
                f"{value.stride()} was passed; call .contiguous() on a CPU tensor first"
            )
        return ctypes.c_void_p(value.data_ptr())
    if isinstance(value, int):  # bool too
        return ctypes.c_long(value)
    if isinstance(value, float):
        return ctypes.c_float(value)
    if isinstance(value, ctypes._SimpleCData | ctypes._Pointer | ctypes.Array):
        return value
    raise TypeError(f"cannot pass a {type(value).__name__} to a C function")


_loaded: dict[str, Library] = {}


def load(source: str, *, flags: Sequence[str] = ()) -> Library:
    """Compile C++ `source` in a private directory and bind it; equal sources compile once.

    Raises CompileError with the compiler's message.
    """
    key = hashlib.sha256("\0".join((source, *flags)).encode()).hexdigest()[:16]
    if key not in _loaded:
        with scratch_directory(
            f"kernels-eval-cpp-{key}-"
        ) as directory:  # once mapped, needed no more
            _loaded[key] = Library(_compile(source, directory, flags))
    return _loaded[key]


def _compile(source: str, directory: Path, flags: Sequence[str]) -> Path:
    (directory / "kernel.cpp").write_text(source)
    compiler = os.environ.get("CXX", "g++")
    command = [compiler, *FLAGS, *flags, "kernel.cpp", "-o", "kernel.so"]
    try:
        done = subprocess.run(
            command, cwd=directory, capture_output=True, text=True, errors="replace", check=False
        )
    except FileNotFoundError:
        raise CompileError(f"no compiler {compiler!r}; install g++ or set CXX") from None
    if done.returncode != 0:
        raise CompileError(done.stderr.strip() or f"{compiler} ended with {done.returncode}")
    return directory / "kernel.so"
