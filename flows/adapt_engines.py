"""What an adaptation still owes, and the machinery for it: a sweep's, and a trainer."""

from __future__ import annotations

from collections.abc import Iterator
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
from tasks.adapt.named import loadable_policy, worn_adapter
from tasks.adapt.standing import Made
from tasks.plan import Work
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


def owed(lake: Lake, run_id: str, request: AdaptRequest) -> Owed:
    """What the run lacks now."""
    sampled = ledger.sampled(lake, run_id)
    judged = ledger.judged(lake, run_id, request.harness_id)
    made = Made(lake, run_id, request.adapt.patience)
    rounds = request.rounds()
    work, steps = [], 0
    for step in range(rounds.last + 1):
        drawing = rounds.drawings(None, step)
        for unit in rounds.units if step else ():
            before, here = made.at(unit, step - 1), made.at(unit, step)
            if before is not None and before.ended:
                continue
            steps += here is None or made.lost(unit, step)
            if here is None or not here.ended:
                drawing += rounds.drawings(unit, step)
        for shard in (shard for one in drawing for shard in one.shards):
            to_judge = shard.less(judged)
            if to_judge is not None:
                work.append(Work(shard.less(sampled), to_judge))
    return Owed(tuple(work), steps)


@contextmanager
def adapting(
    lake: Lake,
    run_id: str,
    request: AdaptRequest,
    todo: Owed,
) -> Iterator[Adaptation]:
    """Policy, judges and trainer, started at once and ended with the block.

    Raises RequestError if the run's draws came from a policy that is no longer the same.
    """
    if todo.steps:
        request.check_trainer_there()
    rounds = request.rounds()
    released = None if todo.draws else stored_policy_id(lake, run_id)
    with ExitStack() as stack:
        more = {"train": todo.steps, "anchors": LEAST * rounds.last}
        sweep = stack.enter_context(
            engines(lake, run_id, request, todo.work, released=released, more=more)
        )
        trainer: TrainerHandle | None = None
        spec = loadable_policy(lake, request.policy)
        settings = request.trainer_settings(side_threads(request), worn_adapter(spec))
        in_turns = not settings.on_cpu and request.judge.config().on_gpu
        if todo.steps and not in_turns:
            # Started by a Ray that has left the timing cores, so it never runs on one.
            trainer = start_trainer(settings)
            stack.callback(trainer.close)
        policy = sweep.policy
        yield Adaptation(
            sweep=sweep,
            policy_spec=spec,
            policy=policy if isinstance(policy, PolicyHandle) else None,
            trainer=trainer,
            trainer_in_turn=partial(start_trainer, settings) if in_turns else None,
            rounds=rounds,
        )
