"""Faster compilers for torch extensions (`load_inline`): lean headers first, then torch's own.

Parsing <torch/extension.h> is most of what building a small extension costs: nvcc reads it three
times. The kernel compiled is the same; what does not compile with the lean header is compiled as
written, and its errors are those of that second run.
"""

from __future__ import annotations

import os
import shlex
import shutil
from pathlib import Path

LEAN = Path(__file__).with_name("lean")
_SCRIPT = """#!/bin/sh
case "$*" in
*TORCH_EXTENSION_NAME*) {compiler} -I{lean} "$@" 2>/dev/null && exit ;;
esac
exec {compiler} "$@"
"""


def wrap_compilers(directory: Path) -> dict[str, str]:
    """Write a script per compiler into `directory`; the variables by which torch finds them.

    A compiler that is not there is left out.
    """
    directory.mkdir(mode=0o755)
    found = {
        "CXX": shutil.which(os.environ.get("CXX", "g++")) or shutil.which("c++"),
        "PYTORCH_NVCC": shutil.which(os.environ.get("PYTORCH_NVCC") or _nvcc()),
    }
    named = {}
    for variable, compiler in found.items():
        if compiler is None:
            continue
        script = directory / Path(compiler).name
        script.write_text(
            _SCRIPT.format(compiler=shlex.quote(compiler), lean=shlex.quote(str(LEAN)))
        )
        script.chmod(0o755)
        named[variable] = str(script)
    return named


def _nvcc() -> str:
    """Where torch looks for it: CUDA_HOME, else the path, else the usual place."""
    home = os.environ.get("CUDA_HOME") or os.environ.get("CUDA_PATH")
    if home is None and shutil.which("nvcc") is None:
        home = "/usr/local/cuda"
    return "nvcc" if home is None else f"{home}/bin/nvcc"
