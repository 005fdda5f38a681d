"""What the teacher of self-distillation is told, and what it thinks of the student's tokens.

The teacher must not see the student's own code: it would call likely whatever it can copy. What the
judge says of an error may quote that code, so the lines that do are left out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from string import Template
from typing import Protocol

import numpy as np

from tasks.adapt.group import Verdicts
from tasks.adapt.objectives.base import Teacher
from tasks.errors import StepRefusedError
from tasks.policies.rescore import Score
from tasks.problems.base import Problem
from tasks.statistics.arrays import Floats

_TEMPLATES = Path(__file__).parent / "templates"
_ERROR_LENGTH = 300
_QUOTED = 6
"""Characters from which on a line of the source counts as quoted; closing brackets are in any text.
"""


class TeachingPolicy(Protocol):
    """A policy that reads any tokens behind its prompt and something more."""

    @property
    def context(self) -> int:
        """Tokens of prompt and completion together, at most."""
        ...

    def encode_prompt(self, problem: Problem, more: str = "") -> Sequence[int]:
        """Token ids of the whole prompt, with this text behind the task."""
        ...

    def score_tokens(
        self, prompt: Sequence[int], completions: Sequence[Sequence[int]]
    ) -> list[Score]:
        """Log-probabilities of these very tokens behind the prompt, one score per completion."""
        ...


def without_feedback() -> str:
    """What `sdpo-prompt` adds to the prompt."""
    return _filled("again")


def feedback(evaluation: Mapping[str, object], own_source: str, solution: str | None = None) -> str:
    """What `sdpo` adds to the prompt of one draw.

    evaluation: its row of `evaluations`. own_source: the draw's source, of which nothing is told.
    solution: of a peer, if the teacher is to see one.
    """
    status = str(evaluation["status"]).replace("_", " ")
    parts = [_filled("verdict", status=status)]
    error = error_without(str(evaluation.get("error") or ""), own_source)
    if error:
        parts.append(_filled("error", error=error))
    speedup = evaluation.get("speedup")
    if evaluation["correct"] is True and isinstance(speedup, float):
        parts.append(_filled("speed", speedup=f"{speedup:.2f}"))
    told = "\n".join(parts)
    shown = [_filled("solution", solution=solution)] if solution else []
    return "\n\n".join([*shown, told, _filled("again")])


def tellings(
    teacher: Teacher,
    evaluations: Sequence[Mapping[str, object]],
    sources: Sequence[str],
    verdicts: Verdicts,
    draw: int,
) -> list[str]:
    """What the teacher of one draw of a group is told, and what is told in its place where that
    does not fit: first without the peer's solution, then without the error's text, too."""
    if not teacher.feedback:
        return [without_feedback()]
    row, own = evaluations[draw], sources[draw]
    solution = best_peer(sources, verdicts, draw) if teacher.solution else None
    found = [
        feedback(row, own, solution),
        feedback(row, own),
        feedback({**row, "error": None}, own),
    ]
    return list(dict.fromkeys(found))


def longest_telling(teacher: Teacher) -> str:
    """The most that a teacher is told of a draw, without a peer's solution."""
    failed = {"status": "compile_error", "correct": False, "error": "x" * _ERROR_LENGTH}
    return feedback(failed, "") if teacher.feedback else without_feedback()


def best_peer(sources: Sequence[str], verdicts: Verdicts, draw: int) -> str | None:
    """The fastest correct source of the group that is not the draw's own; None if there is none."""
    others = [i for i in np.flatnonzero(verdicts.correct).tolist() if sources[i] != sources[draw]]
    return sources[max(others, key=lambda i: float(verdicts.speedup[i]))] if others else None


def error_without(error: str, own_source: str) -> str:
    """An error in one line of at most 300 characters, less the lines that quote the source."""
    own = {line.strip() for line in own_source.splitlines()}
    quoted = [line for line in own if len(line) >= _QUOTED]
    kept = [
        " ".join(line.split())
        for line in error.splitlines()
        if line.strip() and not any(one in line for one in quoted)
    ]
    text = " | ".join(kept)
    return text if len(text) <= _ERROR_LENGTH else f"{text[:_ERROR_LENGTH]}…"


@dataclass(frozen=True)
class Taught:
    """logprobs: per draw those of its tokens under the teacher, shape (tokens,), nats, at the
    policy's temperature. prompt_tokens, tokens: that the teacher read, of its prompts and of the
    completions. shortened: draws of which it was not told all."""

    logprobs: list[Floats]
    prompt_tokens: int
    tokens: int
    shortened: int


def teach(
    teacher: TeachingPolicy,
    problem: Problem,
    completions: Sequence[Sequence[int]],
    told: Sequence[Sequence[str]],
) -> Taught:
    """The teacher reads each completion behind the problem's prompt and what it is told: the first
    of its tellings that fits the policy's context.

    teacher: the policy under the teacher's weights. Raises StepRefusedError where none fits,
    ValueError at temperature 0.
    """
    logprobs: list[Floats] = []
    prompt_tokens = tokens = shortened = 0
    context = teacher.context if completions else 0
    for completion, own in zip(completions, told, strict=True):
        prompt, cut = _fitting(teacher, problem, context - len(completion), own)
        (score,) = teacher.score_tokens(prompt, [completion])
        if score.processed is None:
            raise ValueError("at temperature 0 a teacher has no log-probabilities to tell")
        logprobs.append(np.array(score.processed, np.float64))
        prompt_tokens += len(prompt)
        tokens += len(completion)
        shortened += cut
    return Taught(logprobs, prompt_tokens, tokens, shortened)


def _fitting(
    teacher: TeachingPolicy, problem: Problem, room: int, told: Sequence[str]
) -> tuple[Sequence[int], bool]:
    """The prompt with the first of these texts that has no more tokens than there is room for, and
    whether it is another than the first."""
    for place, more in enumerate(told):
        prompt = teacher.encode_prompt(problem, more)
        if len(prompt) <= room:
            return prompt, place > 0
    raise StepRefusedError(
        f"problem {problem.problem_id}: the teacher's prompt has {len(prompt)} tokens, and the "
        f"model's context has room for {room} beside the completion; lower --max-tokens in a new "
        "run, or take a model with a longer context"
    )


def _filled(name: str, **values: str) -> str:
    return _template(name).substitute(values)


@cache
def _template(name: str) -> Template:
    return Template((_TEMPLATES / f"{name}.txt").read_text(encoding="utf-8").rstrip("\n"))
