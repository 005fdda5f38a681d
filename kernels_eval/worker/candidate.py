"""Bring a candidate's file to life: write, import, build, load weights. Runs in the worker only."""

from __future__ import annotations

import importlib.util
import random
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

from kernels_eval.backends.errors import CompileError
from kernels_eval.backends.objects import lay_out
from kernels_eval.worker.protocol import TEXT_BYTES, Failure, Job

_GAP = "\n ... \n"


class CandidateError(Exception):
    """A failure of the candidate, with the stage it happened in."""

    def __init__(self, failure: Failure, text: str) -> None:
        super().__init__(text)
        self.failure = failure
        self.text = text


def load(job: Job, directory: Path, place: Callable[[Any], Any]) -> Callable[..., Any]:
    """The built module, brought to its device by `place`.

    Raises CandidateError (IMPORT, BUILD or MEMORY).
    """
    lay_out(directory, job.objects)
    path = directory / f"{job.module_name}.py"
    path.write_text(job.source)
    spec = importlib.util.spec_from_file_location(job.module_name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[job.module_name] = module
    try:
        spec.loader.exec_module(module)
        cls = getattr(module, job.class_name, None)
    except BaseException as error:
        raise CandidateError(stage_or_memory(Failure.IMPORT, error), explain(error, path)) from None
    if cls is None:
        raise CandidateError(Failure.IMPORT, f"the module defines no class {job.class_name}")
    try:
        seed_everything(job.weight_seed)
        inputs = [place(v) if isinstance(v, torch.Tensor) else v for v in job.init_inputs]
        model = place(cls(*inputs))
        load_state(model, job.state)
    except BaseException as error:
        raise CandidateError(stage_or_memory(Failure.BUILD, error), explain(error, path)) from None
    if not callable(model):
        raise CandidateError(Failure.BUILD, f"{job.class_name}(...) cannot be called")
    built: Callable[..., Any] = model
    return built


def seed_everything(seed: int) -> None:
    random.seed(seed)
    np.random.seed(seed % 2**32)
    torch.manual_seed(seed)


def load_state(model: Any, state: dict[str, torch.Tensor]) -> None:
    """Copy every parameter and buffer whose name and shape agree; the rest stay as seeded.

    Constructed under the same seed, most modules already hold these values; the copy makes it true
    for those that draw in another order.
    """
    if not isinstance(model, torch.nn.Module) or not state:
        return
    own = model.state_dict()
    with torch.no_grad():
        for name, value in state.items():
            mine = own.get(name)
            if isinstance(mine, torch.Tensor) and mine.shape == value.shape:
                mine.copy_(value)  # across devices, too


def stage_or_memory(stage: Failure, error: BaseException) -> Failure:
    """MEMORY if that is what the exception says, else the stage."""
    out_of_memory = isinstance(error, MemoryError | torch.OutOfMemoryError) or (
        isinstance(error, RuntimeError | OSError)
        and any(
            sign in str(error)
            for sign in ("can't allocate memory", "Cannot allocate memory", "std::bad_alloc")
        )
    )
    return Failure.MEMORY if out_of_memory else stage


def explain(error: BaseException, path: Path) -> str:
    """At most 2 kB: the exception and where in the candidate it arose, or the compiler's words."""
    if isinstance(error, CompileError):
        return _cut(str(error), TEXT_BYTES)
    if isinstance(error, SyntaxError):
        return "".join(traceback.format_exception_only(error)).strip()[:TEXT_BYTES]
    try:
        last = "".join(traceback.format_exception_only(error)).strip()
    except BaseException:
        last = type(error).__name__
    frames = [f for f in traceback.extract_tb(error.__traceback__) if f.filename == str(path)]
    where = ""
    if frames:
        where = f"{path.name}:{frames[-1].lineno} in {frames[-1].name}: {frames[-1].line}\n"
    return _cut(where + last, TEXT_BYTES)


def _cut(text: str, most: int) -> str:
    """Head and tail of what is longer: builds print their command first and the reason last."""
    if len(text) <= most:
        return text
    tail = most // 4
    return text[: most - tail - len(_GAP)] + _GAP + text[-tail:]
