"""The environment a candidate sees: what compilers and torch need, no secret, no address."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path

ARENAS = 16
"""Of malloc's, each of which takes 64 MiB of addresses, and addresses are what is limited. Unset
there are eight for each core: 60 threads took 4 GiB on 16 cores. Two cores have as many as this."""

_PASSED = (
    "LANG",
    "LC_ALL",
    "LD_LIBRARY_PATH",
    "VIRTUAL_ENV",
    "CC",
    "CXX",
    "CUDA_HOME",
    "CUDA_PATH",
    "CUDA_VISIBLE_DEVICES",
    "NVIDIA_VISIBLE_DEVICES",
    "TORCH_CUDA_ARCH_LIST",
)


def scrubbed_environment(home: str, threads: int, outer: Mapping[str, str]) -> dict[str, str]:
    """A fresh environment with `home` as HOME and TMPDIR, and `threads` for OpenMP and MKL.

    The numpy wheels' OpenBLAS would start its threads on import, and a process with threads cannot
    be forked safely; so it gets one.
    """
    kept = {name: outer[name] for name in _PASSED if name in outer}
    # The environment's own tools are found although it need not be activated: ninja for one.
    tools = str(Path(sys.executable).parent)
    return {
        "LANG": "C.UTF-8",
        **kept,
        "PATH": os.pathsep.join((tools, outer.get("PATH", os.defpath))),
        **private_places(home),
        "USER": "candidate",
        "LOGNAME": "candidate",
        "OMP_NUM_THREADS": str(threads),
        "MKL_NUM_THREADS": str(threads),
        "OPENBLAS_NUM_THREADS": "1",
        # torch.compile would keep a pool of helper processes, and helpers convict
        "TORCHINDUCTOR_COMPILE_THREADS": "1",
        # a worker compiles once: headers compiled ahead would never pay
        "TORCHINDUCTOR_CPP_CACHE_PRECOMPILE_HEADERS": "0",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONUNBUFFERED": "1",
        "MALLOC_ARENA_MAX": str(ARENAS),
        # glibc's per-thread cache keeps small chunks between large ones: freed outputs would never
        # merge and each batch would land on pages that nobody touched before
        "GLIBC_TUNABLES": "glibc.malloc.tcache_count=0",
    }


def private_places(home: str) -> dict[str, str]:
    """The variables that name directories, all inside `home`."""
    return {
        "HOME": home,
        "TMPDIR": home,
        "XDG_CACHE_HOME": f"{home}/cache",
        "TORCH_EXTENSIONS_DIR": f"{home}/extensions",
        "TORCHINDUCTOR_CACHE_DIR": f"{home}/inductor",
        "TRITON_CACHE_DIR": f"{home}/triton",
    }
