"""A problem's reference in a worker of its own, timed by the same loop as any candidate."""

from __future__ import annotations

import contextlib
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field

from kernels_eval.devices.base import Device, NotQuietError, StirredError
from kernels_eval.disturbance import STRANGERS, refused_by_system
from kernels_eval.errors import HarnessError, ProblemError
from kernels_eval.failures import explain_end
from kernels_eval.problems.prepared import PreparedProblem
from kernels_eval.problems.sets import InputSet
from kernels_eval.processes.forkserver import ForkServer
from kernels_eval.processes.worker import WorkerEndedError, WorkerError, WorkerTimeoutError
from kernels_eval.timing.batch import Batch
from kernels_eval.timing.clocks import Clocks
from kernels_eval.timing.runner import CandidateFailedError, LateWorkError, Runner
from kernels_eval.timing.speed import Speedometer
from kernels_eval.timing.statistics import Budget, Speedup
from kernels_eval.worker.protocol import Job

_MAX_CALLS = 512
_UNLIKE, _FASTER = 3.0, 4
_SOME = 16
_WORKERS = 4
"""With fewer on the device at once, one is waited for now and then."""
_KNOWN = 256
_TRIES = 4
"""For a device that somebody else uses meanwhile."""
_SEEN = 24
"""Batches that few candidates see more of: first calls, warm-ups and pairs."""


@dataclass
class Reference:
    """The reference, warm, with what is known of its time."""

    problem: PreparedProblem
    runner: Runner
    clocks: Clocks
    max_calls: int
    budget: Budget
    call_ms: float = 0.0
    quiet_ms: deque[float] = field(default_factory=lambda: deque(maxlen=_KNOWN))
    """Per call, in the last pairs that nobody disturbed, whoever the candidates were."""
    capacity: int = 1
    """Workers that may hold inputs and outputs at once."""
    beside: float = 0
    """Candidates that were timed beside its present process; infinite if that is not trusted."""

    def calls(self) -> int:
        """Calls per batch, so that a batch of the reference lasts long enough."""
        wanted = -(-self.budget.batch_ms // self.call_ms)
        return int(min(self.max_calls, max(1, wanted)))

    def most_calls(self) -> int:
        return min(_FASTER * self.calls(), self.max_calls)

    def candidate_calls(self, batch: Batch) -> int:
        """The same number for the candidate unless it is three times slower or faster.

        Different numbers would make it unfair: what a batch costs once weighs less on more calls.
        The worker's claim may choose, too: on a busy machine a batch of one call is woken and
        stopped late, would look slow, and stay a batch of one call. Who claims too little gets
        more calls, and more of its true time with them.
        """
        same = self.calls()
        took = min(self.clocks.milliseconds(batch), batch.claimed_ns / batch.calls / 1e6)
        if took > _UNLIKE * self.call_ms:
            return max(1, int(same * self.call_ms / took))
        if batch.calls > 1 and took < self.call_ms / _UNLIKE:
            return self.most_calls()
        return same

    def alike(self, speedup: Speedup) -> bool:
        """Whether the times are near enough for equal numbers of calls."""
        return 1 / _UNLIKE <= speedup.ratio <= _UNLIKE

    def close(self) -> None:
        """End the worker and give all the problem's memory back."""
        self.runner.worker.close()
        self.runner.memory.close()
        self.problem.forget()


def start_reference(
    problem: PreparedProblem,
    server: ForkServer,
    device: Device,
    speed: Speedometer,
    budget: Budget,
    timeout_s: float,
) -> Reference:
    """Build the reference in a worker, warm it up and time it. Raises HarnessError."""
    per_call = problem.set_bytes + problem.output_bytes
    max_calls = max(1, min(_MAX_CALLS, device.batch_bytes // per_call))
    job = problem.job(problem.source, "Model", "problem", max_calls, len(speed.cores))
    with _started(job, server, device, speed, timeout_s) as runner:
        reference = Reference(problem, runner, device.clocks(), max_calls, budget)
        reference.call_ms = _warm_up(reference, timeout_s)
        if device.on_gpu and reference.calls() > _SOME:
            reference.call_ms = max(reference.call_ms, _queued(reference, timeout_s))
        wanted = _SEEN * reference.calls()
        shares = device.shares(job, problem.pool, wanted)
        few = shares.workers < _WORKERS or shares.pool_bytes < wanted * problem.pool.largest
        if few and problem.slim():
            shares = device.shares(job, problem.pool, wanted)
        reference.capacity = shares.workers
        problem.pool.limit(shares.pool_bytes)
    return reference


def refusal(cause: BaseException | None, timeout_s: float, processes: int) -> ProblemError | None:
    """What a failed reference says about its problem; None if it is our failure.

    A problem is trusted to compute: what fails each time, and is nobody else's doing, is its own.
    `processes`: how many it may have.
    """
    if isinstance(cause, LateWorkError):
        return ProblemError(
            "the problem has processes that come back when they are ended, and they would compute "
            "beside the clock (a multiprocessing pool in the file or in Model?)"
        )
    if isinstance(cause, WorkerTimeoutError):
        return ProblemError(
            f"Model was not built, or gave no answer, within {timeout_s:g} s; --timeout allows more"
        )
    if isinstance(cause, WorkerEndedError) and cause.signal not in STRANGERS:
        _, how, _ = explain_end(cause, "its import or a call", killed_for_memory=False)
        return ProblemError(f"Model ends the process that it runs in: {' '.join(how.split())}")
    if isinstance(cause, CandidateFailedError) and not refused_by_system(cause, processes):
        return ProblemError(f"Model fails in a process of its own: {' '.join(cause.text.split())}")
    return None


def renew_reference(
    reference: Reference, server: ForkServer, device: Device, speed: Speedometer, timeout_s: float
) -> None:
    """Go on with a fresh process, in memory of its own; the numbers of calls stay as they are.

    Raises HarnessError; the worker is closed then.
    """
    reference.runner.worker.close()
    reference.runner.memory.close()
    with _started(reference.runner.job, server, device, speed, timeout_s) as reference.runner:
        _warm_up(reference, timeout_s)
    reference.beside = 0


@contextlib.contextmanager
def _started(
    job: Job, server: ForkServer, device: Device, speed: Speedometer, timeout_s: float
) -> Iterator[Runner]:
    """The reference, built in a worker, which is ended if what is done with it fails."""
    worker = server.spawn()
    memory = device.memory(job)
    try:
        runner = Runner(worker, job, memory, speed)
        deadline = time.monotonic() + timeout_s
        runner.up(deadline)
        runner.ready(deadline)
        worker.pin(speed.cores)
        yield runner
    except (CandidateFailedError, WorkerError, LateWorkError) as error:
        worker.close()
        memory.close()
        raise HarnessError(f"the reference does not run in a worker: {error!r}") from error
    except (NotQuietError, StirredError):
        worker.close()
        memory.close()
        raise HarnessError(
            f"something else is computing on {device.name}; times would mean nothing"
        ) from None
    except BaseException:
        worker.close()
        memory.close()
        raise


def _warm_up(reference: Reference, timeout_s: float) -> float:
    """Learn how long a call takes, which is told, and what a batch costs on top."""
    one = [next(reference.problem.unseen())]
    return _learn(reference, [_run(reference, one, timeout_s) for _ in range(5)][2:])


def _queued(reference: Reference, timeout_s: float) -> float:
    """The same for many calls in a row, which take longer each than one does: launches queue up."""
    sets = reference.problem.unseen()
    some = [next(sets) for _ in range(_SOME)]
    return _learn(reference, [_run(reference, some, timeout_s) for _ in range(4)][2:])


def _learn(reference: Reference, batches: list[Batch]) -> float:
    """Milliseconds of a call in the quickest of these."""
    for batch in batches:
        reference.clocks.learn(batch)
    return min(map(reference.clocks.milliseconds, batches))


def _run(reference: Reference, sets: list[InputSet], timeout_s: float) -> Batch:
    """A batch that nobody disturbed. Raises StirredError if there is none in a few."""
    for _ in range(_TRIES - 1):
        with contextlib.suppress(StirredError):
            return reference.runner.run(sets, timeout_s)
    return reference.runner.run(sets, timeout_s)
