"""What an objective is, and the registry of objectives: adding one is one file with one decorator.

Where a formula is an unbiased gradient, its docstring says of what, with s_i = ∇ log π(x_i).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from tasks.adapt.group import Group
from tasks.adapt.numbers import number
from tasks.adapt.objectives.kl import kl_terms
from tasks.errors import RequestError
from tasks.statistics.arrays import Floats

Rule = Callable[[Group], Floats]
"""Advantages of one group, shape (G,)."""

BatchRule = Callable[[Sequence[Group]], list[Floats]]
"""The same for rules that look at all groups of a step."""

TokenRule = Callable[[Group], list[Floats]]
"""Per draw the advantages of its tokens, shape (tokens,)."""

_AT_K = re.compile(r"([a-z]+)@(\d{1,6})(-[a-z]+)?")


@dataclass(frozen=True)
class Teacher:
    """Who judges the tokens in self-distillation.

    feedback: whether its prompt tells what the judge said of the draw, and draws that succeeded
        (fast_1) are left alone. solution: whether it shows a peer's correct answer, too.
    weights: `live` those of the student, `base` those before the first step, `ema` a running mean.
    """

    feedback: bool
    solution: bool = False
    weights: Literal["live", "base", "ema"] = "live"


@dataclass(frozen=True)
class Parts:
    """What an objective is made of: exactly one of `draws`, `batch` and `tokens`.

    least: the smallest G that it is defined for.
    own_reward: why the reward that was asked for plays no part; empty if it does.
    """

    draws: Rule | None = None
    batch: BatchRule | None = None
    tokens: TokenRule | None = None
    least: int = 2
    own_reward: str = ""
    teacher: Teacher | None = None


@dataclass(frozen=True)
class Objective:
    """A named rule from groups to advantages.

    kl: λ of the penalty for leaving the base model, 0 without one.
    """

    name: str
    parts: Parts
    kl: float = 0.0

    @property
    def needs_base(self) -> bool:
        """Whether groups must carry the base model's log-probabilities."""
        return self.kl > 0

    @property
    def teacher(self) -> Teacher | None:
        """Whose log-probabilities groups must carry; None for objectives without one."""
        return self.parts.teacher

    def check(self, draws: int) -> None:
        """Raises RequestError if groups of so many draws are too small."""
        if draws < self.parts.least:
            raise RequestError(
                f"objective {self.name!r} needs groups of {self.parts.least} draws or more, not "
                f"{draws}; raise -g or lower k"
            )

    def advantages(self, groups: Sequence[Group]) -> list[Floats]:
        """One advantage per draw, per group of a step: shape (G,).

        Raises RequestError for a group that is too small, ValueError for objectives whose
        advantages differ from token to token.
        """
        for group in groups:
            self.check(group.n)
        if self.parts.batch is not None:
            return self.parts.batch(groups)
        if self.parts.draws is None or self.kl:
            raise ValueError(f"objective {self.name!r} has advantages per token, not per draw")
        return [self.parts.draws(group) for group in groups]

    def token_advantages(self, groups: Sequence[Group]) -> list[list[Floats]]:
        """Per group and draw the advantages of its tokens, shape (tokens,).

        Groups need `sampled`, and `base` or `teacher` where the objective says so. Raises as
        `advantages` does.
        """
        if self.parts.tokens is not None:
            for group in groups:
                self.check(group.n)
            found = [self.parts.tokens(group) for group in groups]
        else:
            per_draw = Objective(self.name, self.parts).advantages(groups)
            found = [
                [np.full(len(tokens), one) for one, tokens in zip(of, _sampled(group), strict=True)]
                for of, group in zip(per_draw, groups, strict=True)
            ]
        if not self.kl:
            return found
        return [
            [one + more for one, more in zip(of, kl_terms(group, self.kl), strict=True)]
            for of, group in zip(found, groups, strict=True)
        ]


def _sampled(group: Group) -> Sequence[Floats]:
    if group.sampled is None:
        raise ValueError("advantages per token need the log-probabilities of the draws")
    return group.sampled


@dataclass(frozen=True)
class _Registered:
    usage: str
    make: Callable[[str], Parts] | None
    parts: Parts | None = None


_OBJECTIVES: dict[str, _Registered] = {}


def register_objective(name: str, *, least: int = 2) -> Callable[[Rule], Rule]:
    """Make a function from a group to advantages known as NAME."""

    def keep(rule: Rule) -> Rule:
        _OBJECTIVES[name] = _Registered(name, None, Parts(draws=rule, least=least))
        return rule

    return keep


def register_objective_family(
    name: str, usage: str
) -> Callable[[Callable[[str], Parts]], Callable[[str], Parts]]:
    """Make a function from what follows NAME and its colon (empty without one) to `Parts` known.

    usage: as a user writes it. Names with `@k` take the number in its place.
    """

    def keep(make: Callable[[str], Parts]) -> Callable[[str], Parts]:
        _OBJECTIVES[name] = _Registered(usage, make)
        return make

    return keep


def objective_names() -> list[str]:
    """As a user may write them, with the names of their parameters."""
    return [one.usage for one in _OBJECTIVES.values()]


def parse_objective(text: str) -> Objective:
    """The objective of that name, `NAME[:PARAMETER][+kl:LAMBDA]`.

    Raises RequestError: what is wrong with the name, and the known ones.
    """
    head, plus, penalty = text.partition("+")
    kl = 0.0
    if plus:
        word, _, strength = penalty.partition(":")
        usage = (
            f"objective {text!r}: behind + stands kl:LAMBDA with a number above 0, as in +kl:0.1"
        )
        if word != "kl":
            raise RequestError(usage)
        kl = number(strength, usage)
    name, colon, argument = head.partition(":")
    at = _AT_K.fullmatch(name)
    if at and not colon:
        name, argument = f"{at[1]}@k{at[3] or ''}", at[2]
    registered = _OBJECTIVES.get(name)
    if registered is None or (name.partition("@")[1] and not at):
        known = ", ".join(objective_names())
        raise RequestError(f"no objective {text!r}; known: {known}, each also with +kl:LAMBDA")
    if registered.parts is not None:
        if colon:
            raise RequestError(f"objective {text!r}: {name} takes no parameter; write {name}")
        return Objective(text, registered.parts, kl)
    assert registered.make is not None
    return Objective(text, registered.make(argument), kl)


def whole(argument: str, name: str, least: int) -> int:
    """k of `NAME@k`. Raises RequestError below `least`."""
    k = int(argument)
    if k < least:
        why = "; max@1-loo would be rloo" if name == "max@k-loo" else ""
        raise RequestError(f"objective {name}: k must be {least} or more, not {k}{why}")
    return k
