"""Faster compilers for torch extensions (`load_inline`).

What was compiled before is taken again (objects.py); else leaner headers come first, then torch's.

Parsing <torch/extension.h> is most of what building a small extension costs: nvcc reads it three
times. The kernel compiled is the same; what does not compile with a lean header is compiled as
written, and its errors are those of that last run.
"""

from __future__ import annotations

import os
import shlex
import shutil
from pathlib import Path

HEADERS = Path(__file__).with_name("headers")
_LEAN = ("tensors", "library")
"""Below it, leanest first."""
_SCRIPT = """#!/bin/sh
case "$*" in
*TORCH_EXTENSION_NAME*) ;;
*) exec {compiler} "$@" ;;
esac
before= compiled=
for word in "$@"; do
    case "$before" in
    -c) from=$word ;;
    -o) to=$word ;;
    esac
    before=$word
done
kept=
if [ -n "$HOME" ] && [ -f "$from" ] && [ -n "$to" ]; then
    kept=$HOME/objects/$(
        {{ printf '%s\\n' "$*" | sed "s|$HOME|~|g"; cat "$from"; }} | sha256sum | cut -d' ' -f1
    )
    [ -f "$kept" ] && cp "$kept" "$to" && exit
fi
for lean in {lean}; do
    {compiler} -I"$lean" "$@" 2>/dev/null && compiled=yes && break
done
[ -n "$compiled" ] || {compiler} "$@" || exit
[ -n "$kept" ] && mkdir -p "$HOME/objects" && cp "$to" "$kept"
exit 0
"""


def wrap_compilers(directory: Path) -> dict[str, str]:
    """Write a script per compiler into `directory`; the variables by which torch finds them.

    A compiler that is not there is left out.
    """
    directory.mkdir(mode=0o755)
    named = {}
    for variable, compiler in compilers().items():
        script = directory / Path(compiler).name
        lean = shlex.join(str(HEADERS / name) for name in _LEAN)
        script.write_text(_SCRIPT.format(compiler=shlex.quote(compiler), lean=lean))
        script.chmod(0o755)
        named[variable] = str(script)
    return named


def compilers() -> dict[str, str]:
    """Variable by which torch finds one → the compiler that is there now."""
    found = {
        "CXX": shutil.which(os.environ.get("CXX", "g++")) or shutil.which("c++"),
        "PYTORCH_NVCC": shutil.which(os.environ.get("PYTORCH_NVCC") or _nvcc()),
    }
    return {variable: compiler for variable, compiler in found.items() if compiler is not None}


def _nvcc() -> str:
    """Where torch looks for it: CUDA_HOME, else the path, else the usual place."""
    home = os.environ.get("CUDA_HOME") or os.environ.get("CUDA_PATH")
    if home is None and shutil.which("nvcc") is None:
        home = "/usr/local/cuda"
    return "nvcc" if home is None else f"{home}/bin/nvcc"
