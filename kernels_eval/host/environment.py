"""The environment of the process that loads problem files: settings, but no secret and no address.

It is given at exec, so /proc/PID/environ holds nothing else either.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path

HOME = "/tmp/home"
"""Private in the container."""

_PASSED = {
    *("PATH", "LD_LIBRARY_PATH", "LIBRARY_PATH", "CPATH", "C_INCLUDE_PATH", "CPLUS_INCLUDE_PATH"),
    *("LANG", "LANGUAGE", "TZ", "VIRTUAL_ENV", "CC", "CXX"),
    *("TORCH_CUDA_ARCH_LIST", "PYTORCH_CUDA_ALLOC_CONF", "PYTORCH_ALLOC_CONF"),
    *("TRITON_PTXAS_PATH", "TRITON_LIBCUDA_PATH", "GLIBC_TUNABLES", "BON_JUDGE_CORES"),
    *("PYTHONHASHSEED", "PYTHONDONTWRITEBYTECODE"),
    *("HOME", "TMPDIR"),  # for the monitor, which keeps them out of the container
}
_PASSED_PREFIXES = (
    *("LC_", "CUDA_", "NVIDIA_", "OMP_", "GOMP_", "KMP_", "MKL_", "OPENBLAS_", "ONEDNN_", "DNNL_"),
    "MALLOC_",
)
_NEVER = ("SECRET", "TOKEN", "PASSW", "CREDENTIAL", "_KEY")
"""In a name, whatever it begins with."""


def problem_environment(outer: Mapping[str, str]) -> dict[str, str]:
    """What of `outer` reaches a problem file, and where Python finds torch and this package."""
    kept = {name: value for name, value in outer.items() if _passes(name)}
    return {
        "LANG": "C.UTF-8",
        "PATH": os.defpath,
        "OPENBLAS_NUM_THREADS": "1",  # its threads start on import, and would not survive a fork
        **kept,
        "USER": "judge",
        "LOGNAME": "judge",
        "PYTHONPATH": os.pathsep.join(map(str, import_roots())),
        "PYTHONUNBUFFERED": "1",
    }


def _passes(name: str) -> bool:
    secret = any(word in name.upper() for word in _NEVER)
    return not secret and (name in _PASSED or name.startswith(_PASSED_PREFIXES))


def import_roots() -> list[Path]:
    """Where this package and the installed ones are imported from. torch is not imported for it."""
    roots = [package_directory().parent]
    for name in ("torch", "numpy", "triton"):
        found = find_spec(name)
        if found is not None and found.origin is not None:
            roots.append(Path(found.origin).parents[1])
    installed = [
        Path(entry) for entry in sys.path if entry.endswith(("site-packages", "dist-packages"))
    ]
    return list(dict.fromkeys((*roots, *installed)))


def package_directory() -> Path:
    """`kernels_eval/`."""
    return Path(__file__).resolve().parents[1]
