"""A run that has drawn its first stage, and what draws and trains for it: real, but without Ray."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

from storage import Lake
from storage.commit import commit
from tasks.adapt.adaptation import Adaptation
from tasks.adapt.checkpoint import Checkpoint
from tasks.adapt.items import TrainItem
from tasks.adapt.method import Method
from tasks.adapt.rounds import Rounds
from tasks.adapt.step import Made, make_step
from tasks.adapt.trainers.base import StepSpec
from tasks.adapt.trainers.local import LocalTrainer
from tasks.adapt.turns import Holding, Turns
from tasks.adapt.units import Unit, units_of
from tasks.plan import Shard
from tasks.policies.causal_lm import CausalLMPolicy
from tasks.policies.rescore import Score
from tasks.problems import Problem
from tasks.sample.rows import candidate_rows
from tests.storage.make import evaluation_row
from tests.tasks.adapt.conftest import Drawn
from tests.tasks.evaluate.sweeps import sweep_of


@dataclass
class Served:
    """The policy as a handle offers it. deaf: takes no notice of adapters, as servers have."""

    policy: CausalLMPolicy
    deaf: bool = False

    def wearing(self, adapter: Path | None) -> Served:
        self.policy.set_adapter(None if self.deaf else adapter)
        return self

    @property
    def policy_id(self) -> str:
        return self.policy.policy_id

    @property
    def context(self) -> int:
        return self.policy.context

    @property
    def in_float32(self) -> bool:
        return self.policy.in_float32

    def encode_prompt(self, problem: Problem, more: str = "") -> list[int]:
        return self.policy.encode_prompt(problem, more)

    def score_tokens(
        self, prompt: Sequence[int], completions: Sequence[Sequence[int]]
    ) -> list[Score]:
        return self.policy.score_tokens(prompt, completions)


@dataclass
class Trains:
    """The trainer as a handle offers it."""

    trainer: LocalTrainer
    on_gpu: bool = False
    in_float32: bool = True

    def make_step(
        self,
        parent: Checkpoint | None,
        items: Sequence[TrainItem],
        spec: StepSpec,
        adapters: Path,
    ) -> Made:
        return make_step(self.trainer, parent, items, spec, adapters)


def turns_of(policy: Served, trainer: Trains) -> Turns:
    """Both are there all the time; nobody judges."""
    there = cast("Any", lambda one: lambda: one)
    return Turns(Holding(), there(policy), there(trainer), cast("Any", None))


@contextmanager
def begun(
    lake: Lake, policy: CausalLMPolicy, trainer: LocalTrainer, drawn: Drawn
) -> Iterator[Adaptation]:
    """A run whose base arm has drawn its first stage; every other draw is twice as fast."""
    problem = drawn.problem
    shard = Shard(problem, tuple(range(len(drawn.samples))))
    rows, tokens = candidate_rows(
        shard, drawn.samples, [0] * len(drawn.samples), policy.policy_id, 1.0
    )
    rows = [row | {"source_hash": f"h{i}", "arm": "base", "step": 0} for i, row in enumerate(rows)]
    commit(lake, "demo", "stage-0", {"token_logprobs": tokens, "candidates": rows})
    place = {"suite": problem.suite, "level": problem.level}
    verdicts = [
        evaluation_row(problem.problem_id, f"h{i}", speedup=1.0 + i % 2) | place
        for i in range(len(rows))
    ]
    lake.append("evaluations", verdicts, run_id="demo")
    sweep, _ = sweep_of(lake, None)
    yield Adaptation(
        sweep=sweep,
        policy_spec="embedded",
        turns=turns_of(Served(policy), Trains(trainer)),
        rounds=Rounds(
            [problem],
            units_of(["centred"], [problem], "problem"),
            Method(len(rows), "speedup", StepSpec(), patience=2),
            last=2,
        ),
    )
    policy.set_adapter(None)


def unit_of(work: Adaptation) -> Unit:
    (unit,) = work.units
    return unit


def draw_again(work: Adaptation, unit: Unit, drawn: Drawn) -> None:
    """The draws of the first stage once more, as those of the unit's first step."""
    standing = work.made().at(unit, 1)
    assert standing is not None
    place = work.drawing(unit, 1, standing, "round").arm
    n = len(drawn.samples)
    (shard,) = unit.shards(1, n)
    scores = cast("Any", work.drawn_by(standing.checkpoint and standing.checkpoint.folder))
    samples = [
        replace(one, logprobs=scores.score_tokens(drawn.prompt, [one.token_ids])[0].processed)
        for one in drawn.samples
    ]
    rows, tokens = candidate_rows(shard, samples, [0] * n, str(standing.policy_id), 1.0)
    rows = [row | {"source_hash": f"h{i}"} | dict(place) for i, row in enumerate(rows)]
    commit(work.lake, "demo", unit.part(1), {"token_logprobs": tokens, "candidates": rows})
