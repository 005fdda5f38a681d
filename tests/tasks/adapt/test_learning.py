"""Learning works: an idiom that the model writes now and then becomes what it writes, if that is
what is rewarded; and does not, if the same advantages are dealt out at random."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tasks.adapt.effect import check_effect
from tasks.adapt.group import Group
from tasks.adapt.objectives import parse_objective
from tasks.adapt.step import make_step
from tasks.adapt.trainers.base import StepSpec
from tasks.adapt.trainers.local import LocalTrainer
from tasks.policies.causal_lm import CausalLMPolicy
from tasks.statistics.arrays import Floats
from tasks.statistics.rate import rate_interval
from tests.tasks.adapt.conftest import Drawn, draw, problem

pytestmark = pytest.mark.slow

PROBLEM = 29
IDIOM = "logaddexp"
STEPS, G, FRESH = 4, 32, 64


def planted(drawn: Drawn) -> Floats:
    """The whole of the reward: 1 where the idiom is there."""
    return np.array([float(IDIOM in one.completion) for one in drawn.samples])


def rate(policy: CausalLMPolicy) -> Floats:
    """Of the idiom in draws that nothing was trained on: mean, low, high."""
    fresh = draw(policy, problem(PROBLEM), FRESH, first=10**6)
    return rate_interval(planted(fresh)[:, None])[:, 0]


def adapted(policy: CausalLMPolicy, trainer: LocalTrainer, name: str, folder: Path) -> Floats:
    """The rate after STEPS steps of the objective."""
    objective, at = parse_objective(name), None
    for step in range(STEPS):
        drawn = draw(policy, problem(PROBLEM), G, first=step * G)
        (advantages,) = objective.advantages([Group(planted(drawn), seed=step)])
        made = make_step(
            trainer, at, drawn.items(advantages.tolist(), first=step * G), StepSpec(), folder
        )
        at = made.checkpoint
        if made.saved is not None:
            policy.set_adapter(made.saved.folder)
            probes = made.report.probes
            served = policy.score_tokens(drawn.prompt, [one.item.tokens for one in probes])
            check_effect(probes, [one.processed or () for one in served], made.saved)
    found = rate(policy)
    policy.set_adapter(None)
    return found


def test_learning_works(
    policy: CausalLMPolicy, loaded_trainer: LocalTrainer, tmp_path: Path
) -> None:
    _, _, base_high = rate(policy)
    _, centred_low, _ = adapted(policy, loaded_trainer, "centred", tmp_path / "centred")
    _, placebo_low, placebo_high = adapted(policy, loaded_trainer, "placebo", tmp_path / "placebo")
    assert base_high < 0.3
    assert centred_low > 0.6
    assert placebo_low < base_high
    assert placebo_high < centred_low
