"""Runs approaches in Triton without a GPU: `TRITON_INTERPRET=1 python -m THIS ID...`.

In a process of its own: the interpreter is chosen when triton is imported, and a kernel that reads
past its tensors may take the process with it. One line of JSON per text that was run.
"""

from __future__ import annotations

import importlib.util
import json
import os
import random
import sys
import tempfile
import time
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import torch

from tasks.policies.embedded.corpus.approach import Approach
from tasks.policies.embedded.corpus.stream import approaches
from tasks.policies.embedded.corpus.style import Style
from tasks.policies.scaffold import scaffold_body
from tasks.problems import Problem, load_suite

PERSONAS = ("plain", "own", "chatty")
Inputs = Callable[[], list[Any]]


def distributions(rows: int, columns: int) -> list[torch.Tensor]:
    return [torch.softmax(1.5 * torch.randn(rows, columns), dim=-1) for _ in range(2)]


def triangles(n: int, keep: Callable[[torch.Tensor], torch.Tensor]) -> list[torch.Tensor]:
    return [keep(torch.randn(n, n)) for _ in range(2)]


# Small, and no multiple of any block: several blocks, the last one ragged. For convolutions more
# channels than a tile holds.
SMALL: dict[int, tuple[Inputs, list[Any]]] = {
    4: (lambda: [torch.randn(5, 9001), torch.randn(9001, 1)], []),
    5: (lambda: [torch.randn(5, 5001), 3.14], []),
    12: (lambda: [torch.randn(300), torch.randn(300, 140)], []),
    14: (lambda: triangles(100, torch.triu), []),
    15: (lambda: triangles(100, torch.tril), []),
    18: (lambda: [torch.randn(70, 100), torch.randn(130, 70)], []),
    28: (lambda: [3.0 * torch.randn(5, 5001)], []),
    29: (lambda: [20.0 * torch.randn(5, 5001)], []),
    30: (lambda: [2.0 * torch.randn(5, 5001)], []),
    32: (lambda: [1.5 * torch.randn(5, 5001)], []),
    36: (lambda: [3.0 * torch.randn(2, 6, 20, 31)], [6]),
    55: (lambda: [torch.randn(2, 19, 6, 26)], [19, 2, 3]),
    65: (lambda: [torch.randn(1, 19, 3, 9)], [19, 2, (3, 7)]),
    70: (lambda: [torch.randn(1, 19, 1, 3, 3)], [19, 2, 3]),
    76: (lambda: [torch.randn(2, 35, 411)], [35, 2, 3, 3, 4]),
    82: (lambda: [torch.randn(1, 3, 21, 150)], [3, 3]),
    87: (lambda: [torch.randn(2, 35, 9, 15)], [35, 2]),
    89: (lambda: [torch.randn(3, 9001)], [1]),
    95: (lambda: [40.0 * torch.randn(37, 1500), torch.randint(0, 1500, (37,))], []),
    98: (lambda: distributions(11, 9001), []),
}


def written(approach: Approach, problem: Problem, slip_rate: float) -> tuple[str, str | None]:
    """The module that is judged, and the mistake in it. The same on every machine."""
    seed = zlib.crc32(f"{problem.problem_id} {approach.mode} {approach.name}".encode())
    style = Style(random.Random(seed), PERSONAS[seed % 3], slip_rate)
    text = approach.write(style)
    if approach.mode == "body":
        text = scaffold_body(problem, text, backend="triton")
    return text, style.mistake


def to_run(problem_id: int) -> list[Approach]:
    """The honest ones; of the bodies one in three: they have the kernels of the modules."""
    table = approaches("triton")
    bodies = [one for one in table[problem_id, "body"] if one.quality != "cheat"]
    modules = [one for one in table[problem_id, "module"] if one.quality != "cheat"]
    return modules + bodies[::3]


def imported(source: str, directory: Path, name: str) -> ModuleType:
    """From a file: Triton reads a kernel's text from where it stands."""
    file = directory / f"{name}.py"
    file.write_text(source, encoding="utf-8")
    spec = importlib.util.spec_from_file_location(name, file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    for one in vars(module).values():
        # What tunes itself would time its configurations on a device: keep the first.
        if type(one).__name__ == "Autotuner":
            one.configs = one.configs[:1]
    return module


@dataclass
class Question:
    """A problem at its small size, with the float64 answer."""

    problem: Problem
    directory: Path

    def __post_init__(self) -> None:
        torch.manual_seed(5)
        inputs, self.init = SMALL[self.problem.problem_id]
        self.inputs = inputs()
        model = imported(self.problem.source, self.directory, "reference").Model(*self.init)
        self.state = {key: value.clone() for key, value in model.state_dict().items()}
        wide = [
            x.double() if isinstance(x, torch.Tensor) and x.is_floating_point() else x
            for x in self.inputs
        ]
        self.answer: torch.Tensor = model.double()(*wide)

    def distance(self, source: str) -> float:
        """Of the candidate's answer from the float64 one, relative, in the 2-norm."""
        model = imported(source, self.directory, "candidate").ModelNew(*self.init)
        model.load_state_dict(self.state)
        got = model(*[x.clone() if isinstance(x, torch.Tensor) else x for x in self.inputs])
        assert got.dtype == torch.float32, got.dtype
        assert got.shape == self.answer.shape, (got.shape, self.answer.shape)
        return float((got.double() - self.answer).norm() / self.answer.norm())

    def report(self, approach: Approach, slip_rate: float) -> None:
        source, mistake = written(approach, self.problem, slip_rate)
        if slip_rate and mistake != "axis":
            return  # others may be right at small sizes, or end the process
        started = time.monotonic()
        found: dict[str, Any] = {
            "problem": self.problem.problem_id,
            "approach": f"{approach.mode} {approach.name}",
            "mistake": mistake,
        }
        try:
            found["distance"] = self.distance(source)
        except Exception as error:
            found["error"] = f"{type(error).__name__}: {error}"[:500]
        found["seconds"] = round(time.monotonic() - started, 2)
        print(json.dumps(found), flush=True)


@torch.no_grad()
def main() -> None:
    assert os.environ.get("TRITON_INTERPRET") == "1"
    torch.set_num_threads(1)
    for problem in load_suite("embedded").select([int(one) for one in sys.argv[1:]] or None):
        with tempfile.TemporaryDirectory() as directory:
            question = Question(problem, Path(directory))
            for approach in to_run(problem.problem_id):
                question.report(approach, 0.0)
                question.report(approach, 1.0)


if __name__ == "__main__":
    main()
