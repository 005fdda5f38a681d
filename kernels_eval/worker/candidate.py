"""Bring a candidate's file to life: write, import, build, load weights. Runs in the worker only."""

from __future__ import annotations

import hashlib
import importlib.util
import io
import operator
import pickle
import random
import sys
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from kernels_eval.backends.errors import CompileError
from kernels_eval.backends.objects import lay_out
from kernels_eval.worker.constants import impose, redrawing
from kernels_eval.worker.protocol import TEXT_BYTES, Failure, Job

_GAP = "\n ... \n"
_SORTABLE = (torch.float64, torch.float32, torch.float16, torch.bfloat16)


class CandidateError(Exception):
    """A failure of the candidate, with the stage it happened in."""

    def __init__(self, failure: Failure, text: str) -> None:
        super().__init__(text)
        self.failure = failure
        self.text = text


@dataclass(frozen=True)
class Built:
    """A candidate, ready to be called."""

    model: Callable[..., Any]
    nesting: Any
    """Of its inputs."""
    structure: Any
    """Of its outputs (structure.py)."""
    overwritten: tuple[str, ...]
    """Names of what it made of the reference's own weights, and the reference's took the place of:
    it drew the same numbers, and holds others."""


def load(job: Job, directory: Path, place: Callable[[Any], Any]) -> Built:
    """The built module, brought to its device by `place`.

    Raises CandidateError (IMPORT, BUILD or MEMORY).
    """
    lay_out(directory, job.objects)
    path = directory / f"{job.module_name}.py"
    try:
        with redrawing(job.redraw):
            module = _execute(job.module_name, job.source, path, job)
        cls = getattr(module, job.class_name, None)
    except BaseException as error:
        raise CandidateError(stage_or_memory(Failure.IMPORT, error), explain(error, path)) from None
    if cls is None:
        raise CandidateError(Failure.IMPORT, f"the module defines no class {job.class_name}")
    try:
        nesting, structure, (arguments, keywords) = (
            _unpacked(packed, job, module, directory)
            for packed in (job.nesting, job.structure, job.arguments)
        )
        seed_everything(job.weight_seed)
        with redrawing(job.redraw):
            model = cls(
                *(_moved(value, place) for value in arguments),
                **{name: _moved(value, place) for name, value in keywords.items()},
            )
        drew_the_same = generator_digest() == job.drawn
        model = place(model)
        changed = load_state(model, job.state)
        impose(model, job.redraw, job.state)
    except BaseException as error:
        raise CandidateError(stage_or_memory(Failure.BUILD, error), explain(error, path)) from None
    if not callable(model):
        raise CandidateError(Failure.BUILD, f"{job.class_name}(...) cannot be called")
    return Built(model, nesting, structure, changed if drew_the_same else ())


class _Unpickler(pickle.Unpickler):
    """Finds classes of the problem file in a candidate that has them as well, else there."""

    def __init__(self, packed: bytes, job: Job, candidate: Any, directory: Path) -> None:
        super().__init__(io.BytesIO(packed))
        self._job, self._candidate, self._directory = job, candidate, directory

    def find_class(self, module: str, name: str) -> Any:
        job = self._job
        if module != job.problem_name:
            return super().find_class(module, name)
        if job.trusted or hasattr(self._candidate, name.partition(".")[0]):
            return operator.attrgetter(name)(self._candidate)
        if module not in sys.modules:
            _execute(module, job.problem_source, self._directory / f"{module}.py", job)
        return super().find_class(module, name)


def _unpacked(packed: bytes, job: Job, candidate: Any, directory: Path) -> Any:
    return _Unpickler(packed, job, candidate, directory).load()


def _execute(name: str, source: str, path: Path, job: Job) -> Any:
    """The module, imported under a name; what it draws meanwhile is the same in every worker."""
    path.write_text(source)
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    seed_everything(job.weight_seed)
    spec.loader.exec_module(module)
    return module


def _moved(value: Any, place: Callable[[Any], Any]) -> Any:
    return place(value) if isinstance(value, torch.Tensor) else value


def generator_digest() -> bytes:
    """Of what torch's generator would draw next."""
    return hashlib.sha256(torch.get_rng_state().numpy().tobytes()).digest()


def seed_everything(seed: int) -> None:
    random.seed(seed)
    np.random.seed(seed % 2**32)
    torch.manual_seed(seed)


def load_state(model: Any, state: dict[str, torch.Tensor]) -> tuple[str, ...]:
    """Copy every parameter and buffer whose name and shape agree; the rest stay as seeded.

    Constructed under the same seed, most modules already hold these values; the copy makes it true
    for those that draw in another order. What holds the same numbers at other places (a weight that
    was transposed) is left: that was drawn alike, and rearranged. Names of what was changed.
    """
    if not isinstance(model, torch.nn.Module) or not state:
        return ()
    own, changed = model.state_dict(), []
    with torch.no_grad():
        for name, value in state.items():
            mine = own.get(name)
            if not isinstance(mine, torch.Tensor) or mine.shape != value.shape:
                continue
            theirs = value.to(mine.device)
            if _equal(mine, theirs) or _rearranged(mine, theirs):
                continue
            mine.copy_(theirs)
            changed.append(name)
    return tuple(changed)


def _equal(mine: torch.Tensor, theirs: torch.Tensor) -> bool:
    return mine.dtype is theirs.dtype and torch.equal(mine, theirs)


def _rearranged(mine: torch.Tensor, theirs: torch.Tensor) -> bool:
    """Whether they hold the same numbers, each as often."""
    if mine.dtype is not theirs.dtype or mine.dtype not in _SORTABLE or mine.dim() < 2:
        return False
    if mine.aminmax() != theirs.aminmax():  # sorting takes a while
        return False
    return torch.equal(mine.reshape(-1).sort().values, theirs.reshape(-1).sort().values)


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
