"""The machinery of a sweep, up for as long as it is needed: Ray, policy, judges, progress."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager

from flows.ending import end
from flows.errors import RequestError
from flows.hardware import measured_on, tell_of_others
from flows.ledger import spent_tokens
from flows.progress import SweepProgress
from flows.request import INSTANT_DEVICE, SweepRequest, stored_policy_id
from flows.steps import begins
from kernels_eval.timing.cores import Cores
from storage import Lake
from tasks.adapt.named import loadable_policy
from tasks.cluster import cluster, gpus_here
from tasks.evaluate.placement import cores_at_first, judging_cores, keep_timing_cores_free
from tasks.evaluate.pool import JudgePool
from tasks.plan import Work
from tasks.policies import policy_needs
from tasks.policies.options import with_options
from tasks.sample.actor import PolicyHandle, ReleasedPolicy, start_policy
from tasks.sweep import Draws, Sampler, Sweep


def takes_turns(request: SweepRequest) -> bool:
    """Whether the policy has to leave its GPU before a kernel can be timed on it."""
    return request.judge.config().on_gpu and policy_needs(request.policy).gpus > 0


@contextmanager
def drawing(
    lake: Lake, run_id: str, request: SweepRequest, work: Sequence[Work]
) -> Iterator[Draws]:
    """What sampling alone needs. With the block's end the policy's memory is free.

    Raises RequestError if the run's draws came from a policy that is no longer the same.
    """
    with ExitStack() as stack:
        stack.enter_context(cluster(end))
        begins(f"loading the policy {request.policy}")
        policy = policy_of(lake, run_id, request)
        stack.callback(policy.close)
        policy_id = same_policy_id(lake, run_id, request, policy)
        progress = SweepProgress({"sample": amounts(work)["sample"]})
        stack.enter_context(progress.shown())
        yield Draws(
            run_id=run_id,
            lake=lake,
            seed=request.seed,
            policy_id=policy_id,
            policy=policy,
            progress=progress,
        )


@contextmanager
def engines(
    lake: Lake,
    run_id: str,
    request: SweepRequest,
    work: Sequence[Work],
    *,
    released: str | None = None,
) -> Iterator[Sweep]:
    """Everything that shards need, started at once and ended with the block.

    released: id of the policy, if all it owes is drawn and it is not to be started.

    Raises RequestError if the run's draws came from a policy that is no longer the same.
    """
    with ExitStack() as stack:
        stack.enter_context(cluster(end))
        policy: Sampler = ReleasedPolicy()
        if released is None:
            begins(f"loading the policy {request.policy}")
            handle = policy = policy_of(lake, run_id, request)
            stack.callback(handle.close)
        begins(f"starting the judges ({request.judge.device})")
        cores = cores_of(request)
        judges = judges_of(request, cores)
        stack.callback(judges.close)
        policy_id = released or same_policy_id(lake, run_id, request, handle)
        keep_timing_cores_free(judges.ready(), cores.side)
        before = measured_on(lake, run_id, judges.harness_id)
        tell_of_others(run_id, before, judges.machines)
        progress = SweepProgress(amounts(work))
        stack.enter_context(progress.shown())
        yield Sweep(
            run_id=run_id,
            lake=lake,
            seed=request.seed,
            policy_id=policy_id,
            policy=policy,
            judges=judges,
            progress=progress,
            command=request.command,
        )


def cores_of(request: SweepRequest) -> Cores:
    """Which cores of this machine time and which do the rest. Within Ray."""
    return judging_cores(gpus_here() if request.judge.config().on_gpu else 0)


def judges_of(
    request: SweepRequest, cores: Cores, *, gpus: int | None = None, start: bool = True
) -> JudgePool:
    """See tasks.evaluate.pool.JudgePool."""
    instant = request.judge.device == INSTANT_DEVICE
    config, allowed = request.judge.config(), cores_at_first()
    return JudgePool(config, cores, instant=instant, allowed=allowed, gpus=gpus, start=start)


def policy_of(
    lake: Lake, run_id: str, request: SweepRequest, gpus: int | None = None
) -> PolicyHandle:
    """The policy, being loaded. gpus: see tasks.sample.actor.start_policy."""
    options = request.policy_options | request.limits.options(spent_tokens(lake, run_id))
    spec = loadable_policy(lake, request.policy)
    spec = with_options(spec, options) if any(options.values()) else spec
    return start_policy(spec, request.sampling.params(), side_threads(request), gpus)


def side_threads(request: SweepRequest) -> int:
    """Threads of what works beside the judges."""
    threads = len(judging_cores().side)
    # Candidates for a GPU compile on the same cores.
    return max(1, threads // 2) if request.judge.config().on_gpu else threads


def same_policy_id(lake: Lake, run_id: str, request: SweepRequest, policy: PolicyHandle) -> str:
    """The policy's id, once it is loaded.

    Raises RequestError if the run's draws came from a policy that is no longer the same.
    """
    policy_id = policy.policy_id
    before = stored_policy_id(lake, run_id)
    if before not in (None, policy_id):
        raise RequestError(
            f"run {run_id!r} was drawn by {before}, and {request.policy!r} is now {policy_id} "
            "(other weights, template or tokenizer); choose another --run"
        )
    return policy_id


def amounts(work: Sequence[Work]) -> dict[str, int]:
    """How much goes through each stage, in draws."""
    return {
        "sample": sum(len(one.to_sample.sample_indices) for one in work if one.to_sample),
        "evaluate": sum(len(one.to_judge.sample_indices) for one in work),
    }
