"""What Triton does once per process, done before the fork: every worker would do it again.

A worker compiles for one candidate only. Without this its first launch hashes Triton's whole
library, asks `ldconfig` and `ptxas` for their versions and runs the C compiler for the helper that
talks to the driver: more than a second, in which compiling the candidate's kernel is the least.
"""

from __future__ import annotations

import contextlib
import importlib
from typing import Any


def prepare(capability: int) -> None:
    """Import Triton and fill its per-process caches, for a device of `capability` (90: Hopper).

    Whatever a version of Triton has elsewhere stays for the workers to do. No thread is started and
    the driver is not initialised: both would forbid to fork.
    """
    with contextlib.suppress(Exception):
        importlib.import_module("triton")
        importlib.import_module("triton.compiler")
    for module, function, arguments in (
        ("triton.runtime.cache", "triton_key", ()),
        ("triton.runtime.build", "platform_key", ()),
        ("triton.backends.nvidia.driver", "library_dirs", ()),
        ("triton.backends.nvidia.compiler", "get_ptxas_version", (capability,)),
    ):
        with contextlib.suppress(Exception):
            getattr(importlib.import_module(module), function)(*arguments)
    with contextlib.suppress(Exception):
        _helper(importlib.import_module("triton.backends.nvidia.driver").CudaUtils)


def _helper(utils: Any) -> None:
    """Build the driver's helper; Triton's one instance of it then needs no second building."""
    utils()
    utils.__init__ = lambda *_: None
