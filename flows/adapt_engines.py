"""What an adaptation still owes, and the machinery for it: a sweep's, and a trainer."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial

from flows.adapt_request import AdaptRequest
from flows.engines import engines, side_threads
from flows.request import stored_policy_id
from storage import Lake, ledger
from tasks.adapt.actor import TrainerHandle, start_trainer
from tasks.adapt.adaptation import Adaptation
from tasks.adapt.anchors import LEAST
from tasks.adapt.method import Method
from tasks.adapt.numbering import Purpose
from tasks.adapt.standing import Made
from tasks.adapt.units import Unit, base_shards
from tasks.plan import Shard, Work
from tasks.problems import Problem
from tasks.sample.actor import PolicyHandle


@dataclass(frozen=True)
class Owed:
    """What a run lacks, as far as can be told before it is made: units may end early.

    work: draws and verdicts. steps: of training.
    """

    work: tuple[Work, ...]
    steps: int

    @property
    def draws(self) -> bool:
        """Whether something has to be drawn or learned, so that policy and trainer are needed."""
        return self.steps > 0 or any(one.to_sample for one in self.work)

    @property
    def verdicts(self) -> int:
        """Draws without a verdict, those that are not drawn yet included."""
        return sum(len(one.to_judge.sample_indices) for one in self.work)


@dataclass(frozen=True)
class Drawing:
    """What is drawn under one checkpoint for one purpose. unit: None for the base arm."""

    unit: Unit | None
    purpose: Purpose
    shards: list[Shard]


def owed(lake: Lake, run_id: str, request: AdaptRequest, problems: tuple[Problem, ...]) -> Owed:
    """What the run lacks now."""
    sampled = ledger.sampled(lake, run_id)
    judged = ledger.judged(lake, run_id, request.harness_id)
    made = Made(lake, run_id, request.adapt.patience)
    units, method = request.units(problems), request.method()
    work, steps = [], 0
    for step in range(request.last_step(len(problems)) + 1):
        drawing = _drawings(None, problems, step, method)
        for unit in units if step else ():
            before, here = made.at(unit, step - 1), made.at(unit, step)
            if before is not None and before.ended:
                continue
            steps += here is None or made.lost(unit, step)
            if here is None or not here.ended:
                drawing += _drawings(unit, problems, step, method)
        for shard in (shard for one in drawing for shard in one.shards):
            to_judge = shard.less(judged)
            if to_judge is not None:
                work.append(Work(shard.less(sampled), to_judge))
    return Owed(tuple(work), steps)


def round_drawings(adaptation: Adaptation, step: int) -> list[Drawing]:
    """What is drawn in a round: by the base arm, and by each unit that goes on."""
    problems, method = adaptation.problems, adaptation.method
    found = _drawings(None, problems, step, method)
    made = adaptation.made()
    for unit in adaptation.units if step else ():
        standing = made.at(unit, step)
        if standing is not None and not standing.ended:
            found += _drawings(unit, problems, step, method)
    return found


def _drawings(
    unit: Unit | None, problems: Sequence[Problem], step: int, method: Method
) -> list[Drawing]:
    return [
        Drawing(
            unit,
            purpose,
            unit.shards(step, draws, purpose)
            if unit
            else base_shards(problems, step, draws, purpose),
        )
        for purpose, draws in method.draws.items()
    ]


@contextmanager
def adapting(
    lake: Lake,
    run_id: str,
    request: AdaptRequest,
    problems: tuple[Problem, ...],
    todo: Owed,
) -> Iterator[Adaptation]:
    """Policy, judges and trainer, started at once and ended with the block.

    Raises RequestError if the run's draws came from a policy that is no longer the same.
    """
    if todo.steps:
        request.check_trainer_there()
    released = None if todo.draws else stored_policy_id(lake, run_id)
    with ExitStack() as stack:
        more = {"train": todo.steps, "anchors": LEAST * request.last_step(len(problems))}
        sweep = stack.enter_context(
            engines(lake, run_id, request, todo.work, released=released, more=more)
        )
        trainer: TrainerHandle | None = None
        settings = request.trainer_settings(side_threads(request))
        in_turns = not settings.on_cpu and request.judge.config().on_gpu
        if todo.steps and not in_turns:
            # Started by a Ray that has left the timing cores, so it never runs on one.
            trainer = start_trainer(settings)
            stack.callback(trainer.close)
        policy = sweep.policy
        yield Adaptation(
            sweep=sweep,
            policy_spec=request.policy,
            policy=policy if isinstance(policy, PolicyHandle) else None,
            trainer=trainer,
            trainer_in_turn=partial(start_trainer, settings) if in_turns else None,
            method=request.method(),
            problems=problems,
            units=request.units(problems),
        )
