"""The other baseline: what `torch.compile` makes of the reference, measured like a candidate.

The ratio of eager to compiled time belongs to a problem on a device under a version of torch; it is
measured once and kept in a file (`$XDG_CACHE_HOME`, else `~/.cache`, `/kernels_eval/baselines`).
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
from dataclasses import asdict, dataclass
from pathlib import Path

import torch

from kernels_eval.cache import Shelf, cache_directory
from kernels_eval.config import HARNESS_VERSION
from kernels_eval.hardware import cpu_model
from kernels_eval.types import Verdict

COMPILE_TIMEOUT_S = 600.0
"""Inductor may take minutes, and it is once per problem."""

_FILE = "compiled.json"
_WRAPPER = '''{source}


def ModelNew(*arguments):
    """The reference as torch.compile leaves it."""
    import torch

    model = Model(*arguments)
    model.compile()
    return model
'''


@dataclass(frozen=True)
class Compiled:
    """How much faster the compiled reference is than the eager one; None where it is not right.

    `speedup` is dimensionless (eager over compiled time); `error` says why there is none.
    """

    speedup: float | None
    error: str | None = None

    @staticmethod
    def of(verdict: Verdict) -> Compiled:
        """From the verdict on `compiled_source`."""
        return Compiled(verdict.speedup, None if verdict.correct else verdict.error)


def compiled_source(problem_source: str) -> str:
    """A candidate for the problem: its own Model, compiled."""
    return _WRAPPER.format(source=problem_source)


def device_words(device: torch.device, cores: tuple[int, ...]) -> str:
    """What a time depends on beside the problem: the device, and on a CPU how many cores."""
    if device.type == "cuda":
        return str(torch.cuda.get_device_name(device))
    return f"{platform.machine()} {cpu_model()} {len(cores)}"


def load(problem_source: str, device: str, shelf: Shelf | None = None) -> Compiled | None:
    """What is known of it; None if nothing is. `shelf`: in place of this machine's disk."""
    name = _name(problem_source, device)
    try:
        raw = shelf.get(name)[_FILE] if shelf else _path(name).read_bytes()
        return Compiled(**json.loads(raw))
    except (OSError, ValueError, TypeError, KeyError):
        return None


def keep(problem_source: str, device: str, found: Compiled, shelf: Shelf | None = None) -> None:
    """Remember it, if there is a place for it; whole or not at all."""
    name, text = _name(problem_source, device), json.dumps(asdict(found))
    if shelf is not None:
        shelf.put(name, {_FILE: text.encode()})
        return
    path = _path(name)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.with_suffix(f".{os.getpid()}")
        draft.write_text(text)
        draft.replace(path)
    except OSError:
        return  # a read-only home: it is measured again next time


def _name(problem_source: str, device: str) -> str:
    words = "\0".join((HARNESS_VERSION, torch.__version__, device, problem_source))
    return hashlib.sha256(words.encode()).hexdigest()[:32]


def _path(name: str) -> Path:
    return cache_directory("baselines") / f"{name}.json"
