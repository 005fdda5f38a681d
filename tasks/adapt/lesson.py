"""What a step learns: rewards and advantages of a unit's draws, as items for a trainer."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from storage.ledger import ProblemKey
from tasks.adapt.drawn import Drawn
from tasks.adapt.feedback import Taught, tellings
from tasks.adapt.group import Group
from tasks.adapt.items import DrawKey, TrainItem, train_items
from tasks.adapt.objectives import Objective, Teacher
from tasks.adapt.rewards import Reward
from tasks.adapt.units import Unit
from tasks.problems import Problem
from tasks.statistics.arrays import Floats

Scorer = Callable[[Sequence[int], Sequence[Sequence[int]]], list[Floats]]
"""From a prompt and completions, in tokens, to the base model's log-probabilities of the latter."""

Teaching = Callable[[Problem, Sequence[Sequence[int]], Sequence[Sequence[str]]], Taught]
"""From a problem, completions and what the teacher is told of each: see tasks.adapt.feedback.teach.
"""


@dataclass(frozen=True)
class Learned:
    """One draw's row of `train_items`. advantage: mean over the draw's tokens."""

    draw: DrawKey
    evaluation_id: str
    reward: float
    advantage: float


@dataclass(frozen=True)
class Lesson:
    """Items of all problems of a unit, and what to write down of each."""

    items: tuple[TrainItem, ...]
    learned: tuple[Learned, ...]
    scored_tokens: int = 0
    """Prompts and completions that the base model read for it, and prompts of a teacher."""
    teacher_tokens: int = 0
    """Of completions, that a teacher read."""
    scored_seconds: float = 0.0
    shortened: int = 0
    """Draws of which the teacher was not told all, for want of room."""


def lesson(
    unit: Unit,
    step: int,
    drawn: Mapping[ProblemKey, Drawn],
    objective: Objective,
    reward: Reward,
    *,
    run_seed: int,
    prompt_of: Callable[[Problem], Sequence[int]],
    base_scores: Scorer,
    earlier: Mapping[ProblemKey, Floats],
    teaching: Teaching | None = None,
) -> Lesson:
    """Items from judged draws. A problem with fewer valid draws than the objective is defined for,
    or than two, teaches nothing.

    base_scores: asked where the objective needs the base model's log-probabilities. earlier: see
    Group.history. teaching: asked where the objective has a teacher. Raises RequestError if the
    verdicts lack what reward or objective need, and what `teaching` raises.
    """
    least = max(2, objective.parts.least)
    taught = [
        (problem, drawn[key])
        for problem in unit.problems
        if (key := problem.key) in drawn and len(drawn[key].keys) >= least
    ]
    prompts = [tuple(prompt_of(problem)) for problem, _ in taught]
    groups, scored, read, shortened = [], 0, 0, 0
    for (problem, of_problem), prompt in zip(taught, prompts, strict=True):
        base, teacher = None, None
        if objective.needs_base:
            base = base_scores(prompt, of_problem.tokens)
            scored += sum(len(prompt) + len(tokens) for tokens in of_problem.tokens)
        if objective.teacher is not None:
            assert teaching is not None, "an objective with a teacher, and nobody to ask"
            teacher, answer = _by_teacher(objective.teacher, problem, of_problem, teaching)
            scored += answer.prompt_tokens
            read += answer.tokens
            shortened += answer.shortened
        groups.append(
            Group(
                reward(of_problem.verdicts),
                of_problem.verdicts,
                history=earlier.get(problem.key, np.zeros(0)),
                seed=unit.seed(run_seed, problem, step),
                sampled=of_problem.behaviour,
                base=base,
                teacher=teacher,
            )
        )
    if not groups:
        return Lesson((), ())
    advantages = objective.token_advantages(groups)
    items: list[TrainItem] = []
    learned: list[Learned] = []
    for (_, one), prompt, group, own in zip(taught, prompts, groups, advantages, strict=True):
        items += train_items(
            one.keys, prompt, one.tokens, [each.tolist() for each in one.behaviour], own
        )
        learned += [
            Learned(draw, evaluation, float(value), float(np.mean(advantage)))
            for draw, evaluation, value, advantage in zip(
                one.keys, one.evaluation_ids, group.reward, own, strict=True
            )
        ]
    return Lesson(tuple(items), tuple(learned), scored, read, shortened=shortened)


def _by_teacher(
    teacher: Teacher, problem: Problem, drawn: Drawn, teaching: Teaching
) -> tuple[list[Floats], Taught]:
    """What the teacher thinks of each draw's tokens. Of draws that are left alone it is not asked:
    it thinks of them what the student did."""
    wanted = [i for i, hit in enumerate(drawn.verdicts.fast_1) if not (teacher.feedback and hit)]
    told = [
        tellings(teacher, drawn.evaluations, drawn.sources, drawn.verdicts, draw) for draw in wanted
    ]
    answer = teaching(problem, [drawn.tokens[draw] for draw in wanted], told)
    found = list(drawn.behaviour)
    for draw, logprobs in zip(wanted, answer.logprobs, strict=True):
        found[draw] = logprobs
    return found, answer
