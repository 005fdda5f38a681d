"""What a reward is, and the registry of rewards: adding one is one file with one decorator."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from tasks.adapt.group import Verdicts
from tasks.adapt.numbers import number
from tasks.errors import RequestError
from tasks.statistics.arrays import Floats

DEFAULT = "lower"

LEAST_SPEEDUP = 1 / 16
"""Where the logarithm ends: what is slower, and what is incorrect, is worth the same."""

Rule = Callable[[Verdicts], Floats]


@dataclass(frozen=True)
class Reward:
    """A named function from verdicts to rewards."""

    name: str
    """As the user wrote it."""
    rule: Rule

    def __call__(self, verdicts: Verdicts) -> Floats:
        """One finite number per draw, shape (G,)."""
        return np.asarray(self.rule(verdicts), np.float64)


@dataclass(frozen=True)
class _Registered:
    make: Callable[[float], Rule]
    parameter: str | None


_REWARDS: dict[str, _Registered] = {}


def register_reward(name: str) -> Callable[[Rule], Rule]:
    """Make a function from verdicts to rewards known as NAME."""

    def keep(rule: Rule) -> Rule:
        _REWARDS[name] = _Registered(lambda _: rule, None)
        return rule

    return keep


def register_reward_family(
    name: str, parameter: str
) -> Callable[[Callable[[float], Rule]], Callable[[float], Rule]]:
    """Make a function from a number to a reward known as NAME:PARAMETER."""

    def keep(make: Callable[[float], Rule]) -> Callable[[float], Rule]:
        _REWARDS[name] = _Registered(make, parameter)
        return make

    return keep


def reward_names() -> list[str]:
    """As a user may write them, with the names of their parameters."""
    return [f"{name}:{one.parameter}" if one.parameter else name for name, one in _REWARDS.items()]


def parse_reward(text: str) -> Reward:
    """The reward of that name. Raises RequestError, naming the known ones."""
    name, colon, argument = text.partition(":")
    if name not in _REWARDS:
        raise RequestError(f"no reward {text!r}; known: {', '.join(reward_names())}")
    registered = _REWARDS[name]
    if registered.parameter is None:
        if colon:
            raise RequestError(f"reward {text!r}: {name} takes no parameter; write {name}")
        return Reward(text, registered.make(0.0))
    usage = f"reward {text!r}: write {name}:{registered.parameter} with a number above 0"
    return Reward(text, registered.make(number(argument, usage)))
