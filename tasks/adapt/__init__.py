"""Gradient steps at test time: from judged draws to the next adapter. docs/adaptation.md explains.

A step in five lines (all of it is in tests/tasks/adapt/test_learning.py):

    group = Group(parse_reward("lower")(verdicts), verdicts, sampled=logprobs)    # one problem
    advantages = parse_objective("entropic-noise").token_advantages([group])[0]
    items = train_items(draw_keys, prompt, tokens, logprobs, advantages)
    made = make_step(trainer, parent, items, StepSpec(), adapters)                # files on disk
    policy.set_adapter(made.saved.folder); check_effect(made.report.probes, served, made.saved)

`group` what an objective sees · `rewards/` verdicts to rewards · `objectives/` rewards to
advantages · `items` what a trainer gets · `loss` of one step · `correction` of its ratios ·
`step_size` lr or KL · `trainers/base` the protocol · `trainers/local/` peft and torch ·
`trainers/tinker/` a server's · `trainers/mismatch` of sampler and trainer · `checkpoint` ids and
hashes · `step` from a parent's files to the next ones · `effect` the check after each save ·
`feedback` the teacher's prompt · `ema` its averaged weights · `staged` and `best_of_adaptation`
statistics of one arm. Adapters on a policy that samples are in `tasks.policies.adapters`.

A run (`flows/adapt.py`, `flows/train.py`): `numbering` of draws · `units` trajectories · `rounds`
who draws what in which, for the outer loop `outer` · `standing` where each unit is · `order` of
judging · `drawn`, `lesson`, `train` a step from the lake's rows to the lake's rows · `anchors` what
is measured anew in every round · `actor` a trainer in a process of its own · `spent` what rounds
cost · `extent` how far it goes · `adapters` where a lake keeps them · `named` checkpoints as
policies · `lineage` what they have learned from. Arms are compared in `tasks/frontier/`; the probe
is `tasks/probe/`.
"""

from __future__ import annotations

from tasks.adapt.checkpoint import Checkpoint, checkpoint_id
from tasks.adapt.effect import Effect, check_effect
from tasks.adapt.group import Group, Verdicts
from tasks.adapt.items import DrawKey, TrainItem, train_items
from tasks.adapt.objectives import parse_objective
from tasks.adapt.rewards import parse_reward
from tasks.adapt.step import Made, make_step
from tasks.adapt.trainers.base import Capabilities, SavedFiles, StepReport, StepSpec, Trainer

__all__ = [
    "Capabilities",
    "Checkpoint",
    "DrawKey",
    "Effect",
    "Group",
    "Made",
    "SavedFiles",
    "StepReport",
    "StepSpec",
    "TrainItem",
    "Trainer",
    "Verdicts",
    "check_effect",
    "checkpoint_id",
    "make_step",
    "parse_objective",
    "parse_reward",
    "train_items",
]
