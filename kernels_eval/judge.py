"""The judge: gives every candidate a verdict, believes none, survives all."""

from __future__ import annotations

import contextlib
import os
import random
import time
from collections import OrderedDict, deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from types import TracebackType

import numpy as np
import torch

from kernels_eval.config import JudgeConfig
from kernels_eval.devices import check_device
from kernels_eval.errors import HarnessError, RequestError
from kernels_eval.failures import status_of
from kernels_eval.problems.prepared import InputSet, PreparedProblem
from kernels_eval.processes.forkserver import ForkServer
from kernels_eval.processes.worker import (
    Worker,
    WorkerEndedError,
    WorkerForgedError,
    WorkerTimeoutError,
)
from kernels_eval.protocols import kernelbench
from kernels_eval.sandbox.libc import keep_heap
from kernels_eval.sandbox.limits import Limits
from kernels_eval.sandbox.probe import plan
from kernels_eval.screening import screen
from kernels_eval.screening.scope import out_of_scope
from kernels_eval.timing import physics
from kernels_eval.timing.clocks import Clocks
from kernels_eval.timing.cores import choose_cores
from kernels_eval.timing.runner import Batch, CandidateFailedError, LateWorkError, Memory, Runner
from kernels_eval.timing.statistics import FAST, FULL, Speedup, Trials
from kernels_eval.types import Finding, Severity, StageSeconds, Status, Verdict
from kernels_eval.worker.protocol import Job

_BATCH_BYTES = 64 << 20
"""Inputs and outputs of one batch: several times what a core's caches hold, soon mapped."""
_MAX_CALLS = 512
_UNLIKE, _FASTER = 3.0, 4
_PROBLEMS_KEPT = 4


@dataclass
class _Pending:
    """A candidate whose worker is importing it."""

    source: str
    findings: tuple[Finding, ...]
    worker: Worker
    runner: Runner
    accepted: float
    started: float


@dataclass
class _Reference:
    """A problem's reference in a worker of its own, timed by the same loop as any candidate."""

    problem: PreparedProblem
    runner: Runner
    clocks: Clocks
    call_ms: float = 0.0

    def close(self) -> None:
        self.runner.worker.close()
        self.runner.memory.close()


@dataclass
class _Progress:
    """What is known of a candidate so far; what a failure's verdict is made from."""

    compiled: bool = False
    compile_s: float = 0.0
    check_s: float = 0.0
    time_s: float = 0.0
    error_ratio: float | None = None
    bound_ms: float | None = None
    stage: str = "import"
    candidate_ms: list[float] = field(default_factory=list)
    reference_ms: list[float] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)


class _VerdictError(Exception):
    """Ends an evaluation with a verdict."""

    def __init__(self, status: Status, error: str, finding: Finding | None = None) -> None:
        super().__init__(error)
        self.status = status
        self.error = error
        self.finding = finding


class Judge:
    """Owns a fork server and the problems it prepared. One per device; for one thread at a time."""

    def __init__(self, config: JudgeConfig | None = None) -> None:
        """Raises RequestError for a device or cores that are not there, HarnessError on failure."""
        self.config = config or JudgeConfig()
        check_device(self.config.device)
        self.cores = choose_cores(self.config.cores)
        self._plan = plan()
        keep_heap()  # of this process too: checking touches as much memory as the kernels do
        self._server: ForkServer | None = None
        self._references: OrderedDict[str, _Reference] = OrderedDict()
        self._budget = FULL if self.config.mode == "full" else FAST
        self._memories: list[Memory] = []
        self._closed = False

    # The public face

    def start(self) -> None:
        """Start the fork server now rather than with the first problem. Raises HarnessError."""
        with self._on_any_core():
            self._fork_server()

    def prepare(self, problem_source: str) -> PreparedProblem:
        """Load, inspect and baseline a problem; cached per source. Raises ProblemError."""
        with self._on_side_cores():
            return self._reference(problem_source).problem

    def evaluate(self, problem_source: str, candidate_source: str) -> Verdict:
        """The verdict on one candidate. Raises ProblemError; a harness failure is a verdict too."""
        return next(self.evaluate_many(problem_source, [candidate_source]))[1]

    def evaluate_many(
        self, problem_source: str, candidates: Sequence[str]
    ) -> Iterator[tuple[int, Verdict]]:
        """(index, verdict) as they finish. The next candidates are imported while one is timed."""
        with self._on_side_cores():
            reference = self._reference(problem_source)
        ahead = 1 + len(self.cores.side)
        queue: deque[tuple[int, str]] = deque(enumerate(candidates))
        pending: deque[tuple[int, _Pending | Verdict]] = deque()
        try:
            while queue or pending:
                with self._on_side_cores():
                    while queue and len(pending) < ahead:
                        index, source = queue.popleft()
                        pending.append((index, self._begin(reference, source)))
                    index, item = pending.popleft()
                    verdict = item if isinstance(item, Verdict) else self._finish(reference, item)
                    if not queue and not pending and self._server is not None:
                        self._server.fill()
                yield index, verdict
                if self._closed:
                    return
                if reference.runner.worker.closed:
                    with self._on_side_cores():
                        reference = self._reference(problem_source)
        finally:
            for _, item in pending:
                if isinstance(item, _Pending):
                    self._end(item)

    def close(self) -> None:
        """End everything this judge started. Safe to call twice."""
        self._closed = True
        for reference in self._references.values():
            reference.close()
        self._references.clear()
        while self._memories:
            self._memories.pop().close()
        if self._server is not None:
            self._server.close()
            self._server = None

    def __enter__(self) -> Judge:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    # Preparation

    def _fork_server(self) -> ForkServer:
        if self._server is None or not self._server.alive():
            if self._closed:
                raise RequestError("this judge is closed; make a new one")
            self._server = ForkServer(
                self._plan, Limits(), self.cores.side, threads=len(self.cores.timing)
            )
        return self._server

    def _reference(self, source: str) -> _Reference:
        known = self._references.get(source)
        if known is not None and not known.runner.worker.closed:
            self._references.move_to_end(source)
            return known
        server = self._fork_server()
        with self._on_any_core():
            problem = known.problem if known is not None else self._load(source)
        job = problem.job(
            source, "Model", "problem", self._max_calls(problem), len(self.cores.timing)
        )
        worker = server.spawn()
        try:
            runner = Runner(worker, job, Memory.of(job))
            runner.ready(time.monotonic() + self.config.timeout_s)
            worker.pin(self.cores.timing)
            reference = _Reference(problem, runner, Clocks(len(self.cores.timing) == 1))
            self._baseline(reference)
        except (
            CandidateFailedError,
            WorkerEndedError,
            WorkerForgedError,
            WorkerTimeoutError,
            LateWorkError,
        ) as error:
            worker.close()
            raise HarnessError(f"the reference does not run in a worker: {error!r}") from error
        except BaseException:
            worker.close()
            raise
        self._references[source] = reference
        while len(self._references) > _PROBLEMS_KEPT:
            _, oldest = self._references.popitem(last=False)
            oldest.close()
        server.fill()
        return reference

    def _load(self, source: str) -> PreparedProblem:
        if self.config.protocol == "kernelbench":
            return PreparedProblem(source, weight_seed=kernelbench.SEED, fixed_tolerance=True)
        return PreparedProblem(source)

    def _max_calls(self, problem: PreparedProblem) -> int:
        per_call = problem.set_bytes + problem.output_bytes
        return max(1, min(_MAX_CALLS, _BATCH_BYTES // per_call))

    def _baseline(self, reference: _Reference) -> None:
        """Warm the reference up, and learn how long a call takes and what a batch costs on top."""
        sets = reference.problem.unseen()
        one = [next(sets)]
        batches = [reference.runner.run(one, self.config.timeout_s) for _ in range(5)][2:]
        for batch in batches:
            reference.clocks.learn(batch)
        reference.call_ms = min(map(reference.clocks.milliseconds, batches))

    # One candidate

    def _begin(self, reference: _Reference, source: str) -> _Pending | Verdict:
        """Hand a candidate to a fresh worker; it imports on the side cores from now on."""
        accepted = time.monotonic()
        findings = screen(source)
        outside = out_of_scope(source, self.config.scope)
        if outside is not None:
            return self._verdict(Status.REJECTED, outside.message, (*findings, outside))
        try:
            worker = self._fork_server().spawn()
        except HarnessError as error:
            return self._verdict(Status.HARNESS_ERROR, str(error), findings)
        try:
            problem = reference.problem
            job = problem.job(
                source,
                "ModelNew",
                "candidate",
                self._most(reference),
                len(self.cores.timing),
            )
            runner = Runner(worker, job, self._memory(job))
        except (HarnessError, WorkerEndedError, WorkerForgedError) as error:
            worker.close()
            reason = f"a fresh worker failed: {error!r}"
            return self._verdict(Status.HARNESS_ERROR, reason, findings)
        return _Pending(source, findings, worker, runner, accepted, time.monotonic())

    def _memory(self, job: Job) -> Memory:
        """Shared memory for a candidate: used before if it fits, since its pages are there."""
        for index, memory in enumerate(self._memories):
            if memory.fits(job):
                return self._memories.pop(index)
        return Memory.of(job)

    def _end(self, pending: _Pending) -> None:
        """Nothing is left of the worker; its memory waits for the next."""
        pending.worker.close()
        self._memories.append(pending.runner.memory)
        while len(self._memories) > 2 + len(self.cores.side):
            self._memories.pop(0).close()

    def _verdict(self, status: Status, error: str, findings: tuple[Finding, ...]) -> Verdict:
        """A verdict without any measurement."""
        return Verdict(
            status=status,
            protocol=self.config.protocol,
            mode=self.config.mode,
            device=self.config.device,
            harness_id=self.config.harness_id,
            findings=findings,
            error=error[:2000],
        )

    def _finish(self, reference: _Reference, pending: _Pending) -> Verdict:
        """Wait for the import, check, time; always a verdict, and nothing left of the worker."""
        progress = _Progress(findings=list(pending.findings))
        speedup: Speedup | None = None
        status, error = Status.CORRECT, None
        try:
            speedup = self._judge(reference, pending, progress)
            self._check_physics(reference, progress)
        except _VerdictError as stop:
            status, error = stop.status, stop.error
            if stop.finding is not None:
                progress.findings.append(stop.finding)
        except (
            CandidateFailedError,
            LateWorkError,
            WorkerEndedError,
            WorkerForgedError,
            WorkerTimeoutError,
        ) as failure:
            status, error, finding = status_of(failure, progress.stage, self.config.timeout_s)
            if finding is not None:
                progress.findings.append(finding)
        except HarnessError as failure:
            status, error = Status.HARNESS_ERROR, str(failure)
        sandbox = pending.worker.sandbox
        self._end(pending)
        correct = status is Status.CORRECT and speedup is not None
        return Verdict(
            status=status,
            protocol=self.config.protocol,
            mode=self.config.mode,
            device=self.config.device,
            harness_id=self.config.harness_id,
            compiled=progress.compiled,
            speedup=speedup.ratio if correct and speedup else None,
            speedup_ci=(speedup.low, speedup.high) if correct and speedup else None,
            runtime_ms=float(np.median(progress.candidate_ms)) if correct else None,
            reference_ms=float(np.median(progress.reference_ms)) if correct else None,
            candidate_trials_ms=tuple(progress.candidate_ms),
            reference_trials_ms=tuple(progress.reference_ms),
            bound_ms=progress.bound_ms,
            error_ratio=progress.error_ratio,
            findings=tuple(progress.findings),
            error=error[:2000] if error else None,
            sandbox=sandbox,
            seconds=StageSeconds(
                compile=progress.compile_s,
                check=progress.check_s,
                time=progress.time_s,
                wall=time.monotonic() - pending.accepted,
            ),
        )

    def _check_physics(self, reference: _Reference, progress: _Progress) -> None:
        """Raises _VerdictError if the time is below what memory allows."""
        problem = reference.problem
        progress.bound_ms = physics.bound_ms(
            problem.input_bytes + problem.output_bytes,
            self.cores.timing,
            float(np.median(progress.reference_ms)),
        )
        runtime_ms = float(np.median(progress.candidate_ms))
        if physics.impossible(runtime_ms, progress.bound_ms):
            text = f"{runtime_ms:.4g} ms is less than memory allows ({progress.bound_ms:.4g} ms)"
            raise _VerdictError(
                Status.REJECTED, text, Finding("impossible-time", Severity.CONVICTED, text)
            )

    def _judge(self, reference: _Reference, pending: _Pending, progress: _Progress) -> Speedup:
        """Import, check, time. Raises _VerdictError and all that `_finish` catches."""
        runner, problem = pending.runner, reference.problem
        took = runner.ready(max(pending.started + self.config.timeout_s, time.monotonic() + 0.05))
        progress.compile_s = min(took / 1e9, time.monotonic() - pending.started)
        progress.compiled = True
        progress.stage = "call"
        pending.worker.pin(self.cores.timing)
        if self.config.protocol == "kernelbench":
            return self._compare_as_kernelbench(reference, runner, progress)
        sets = problem.unseen()
        first = self._checked(runner, [next(sets)], progress)
        theirs = self._candidate_calls(reference, first)
        return self._compare(reference, runner, sets, theirs, progress)

    def _calls(self, reference: _Reference) -> int:
        """Calls per batch, so that a batch of the reference lasts long enough."""
        wanted = -(-self._budget.batch_ms // reference.call_ms)
        return int(min(self._max_calls(reference.problem), max(1, wanted)))

    def _candidate_calls(self, reference: _Reference, batch: Batch) -> int:
        """The same number for the candidate unless it is three times slower or faster.

        Different numbers would make it unfair: what a batch costs once weighs less on more calls.
        """
        same = self._calls(reference)
        took = reference.clocks.milliseconds(batch)
        if took > _UNLIKE * reference.call_ms:
            return max(1, int(same * reference.call_ms / took))
        if batch.calls > 1 and took < reference.call_ms / _UNLIKE:
            return min(_FASTER * same, self._most(reference))
        return same

    def _most(self, reference: _Reference) -> int:
        return min(_FASTER * self._calls(reference), self._max_calls(reference.problem))

    def _checked(self, runner: Runner, sets: list[InputSet], progress: _Progress) -> Batch:
        """Run a batch and check every output of it. Raises _VerdictError if one is wrong."""
        batch = runner.run(sets, self.config.timeout_s)
        started = time.monotonic()
        distance = runner.distance(sets)
        progress.check_s += time.monotonic() - started
        if progress.error_ratio is None or not distance <= progress.error_ratio:
            progress.error_ratio = distance
        if not distance <= 1.0:
            times = "no finite number of" if distance == float("inf") else f"{distance:.3g}"
            raise _VerdictError(
                Status.INCORRECT,
                f"wrong result: {times} times as far from the float64 result as is allowed",
            )
        return batch

    def _compare(
        self,
        reference: _Reference,
        runner: Runner,
        sets: Iterator[InputSet],
        theirs: int,
        progress: _Progress,
    ) -> Speedup:
        """Alternate batches, in random order within a pair, until the interval is good enough."""
        clocks, budget = reference.clocks, self._budget
        trials = Trials(budget)
        ours = self._calls(reference)
        warm = False
        children = runner.worker.children_ticks()
        while True:
            with self._on_any_core():
                mine = [next(sets) for _ in range(max(ours, theirs))]
            order = [True, False]
            random.shuffle(order)
            times: dict[bool, float] = {}
            disturbed, wall_s = False, 0.0
            for is_candidate in order:
                if is_candidate:
                    batch = theirs_batch = self._checked(runner, mine[:theirs], progress)
                else:
                    batch = reference.runner.run(mine[:ours], self.config.timeout_s)
                    clocks.learn(batch)
                times[is_candidate] = clocks.milliseconds(batch)
                disturbed |= clocks.disturbed(batch)
                wall_s += batch.wall_ns / 1e9
            progress.time_s += wall_s
            if not warm:  # from here on both sides' memory is mapped
                warm = True
                theirs = self._candidate_calls(reference, theirs_batch)
                continue
            speedup = trials.add(times[True], times[False], disturbed, wall_s)
            if speedup is not None:
                if runner.worker.children_ticks() > children:
                    raise LateWorkError
                progress.candidate_ms, progress.reference_ms = trials.kept()
                return speedup

    def _compare_as_kernelbench(
        self, reference: _Reference, runner: Runner, progress: _Progress
    ) -> Speedup:
        """Correctness trials, then single timed calls on one set (checked, too)."""
        full = self.config.mode == "full"
        trials = kernelbench.FULL if full else kernelbench.FAST
        for seed in kernelbench.correctness_seeds(trials.correctness):
            self._checked(runner, [reference.problem.draw(seed)], progress)
        one = [reference.problem.draw(kernelbench.SEED)]
        for side in (reference.runner, runner):
            for _ in range(3):
                side.run(one, self.config.timeout_s)
        for _ in range(trials.timing):
            theirs = self._checked(runner, one, progress)
            ours = reference.runner.run(one, self.config.timeout_s)
            progress.candidate_ms.append(reference.clocks.milliseconds(theirs))
            progress.reference_ms.append(reference.clocks.milliseconds(ours))
            progress.time_s += (theirs.wall_ns + ours.wall_ns) / 1e9
        return kernelbench.estimate(
            np.array(progress.candidate_ms), np.array(progress.reference_ms)
        )

    @contextlib.contextmanager
    def _on_side_cores(self) -> Iterator[None]:
        """This thread and torch's work on the side cores, as long as workers may be timed."""
        before = os.sched_getaffinity(0)
        threads = torch.get_num_threads()
        os.sched_setaffinity(0, self.cores.side)
        torch.set_num_threads(len(self.cores.side))
        try:
            yield
        finally:
            torch.set_num_threads(threads)
            os.sched_setaffinity(0, before)

    @contextlib.contextmanager
    def _on_any_core(self) -> Iterator[None]:
        """This thread wherever there is room: inputs are drawn while every worker is stopped.

        The side cores compile meanwhile; on two cores they would be the bottleneck.
        """
        before = os.sched_getaffinity(0)
        os.sched_setaffinity(0, {*self.cores.timing, *self.cores.side})
        try:
            yield
        finally:
            os.sched_setaffinity(0, before)
