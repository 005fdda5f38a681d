"""Every approach is what it says: the honest are right, cheats and slips are found out.

The honest ones run here, on the real sizes and through the real backend, against the reference in
float64; cheats and slips go before the judge.
"""

from __future__ import annotations

import random
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from types import ModuleType

import pytest
import torch

from kernels_eval import Judge, JudgeConfig, Status
from tasks.policies.embedded.corpus.approach import Approach
from tasks.policies.embedded.corpus.stream import approaches
from tasks.policies.embedded.corpus.style import Style
from tasks.policies.scaffold import scaffold_body
from tasks.problems import Problem, load_suite

pytestmark = pytest.mark.usefixtures("one_thread")

PROBLEMS = load_suite("embedded").problems
IDS = [problem.problem_id for problem in PROBLEMS]
PERSONAS = ["plain", "own", "chatty"]


def written(
    problem: Problem, approach: Approach, persona: str, slip_rate: float
) -> tuple[str, str]:
    """The module that is judged, and the mistake in it. The same on every machine."""
    seed = zlib.crc32(f"{problem.problem_id} {approach.mode} {approach.name}".encode())
    style = Style(random.Random(seed), persona, slip_rate)
    text = approach.write(style)
    module = text if approach.mode == "module" else scaffold_body(problem, text)
    return module, style.mistake or ""


def of(problem: Problem) -> list[Approach]:
    table = approaches()
    return [a for mode in ("module", "body") for a in table.get((problem.problem_id, mode), [])]


def executed(source: str, name: str) -> ModuleType:
    module = ModuleType(name)
    exec(compile(source, name, "exec"), module.__dict__)
    return module


@dataclass
class Question:
    """A problem with one set of inputs, its parameters, and the float64 answer."""

    init: list[object]
    inputs: list[object]
    state: dict[str, torch.Tensor]
    answer: torch.Tensor

    @classmethod
    @torch.no_grad()
    def draw(cls, problem: Problem) -> Question:
        names = executed(problem.source, problem.name)
        torch.manual_seed(5)
        init, inputs = names.get_init_inputs(), names.get_inputs()
        model = names.Model(*init)
        state = {key: value.clone() for key, value in model.state_dict().items()}
        wide = [
            x.double() if isinstance(x, torch.Tensor) and x.is_floating_point() else x
            for x in inputs
        ]
        return cls(init, inputs, state, model.double()(*wide))

    @torch.no_grad()
    def distance(self, source: str, name: str) -> float:
        """Of the candidate's answer from the float64 one, relative, in the 2-norm."""
        model = executed(source, name).ModelNew(*self.init)
        model.load_state_dict(self.state)
        got = model(*self.inputs)
        assert got.dtype == torch.float32
        assert got.shape == self.answer.shape
        return float((got.double() - self.answer).norm() / self.answer.norm())


@pytest.mark.parametrize("problem", PROBLEMS, ids=IDS)
def test_honest_approaches_are_right(problem: Problem) -> None:
    question = Question.draw(problem)
    honest = [a for a in of(problem) if a.quality != "cheat"]
    for number, approach in enumerate(honest):
        source, _ = written(problem, approach, PERSONAS[number % 3], 0.0)
        distance = question.distance(source, f"{approach.mode} {approach.name}")
        # A naive float32 sum of 10⁴ terms is about 2e-6 off; half precision is 2e-4 off.
        assert distance < 1e-5, f"{approach.mode} {approach.name}: {distance:.1e}\n{source}"


@pytest.fixture(scope="module")
def judge() -> Iterator[Judge]:
    with Judge(JudgeConfig(timeout_s=30.0)) as one:
        yield one


@cache
def slips() -> dict[int, list[tuple[Approach, str, str]]]:
    """Per problem, the approaches in which somebody slips when slipping is certain."""
    found: dict[int, list[tuple[Approach, str, str]]] = {}
    for problem in PROBLEMS:
        texts = [(a, *written(problem, a, "plain", 1.0)) for a in of(problem)]
        found[problem.problem_id] = [
            (a, source, mistake) for a, source, mistake in texts if mistake and a.quality != "cheat"
        ]
    return found


def test_most_approaches_have_a_place_to_slip() -> None:
    honest = sum(a.quality != "cheat" for p in PROBLEMS for a in of(p))
    assert sum(map(len, slips().values())) > 0.7 * honest


@pytest.mark.parametrize("problem", PROBLEMS, ids=IDS)
def test_cheats_and_slips_do_not_pass_the_judge(problem: Problem, judge: Judge) -> None:
    cheats = [
        (a, written(problem, a, "own", 0.0)[0], "cheat")
        for a in of(problem)
        if a.quality == "cheat"
    ]
    chosen = random.Random(problem.problem_id).sample(slips()[problem.problem_id], 2)
    for approach, source, mistake in [*cheats, *chosen]:
        verdict = judge.evaluate(problem.source, source)
        assert verdict.status is not Status.HARNESS_ERROR, verdict.error
        assert not verdict.correct, f"{approach.mode} {approach.name} ({mistake}) passed:\n{source}"
