"""A problem file as Python: trusted code in KernelBench's format."""

from __future__ import annotations

import hashlib
import importlib.util
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch

from kernels_eval.errors import OutOfRoomError, ProblemError
from kernels_eval.problem_code import problem_code
from kernels_eval.problems.room import room
from kernels_eval.problems.seeds import seeded
from kernels_eval.scratch import scratch_directory
from kernels_eval.tree import flatten, unflatten
from kernels_eval.words import one_line
from kernels_eval.worker.constants import Redraw, redrawing

_CPU = torch.device("cpu")


@dataclass(frozen=True)
class ProblemModule:
    """`Model`, `get_inputs`, `get_init_inputs`."""

    model_class: Callable[..., Any]
    get_inputs: Callable[[], Any]
    get_init_inputs: Callable[[], Any]
    name: str = ""
    """As which it was imported: its classes are of this module."""
    device: torch.device = _CPU

    def draw_inputs(self, seed: int) -> list[Any]:
        """One set of inputs on the device. The global generators are left as they were.

        Drawn there, which takes milliseconds where the CPU takes minutes; a problem that cannot
        (a CPU generator, NumPy) draws on the CPU.
        """
        with seeded(seed), problem_code():
            try:
                drawn = self._draw()
            except torch.OutOfMemoryError:
                raise OutOfRoomError(f"the inputs do not fit into {room(self.device)}") from None
            except Exception as error:
                raise ProblemError(f"get_inputs() failed: {one_line(error)}") from error
        if isinstance(drawn, torch.Tensor):
            drawn = [drawn]
        if not isinstance(drawn, list | tuple):
            raise ProblemError(f"get_inputs() returned a {type(drawn).__name__}, not a list")
        if self.device.type == "cpu":
            return list(drawn)
        tensors, nesting = flatten(list(drawn))
        moved: list[Any] = unflatten(nesting, [tensor.to(self.device) for tensor in tensors])
        return moved

    def _draw(self) -> Any:
        if self.device.type == "cpu":
            return self.get_inputs()
        try:
            with torch.device(self.device):
                return self.get_inputs()
        except torch.OutOfMemoryError:
            raise
        except Exception:
            return self.get_inputs()

    def init_inputs(self, seed: int) -> Any:
        """What `Model` and `ModelNew` are constructed with."""
        with seeded(seed), problem_code():
            try:
                drawn = self.get_init_inputs()
            except Exception as error:
                raise ProblemError(f"get_init_inputs() failed: {one_line(error)}") from error
        return drawn


def load_problem(source: str, device: torch.device = _CPU, seed: int = 0) -> ProblemModule:
    """Import a problem whose inputs are drawn on `device`.

    `seed`: of what it draws on import, which its candidates draw alike. Raises ProblemError that
    says what is missing.
    """
    name = f"problem_{hashlib.sha256(source.encode()).hexdigest()[:12]}"
    with scratch_directory("kernels-eval-problem-") as directory:
        path = directory / f"{name}.py"
        path.write_text(source)
        spec = importlib.util.spec_from_file_location(name, path)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        try:
            with seeded(seed), problem_code(), redrawing(Redraw()):
                spec.loader.exec_module(module)
        except Exception as error:
            raise ProblemError(f"the problem file does not import: {one_line(error)}") from error
    for wanted in ("Model", "get_inputs"):
        if not callable(getattr(module, wanted, None)):
            raise ProblemError(
                f"the problem file defines no {wanted}; KernelBench's format wants "
                "Model, get_inputs and get_init_inputs"
            )
    return ProblemModule(
        model_class=module.Model,
        get_inputs=module.get_inputs,
        get_init_inputs=getattr(module, "get_init_inputs", list),
        name=name,
        device=device,
    )
