"""The judge: gives every candidate a verdict, believes none, survives all."""

from __future__ import annotations

import contextlib
import gc
import os
import secrets
import time
from collections import OrderedDict, deque
from collections.abc import Iterator, Sequence
from dataclasses import replace
from types import TracebackType

import numpy as np
import torch

from kernels_eval import baselines
from kernels_eval.backends.objects import ObjectCache, harvest
from kernels_eval.baselines import Compiled
from kernels_eval.config import JudgeConfig
from kernels_eval.devices import check_device
from kernels_eval.devices.base import Device, Memory
from kernels_eval.devices.choose import make_device
from kernels_eval.errors import HarnessError, OutOfRoomError, RequestError
from kernels_eval.failures import DisturbedError, status_of
from kernels_eval.measure import Measurement, Progress, VerdictError
from kernels_eval.pending import Pending, Stage, wait_any
from kernels_eval.problems.prepared import PreparedProblem
from kernels_eval.processes.forkserver import ForkServer
from kernels_eval.processes.worker import WorkerEndedError, WorkerError, WorkerForgedError
from kernels_eval.protocols import kernelbench
from kernels_eval.reference import Reference, start_reference
from kernels_eval.sandbox.libc import give_heap_back, keep_heap
from kernels_eval.sandbox.probe import plan
from kernels_eval.screening import screen
from kernels_eval.screening.scope import out_of_scope
from kernels_eval.timing.cores import choose_cores
from kernels_eval.timing.runner import CandidateFailedError, LateWorkError, Runner
from kernels_eval.timing.statistics import Speedup
from kernels_eval.types import Finding, Severity, StageSeconds, Status, Verdict
from kernels_eval.worker.protocol import Job

_PROBLEMS_KEPT = 4
_TICK_S = 0.05
_AT_ONCE = 2
"""Workers that may be started in a row beyond the device's pace."""


class Judge:
    """Owns a fork server and the problems it prepared. One per device; for one thread at a time."""

    def __init__(self, config: JudgeConfig | None = None) -> None:
        """Raises RequestError for a device or cores that are not there, HarnessError on failure."""
        self.config = config or JudgeConfig()
        check_device(self.config.device)
        self.cores = choose_cores(self.config.cores, gpu=self.config.device != "cpu")
        self.device: Device = make_device(self.config.device, self.cores)
        self._plan, self._limits = self.device.sandbox(plan())
        keep_heap()  # of this process too: checking touches as much memory as the kernels do
        self._server: ForkServer | None = None
        self._references: OrderedDict[str, Reference] = OrderedDict()
        self._budget = self.device.budgets[self.config.mode]
        self._objects = ObjectCache()
        self._memories: list[Memory] = []
        self._pending: deque[Pending | tuple[int, Verdict]] = deque()
        self._ending: list[Runner] = []
        self._next_start = 0.0
        self._alone: set[int] = set()
        self._current: Reference | None = None
        self._timeout_s = self.config.timeout_s
        self._closed = False

    # The public face

    def start(self) -> None:
        """Start the fork server now rather than with the first problem. Raises HarnessError."""
        with self.drawing():
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
        """(index, verdict) as they finish. Others are imported while one is checked and timed."""
        compiled = self._compiled(problem_source) if self.config.baseline == "compile" else None
        for index, verdict in self._evaluate_many(
            problem_source, candidates, self.config.timeout_s
        ):
            if compiled is not None and compiled.speedup and verdict.reference_ms:
                verdict = replace(verdict, compiled_ms=verdict.reference_ms / compiled.speedup)
            yield index, verdict

    def _compiled(self, problem_source: str) -> Compiled:
        """What torch.compile gains on this problem here, measured unless it is known."""
        device = baselines.device_words(self.device.torch_device, self.cores.timing)
        known = baselines.load(problem_source, device)
        if known is not None:
            return known
        source = baselines.compiled_source(problem_source)
        timeout_s = max(self.config.timeout_s, baselines.COMPILE_TIMEOUT_S)
        ((_, verdict),) = self._evaluate_many(problem_source, [source], timeout_s)
        found = Compiled.of(verdict)
        if verdict.status is not Status.HARNESS_ERROR:
            baselines.keep(problem_source, device, found)
        return found

    def _evaluate_many(
        self, problem_source: str, candidates: Sequence[str], timeout_s: float
    ) -> Iterator[tuple[int, Verdict]]:
        self._timeout_s = timeout_s
        with self._on_side_cores():
            reference = self._reference(problem_source)
        queue: deque[tuple[int, str]] = deque(enumerate(candidates))
        self._alone.clear()
        pending = self._pending
        try:
            while queue or pending:
                with self._on_side_cores():
                    index, verdict = self._next_verdict(reference, queue)
                    if verdict is None:
                        queue.append((index, candidates[index]))
                    elif not queue and not pending and self._server is not None:
                        self._server.fill()
                if verdict is not None:
                    yield index, verdict
                if self._closed:
                    return
                if reference.runner.worker.closed:
                    # The new one is timed on a device that is empty: the others begin anew.
                    begun = self._end_pending()
                    queue.extendleft((index, candidates[index]) for index in reversed(begun))
                    with self._on_side_cores():
                        reference = self._reference(problem_source)
        finally:
            self._end_pending()

    def close(self) -> None:
        """End everything this judge started. Safe to call twice."""
        self._closed = True
        while self._references:
            self._references.popitem()[1].close()
        while self._memories:
            self._memories.pop().close()
        if self._server is not None:
            self._server.close()
            self._server = None
        give_heap_back()

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
                self._plan,
                self._limits,
                self.cores.side,
                threads=len(self.cores.timing),
                environment=self.device.environment,
            )
        return self._server

    def _reference(self, source: str) -> Reference:
        known = self._references.get(source)
        if known is not None and not known.runner.worker.closed:
            self._references.move_to_end(source)
            return known
        server = self._fork_server()
        while len(self._references) >= (_PROBLEMS_KEPT if self.device.name == "cpu" else 1):
            _, oldest = self._references.popitem(last=False)
            oldest.close()
        self._current = None
        self._forget_memories()
        with self.drawing():
            problem = known.problem if known is not None else self._load(source)
            self._forget_memories()  # what inspection took beside what it keeps
            if self.device.name != "cpu":  # what drawing a set takes at its peak: see `ahead`
                torch.cuda.reset_peak_memory_stats(self.device.torch_device)
                problem.draw(secrets.randbits(62))
                self._forget_memories()
        reference = start_reference(
            problem, server, self.device, self.cores, self._budget, self.config.timeout_s
        )
        self._references[source] = reference
        server.fill()
        return reference

    def _load(self, source: str) -> PreparedProblem:
        as_kernelbench = self.config.protocol == "kernelbench"
        return PreparedProblem(
            source,
            weight_seed=kernelbench.SEED if as_kernelbench else None,
            fixed_tolerance=as_kernelbench,
            device=self.device.torch_device,
            alignment=self.device.alignment,
            pool_bytes=self.device.pool_bytes(),
        )

    # One candidate

    def _fill(self, reference: Reference, queue: deque[tuple[int, str]]) -> None:
        """Begin as many candidates as there are cores to import them on, and the next to be timed;
        on a GPU one may wait for room there besides."""
        self._current = reference
        pending = self._pending
        most = len(self.cores.side) + (2 if self.device.first_call_ahead else 1)
        while queue and len(pending) < most:
            now = time.monotonic()
            if self._next_start > now:
                return
            by_itself = queue[0][0] in self._alone
            if pending and (by_itself or self._alone & {_index_of(item) for item in pending}):
                return
            pace_s = self.device.start_s
            self._next_start = max(self._next_start, now - _AT_ONCE * pace_s) + pace_s
            pending.append(self._begin(reference, *queue.popleft()))

    def _again(self, index: int) -> bool:
        """Whether this candidate is to be judged again, with nothing else on the device."""
        if not self.device.first_call_ahead or index in self._alone:
            return False
        self._alone.add(index)
        return True

    def _begin(
        self, reference: Reference, index: int, source: str
    ) -> Pending | tuple[int, Verdict]:
        """Hand a candidate to a fresh worker; it imports on the side cores from now on."""
        findings = (*screen(source), *_notes(reference.problem))
        outside = out_of_scope(source, self.config.scope)
        if outside is not None:
            return index, self._verdict(Status.REJECTED, outside.message, (*findings, outside))
        try:
            worker = self._fork_server().spawn()
        except HarnessError as error:
            return index, self._verdict(Status.HARNESS_ERROR, str(error), findings)
        try:
            job = reference.problem.job(
                source,
                "ModelNew",
                "candidate",
                reference.most_calls(),
                len(self.cores.timing),
            )
            job = replace(job, objects=self._objects.of(source))
            runner = Runner(worker, job, self._memory(job))
        except (HarnessError, WorkerEndedError, WorkerForgedError) as error:
            worker.close()
            reason = f"a fresh worker failed: {error!r}"
            return index, self._verdict(Status.HARNESS_ERROR, reason, findings)
        pack = reference.problem.packed
        return Pending(index, source, findings, runner, self._timeout_s, pack)

    def _memory(self, job: Job) -> Memory:
        """Memory between here and a worker: used before if it fits, since its pages are there."""
        if self.device.name == "cpu":
            self._bury()
        for position, memory in enumerate(self._memories):
            if memory.fits(job):
                memory.reset(job)
                return self._memories.pop(position)
        return self.device.memory(job)

    def _forget_memories(self) -> None:
        """Before another problem on a GPU: memory is what is short there."""
        if self.device.name == "cpu":
            return
        while self._memories:
            self._memories.pop().close()
        gc.collect()  # answers and their problem refer to each other
        torch.cuda.empty_cache()

    def _next_verdict(
        self, reference: Reference, queue: deque[tuple[int, str]]
    ) -> tuple[int, Verdict | None]:
        """Bring one candidate to its verdict: whichever is ready, the others as far as they get.

        Not the first in line: while that compiles, others may hold all the device's room, and it
        would wait for them as they for it. None: judge it again.
        """
        self._fill(reference, queue)
        while (chosen := self._ready_one()) is None:
            self._bury()
            self._advance()
            if self._ready_one() is None:
                wait_any([item for item in self._moving() if not item.settled], _TICK_S)
            self._fill(reference, queue)
        self._pending.remove(chosen)
        if not isinstance(chosen, Pending):
            return chosen
        try:
            verdict = self._finish(reference, chosen)
        except OutOfRoomError as failure:
            reference.capacity = max(1, reference.capacity // 2)
            verdict = self._verdict(Status.HARNESS_ERROR, str(failure), chosen.findings)
            return chosen.index, None if self._again(chosen.index) else verdict
        except DisturbedError as failure:
            verdict = self._verdict(failure.status, str(failure), chosen.findings)
            return chosen.index, None if self._again(chosen.index) else verdict
        finally:
            self._end(chosen)
        if verdict.status is Status.OUT_OF_MEMORY and self._again(chosen.index):
            reference.capacity = max(1, reference.capacity // 2)  # fewer beside the next ones
            return chosen.index, None
        return chosen.index, verdict

    def _ready_one(self) -> Pending | tuple[int, Verdict] | None:
        """The first in line whose turn on the device it may be, or that needs none."""
        return next((item for item in self._pending if self._there(item)), None)

    def _there(self, item: Pending | tuple[int, Verdict]) -> bool:
        """Whether it is this candidate's turn on the device."""
        if not isinstance(item, Pending) or item.failure is not None:
            return True
        wanted = Stage.CALLED if self._calls_ahead else Stage.BUILT
        return item.stage is wanted

    @property
    def _calls_ahead(self) -> bool:
        return self.device.first_call_ahead and self.config.protocol != "kernelbench"

    def _moving(self) -> list[Pending]:
        return [item for item in self._pending if isinstance(item, Pending)]

    def _advance(self, held: int = 0) -> None:
        """Let every pending candidate take the step it is ready for.

        `held`: how many others hold memory of the device.
        """
        moving, reference = self._moving(), self._current
        assert reference is not None
        for item in moving:
            while item.advance():
                pass
        if not self._calls_ahead:
            return
        holding = [item for item in moving if item.was_called]
        room = reference.capacity - len(holding) - len(self._ending) - held
        for item in moving:
            if room > 0 and item.failure is None and item.stage is Stage.BUILT:
                item.call(reference.problem.unseen())
                room -= 1

    def _end(self, pending: Pending) -> None:
        """Kill the worker. A GPU's driver takes 0.1 s over one: others go on meanwhile."""
        pending.carry_on()
        worker = pending.runner.worker
        if pending.failure is None and not worker.closed and self._objects.wants(pending.source):
            self._objects.keep(pending.source, harvest(worker.home))
        worker.hang_up()
        self._ending.append(pending.runner)

    def _bury(self) -> None:
        """Nothing is left of workers that were ended; their memory waits for the next ones."""
        while self._ending:
            runner = self._ending.pop(0)
            runner.worker.close()
            self._memories.append(runner.memory)
        keep = 2 + len(self.cores.side) if self.device.name == "cpu" else 0
        while len(self._memories) > keep:
            self._memories.pop(0).close()

    def _end_pending(self) -> list[int]:
        """End whatever is under way; indices of the candidates it was."""
        ended = [_index_of(item) for item in self._pending]
        while self._pending:
            item = self._pending.popleft()
            if isinstance(item, Pending):
                self._end(item)
        self._bury()
        return ended

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

    def _finish(self, reference: Reference, pending: Pending) -> Verdict:
        """Check and time. Raises DisturbedError, OutOfRoomError: no word on the candidate."""
        progress = Progress(findings=list(pending.findings))
        progress.compile_s = min(pending.took_ns / 1e9, time.monotonic() - pending.started)
        speedup: Speedup | None = None
        status, error = Status.CORRECT, None
        try:
            if pending.stage is not Stage.IMPORTING:
                progress.compiled, progress.stage = True, "call"
            if pending.failure is not None:
                raise pending.failure
            pending.runner.worker.pin(self.cores.timing)
            speedup = Measurement(self, reference, pending, progress).speedup()
        except VerdictError as stop:
            status, error = stop.status, stop.error
            if stop.finding is not None:
                progress.findings.append(stop.finding)
        except (CandidateFailedError, LateWorkError, WorkerError) as failure:
            status, error, finding = status_of(failure, progress.stage, self.config.timeout_s)
            if finding is not None:
                progress.findings.append(finding)
        except HarnessError as failure:
            status, error = Status.HARNESS_ERROR, str(failure)
        sandbox = pending.runner.worker.sandbox
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
                draw=progress.draw_s,
                check=progress.check_s,
                time=progress.time_s,
                wall=time.monotonic() - pending.accepted,
            ),
        )

    # What a measurement borrows

    @contextlib.contextmanager
    def silent(self, *, deep: bool = False) -> Iterator[None]:
        """On a GPU every pending worker is stopped, and goes on afterwards.

        On the CPU they are on cores of their own. What was ended is gone.
        """
        self._bury()
        moving = self._moving() if self.device.first_call_ahead else []
        for item in moving:
            item.pause(deep)
        try:
            yield
        finally:
            for item in moving:
                item.carry_on()
            if moving:
                self._advance(held=1)

    def settle_others(self) -> bool:
        """Let calls that are under way end, or run out of time; those are ended then.

        Whether any candidate beside the one being measured has ever been called.
        """
        called = [item for item in self._moving() if item.was_called]
        while any(not item.settled for item in called):
            for item in called:
                item.advance()
            wait_any([item for item in called if not item.settled], _TICK_S)
        for item in called:
            if item.failure is not None:
                item.runner.worker.close()
        return bool(called)

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
    def drawing(self) -> Iterator[None]:
        """This thread wherever there is room: inputs are drawn while every worker is stopped.

        The side cores compile meanwhile; on two cores they would be the bottleneck.
        """
        before = os.sched_getaffinity(0)
        os.sched_setaffinity(0, {*self.cores.timing, *self.cores.side})
        try:
            yield
        finally:
            os.sched_setaffinity(0, before)


def _notes(problem: PreparedProblem) -> Iterator[Finding]:
    """What is to be known of a problem beside every verdict on it."""
    if problem.spread:
        text = "answers hardly depend on what get_inputs() draws: floating inputs are scaled"
        yield Finding("inputs-spread", Severity.INFO, text)


def _index_of(item: Pending | tuple[int, Verdict]) -> int:
    return item.index if isinstance(item, Pending) else item[0]
