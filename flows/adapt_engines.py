"""What an adaptation still owes, and the machinery for it: a sweep's, and a trainer."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import partial

from flows.adapt_request import AdaptRequest
from flows.ending import end
from flows.engines import amounts, cores_of, judges_of, policy_of, same_policy_id, side_threads
from flows.hardware import measured_on, tell_of_others
from flows.progress import SweepProgress
from flows.request import stored_policy_id
from flows.steps import begins
from storage import Lake, ledger
from tasks.adapt.actor import start_trainer
from tasks.adapt.adaptation import Adaptation
from tasks.adapt.anchors import LEAST
from tasks.adapt.named import loadable_policy, worn_adapter
from tasks.adapt.standing import Made
from tasks.adapt.turns import Holding, Turns
from tasks.cluster import cluster, gpus_here, is_remote
from tasks.evaluate.placement import keep_timing_cores_free
from tasks.plan import Work
from tasks.policies import policy_needs
from tasks.sample.actor import PolicyHandle, ReleasedPolicy
from tasks.sweep import Sweep


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


def holding_of(request: AdaptRequest, there: int) -> Holding:
    """How many GPUs the parts of a run want. there: that there are (tasks.adapt.turns.Holding)."""
    return Holding(
        policy=policy_needs(request.policy).gpus,
        judges=int(request.judge.config().on_gpu),
        trainer=int(request.trains_on_gpu),
        there=there,
    )


@contextmanager
def adapting(
    lake: Lake,
    run_id: str,
    request: AdaptRequest,
    todo: Owed,
) -> Iterator[Adaptation]:
    """Policy, judges and trainer, ended with the block. Those that take turns are started when they
    are wanted, all others at once.

    Raises RequestError if the run's draws came from a policy that is no longer the same.
    """
    if todo.steps:
        request.check_trainer_there()
    rounds = request.rounds()
    with ExitStack() as stack:
        stack.enter_context(cluster(end))
        holding = holding_of(request, 0 if is_remote() else gpus_here())
        if not todo.draws:
            holding = replace(holding, policy=0)
        if not todo.steps:
            holding = replace(holding, trainer=0)
        if holding.told:
            begins(holding.told)
        cores = cores_of(request)
        judges = judges_of(request, cores, gpus=holding.for_judges, start=False)
        stack.callback(judges.close)
        before = measured_on(lake, run_id, judges.harness_id)

        def seated(pids: list[int]) -> None:
            keep_timing_cores_free(pids, cores.side)
            tell_of_others(run_id, before, judges.machines)

        spec = loadable_policy(lake, request.policy)
        settings = request.trainer_settings(side_threads(request), worn_adapter(spec))
        turns = Turns(
            holding,
            partial(_policy, lake, run_id, request, holding),
            partial(start_trainer, settings, holding.trainer),
            judges,
            seated,
        )
        stack.callback(turns.close)
        policy_id = _begun(lake, run_id, request, todo, turns)
        stages = amounts(todo.work) | {"train": todo.steps, "anchors": LEAST * rounds.last}
        progress = SweepProgress(stages)
        stack.enter_context(progress.shown())
        sweep = Sweep(
            run_id=run_id,
            lake=lake,
            seed=request.seed,
            policy_id=policy_id,
            policy=ReleasedPolicy(),
            judges=judges,
            progress=progress,
            command=request.command,
        )
        yield Adaptation(sweep=sweep, policy_spec=spec, turns=turns, rounds=rounds)


def _begun(lake: Lake, run_id: str, request: AdaptRequest, todo: Owed, turns: Turns) -> str:
    """Start what need not wait for its turn; the id of the policy."""
    released = None if todo.draws else stored_policy_id(lake, run_id)
    if released is None:
        begins(f"loading the policy {request.policy}")
        policy = turns.policy()
    if "judges" not in turns.in_turns:
        begins(f"starting the judges ({request.judge.device})")
        turns.judges()
    if todo.steps and "trainer" not in turns.in_turns:
        # By a Ray that has left the timing cores, so it never runs on one.
        turns.trainer()
    return released or same_policy_id(lake, run_id, request, policy)


def _policy(lake: Lake, run_id: str, request: AdaptRequest, holding: Holding) -> PolicyHandle:
    policy = policy_of(lake, run_id, request, holding.policy)
    if "policy" in holding.in_turns:  # it is loaded in its turn, and is what it was in the last one
        try:
            same_policy_id(lake, run_id, request, policy)
        except BaseException:
            policy.close()
            raise
    return policy
