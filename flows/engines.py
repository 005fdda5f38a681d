"""The machinery of a sweep, up for as long as it is needed: Ray, policy, judges, progress."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager

from flows.errors import RequestError
from flows.progress import SweepProgress
from flows.request import INSTANT_DEVICE, SweepRequest, stored_policy_id
from storage import Lake
from tasks.cluster import cluster
from tasks.evaluate.placement import judging_cores, keep_timing_cores_free
from tasks.evaluate.pool import JudgePool
from tasks.plan import Work
from tasks.sample.actor import start_policy
from tasks.sweep import Sweep


@contextmanager
def engines(
    lake: Lake, run_id: str, request: SweepRequest, work: Sequence[Work]
) -> Iterator[Sweep]:
    """Everything that shards need, started at once and ended with the block.

    Raises RequestError if the run's draws came from a policy that is no longer the same.
    """
    drawn = sum(len(one.to_sample.sample_indices) for one in work if one.to_sample)
    judged = sum(len(one.to_judge.sample_indices) for one in work)
    cores = judging_cores()
    with ExitStack() as stack:
        stack.enter_context(cluster())
        policy = start_policy(request.policy, request.sampling.params(), len(cores.side))
        stack.callback(policy.close)
        instant = request.judge.device == INSTANT_DEVICE
        judges = JudgePool(request.judge.config(), cores, instant=instant)
        stack.callback(judges.close)
        policy_id = policy.policy_id
        before = stored_policy_id(lake, run_id)
        if before not in (None, policy_id):
            raise RequestError(
                f"run {run_id!r} was drawn by {before}, and {request.policy!r} is now {policy_id} "
                "(other weights, template or tokenizer); choose another --run"
            )
        keep_timing_cores_free(judges.ready())
        progress = SweepProgress({"sample": drawn, "evaluate": judged})
        stack.enter_context(progress.shown())
        yield Sweep(run_id, lake, request.seed, policy_id, policy, judges, progress)
