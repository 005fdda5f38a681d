"""Objectives `sdpo`, `sdpo-peer` and `sdpo-prompt`: self-distillation (arXiv 2601.20802).

The teacher is the same model with more in its prompt. It reads the student's tokens, and each token
that it finds likelier than the student did is made likelier.
"""

from __future__ import annotations

from typing import Literal, cast

import numpy as np

from tasks.adapt.group import Group, differences
from tasks.adapt.objectives.base import Parts, Teacher, TokenRule, register_objective_family
from tasks.errors import RequestError
from tasks.statistics.arrays import Floats

BETA = 1.0
CLIP = 5.0
"""Nats. A token that the teacher all but excludes would outweigh a whole completion."""

EMA_RATE = 0.05
"""Of the teacher `ema`: its share of the student's new weights after each step."""

_WEIGHTS = ("live", "base", "ema")


@register_objective_family("sdpo", "sdpo[:live|base|ema]")
def sdpo(argument: str) -> Parts:
    """The teacher reads what the judge said. Draws that succeeded (fast_1) are left alone: there is
    no failure to learn from."""
    teacher = Teacher(feedback=True, weights=_weights("sdpo", argument))
    own = "the teacher is its judge"
    return Parts(tokens=_rule(skip_success=True), least=1, teacher=teacher, own_reward=own)


@register_objective_family("sdpo-peer", "sdpo-peer[:live|base|ema]")
def sdpo_peer(argument: str) -> Parts:
    """The same, and the teacher sees the fastest correct draw of the group that is not the
    student's, where there is one."""
    teacher = Teacher(feedback=True, solution=True, weights=_weights("sdpo-peer", argument))
    own = "the teacher is its judge"
    return Parts(tokens=_rule(skip_success=True), least=1, teacher=teacher, own_reward=own)


@register_objective_family("sdpo-prompt", "sdpo-prompt[:live|base|ema]")
def sdpo_prompt(argument: str) -> Parts:
    """The paper's control: the teacher is asked again and told nothing. No verdict is used."""
    teacher = Teacher(feedback=False, weights=_weights("sdpo-prompt", argument))
    own = "the teacher is its judge"
    return Parts(tokens=_rule(skip_success=False), least=1, teacher=teacher, own_reward=own)


def _rule(*, skip_success: bool) -> TokenRule:
    def rule(group: Group) -> list[Floats]:
        """A_t = β·clip(log p_teacher − log p_student), per draw shape (tokens,).

        In expectation the gradient of −β KL(student ‖ teacher) where nothing is clipped.
        """
        if group.sampled is None or group.teacher is None:
            raise ValueError("sdpo needs the log-probabilities of the draws and of the teacher")
        apart = differences(group.teacher, group.sampled)
        found = [BETA * np.clip(one, -CLIP, CLIP) for one in apart]
        if not skip_success:
            return found
        success = group.judged.fast_1
        return [np.zeros_like(one) if success[i] else one for i, one in enumerate(found)]

    return rule


def _weights(name: str, argument: str) -> Literal["live", "base", "ema"]:
    weights = argument or "live"
    if weights not in _WEIGHTS:
        raise RequestError(
            f"objective '{name}:{argument}': the teacher's weights are {', '.join(_WEIGHTS)}"
        )
    return cast(Literal["live", "base", "ema"], weights)
