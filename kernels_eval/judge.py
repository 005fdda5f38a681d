"""The judge: gives every candidate a verdict, believes none, survives all."""

from __future__ import annotations

import contextlib
import functools
import gc
import math
import os
import secrets
import time
import traceback
from collections import OrderedDict, deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import TypeVar

import numpy as np
import torch

from kernels_eval import baselines
from kernels_eval.backends.objects import ObjectCache
from kernels_eval.baselines import Compiled
from kernels_eval.cache import Shelf
from kernels_eval.closing import Closing
from kernels_eval.config import LARGEST_CANDIDATE, JudgeConfig
from kernels_eval.devices import check_device
from kernels_eval.devices.base import Device
from kernels_eval.devices.choose import make_device
from kernels_eval.disturbance import Room, disturbance, passes
from kernels_eval.errors import (
    OWN_FAILURE,
    HarnessError,
    KernelsEvalError,
    OutOfRoomError,
    ProblemError,
    RequestError,
    UnforeseenProblemError,
    refused,
)
from kernels_eval.failures import DisturbedError, status_of
from kernels_eval.line import Judged, Line, Queue
from kernels_eval.measure import Measurement, Progress, VerdictError
from kernels_eval.pending import Pending
from kernels_eval.problems.prepared import PreparedProblem
from kernels_eval.processes.forkserver import ForkServer
from kernels_eval.processes.worker import WorkerEndedError, WorkerError
from kernels_eval.protocols import kernelbench
from kernels_eval.reference import Reference, refusal, renew_reference, start_reference
from kernels_eval.sandbox.heap import give_heap_back, keep_heap
from kernels_eval.sandbox.kernel_counts import kernel_counts
from kernels_eval.sandbox.probe import plan
from kernels_eval.scratch import sweep_scratch
from kernels_eval.screening import screen
from kernels_eval.screening.scope import out_of_scope
from kernels_eval.timing.cores import choose_cores
from kernels_eval.timing.runner import CandidateFailedError, LateWorkError, Runner
from kernels_eval.timing.speed import Speedometer
from kernels_eval.timing.statistics import Speedup, may_be_luck
from kernels_eval.types import Finding, Severity, StageSeconds, Status, Verdict
from kernels_eval.words import CURES, listed, one_line

_PROBLEMS_KEPT = 4
_REFUSALS = ("allocate memory", "start new thread")
"""What torch and Python say with a RuntimeError."""
_PAUSES_S = (0.5, 2.0)
"""Before a reference that could not be started is started again."""


_Outcome = TypeVar("_Outcome")


class Judge(Closing):
    """Owns a fork server and the problems it prepared. One per device; for one thread at a time."""

    def __init__(self, config: JudgeConfig | None = None, *, shelf: Shelf | None = None) -> None:
        """`shelf`: where objects and baselines are kept; None takes this machine's disk.

        Raises RequestError for a device or cores that are not there, HarnessError on failure.
        """
        self.config = config or JudgeConfig()
        check_device(self.config.device)
        sweep_scratch()  # after judges that were killed
        self.cores = choose_cores(self.config.cores, gpu=self.config.on_gpu)
        self.device: Device = make_device(self.config.device, self.cores)
        self.speed = Speedometer(self.cores.timing, one_at_a_time=self.config.on_gpu)
        self._plan, self._limits = self.device.sandbox(plan())
        keep_heap()  # of this process too: checking touches as much memory as the kernels do
        self._server: ForkServer | None = None
        self._references: OrderedDict[str, Reference] = OrderedDict()
        self._budget = self.device.budgets[self.config.mode]
        self._shelf = shelf
        self._objects = ObjectCache(shelf=shelf)
        calls_ahead = self.device.first_call_ahead and self.config.protocol != "kernelbench"
        self._line = Line(self.device, len(self.cores.side), self._objects, calls_ahead)
        self._current: Reference | None = None
        self._timeout_s = self.config.timeout_s
        self._closed = False
        self.lost = ""
        """Why this process cannot use its device any more; no judge of the same process could."""

    # The public face

    def start(self) -> None:
        """Start the fork server now rather than with the first problem. Raises HarnessError."""
        with self.drawing():
            self._patiently(self._fork_server)

    @property
    def server(self) -> ForkServer | None:
        """Where workers come from; None before `start`."""
        return self._server

    def use(self, server: ForkServer) -> None:
        """Take workers from another server from now on; the former one is left as it is."""
        self._server = server

    def prepare(self, problem_source: str) -> PreparedProblem:
        """Load, inspect and baseline a problem; cached per source. Raises ProblemError."""
        with self._on_side_cores():
            return self._started(problem_source).problem

    def evaluate(self, problem_source: str, candidate_source: str) -> Verdict:
        """The verdict on one candidate. Raises ProblemError; a harness failure is a verdict too."""
        return next(self.evaluate_many(problem_source, [candidate_source]))[1]

    def evaluate_many(
        self, problem_source: str, candidates: Sequence[str]
    ) -> Iterator[tuple[int, Verdict]]:
        """(index, verdict) as they finish. Others are imported while one is checked and timed.

        Raises ProblemError, and HarnessError once the device is lost.
        """
        if self.lost:
            raise HarnessError(self.lost)
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
        known = baselines.load(problem_source, device, self._shelf)
        if known is not None:
            return known
        source = baselines.compiled_source(problem_source)
        timeout_s = max(self.config.timeout_s, baselines.COMPILE_TIMEOUT_S)
        ((_, verdict),) = self._evaluate_many(problem_source, [source], timeout_s)
        found = Compiled.of(verdict)
        if verdict.status is not Status.HARNESS_ERROR:
            baselines.keep(problem_source, device, found, self._shelf)
        return found

    def _evaluate_many(
        self, problem_source: str, candidates: Sequence[str], timeout_s: float
    ) -> Iterator[tuple[int, Verdict]]:
        self._timeout_s = timeout_s
        with self._on_side_cores():
            reference = self._started(problem_source)
        queue: Queue = deque(enumerate(candidates))
        line = self._line
        line.forget()
        try:
            while queue or line:
                with self._on_side_cores():
                    if reference.beside >= self.device.reference_lasts:
                        self._patiently(functools.partial(self._renew, reference))
                    try:
                        index, verdict = self._next_verdict(reference, queue)
                    except torch.AcceleratorError as error:
                        self._lose(error)
                        break
                    if verdict is None:
                        queue.append((index, candidates[index]))
                    elif not queue and not line and self._server is not None:
                        self._server.fill()
                if verdict is not None:
                    yield index, verdict
                if self._closed:
                    return
                if self.lost:
                    break
                if reference.runner.worker.closed:
                    # The new one is timed on a device that is empty: the others begin anew.
                    begun = line.end_all()
                    queue.extendleft((index, candidates[index]) for index in reversed(begun))
                    with self._on_side_cores():
                        reference = self._started(problem_source)
            for index in (*line.end_all(), *(index for index, _ in queue)):
                yield index, self._standing(index, self._verdict(Status.HARNESS_ERROR, self.lost))
        except HarnessError as failure:
            ours = self._verdict(Status.HARNESS_ERROR, str(failure))
            for index in (*line.end_all(), *(index for index, _ in queue)):
                if line.first_verdict(index) is not None:
                    yield index, self._standing(index, ours)
            raise
        finally:
            line.end_all()

    def _started(self, source: str) -> Reference:
        """The problem's reference, running. Raises ProblemError and HarnessError."""
        try:
            return self._patiently(functools.partial(self._reference, source))
        except HarnessError as failure:
            self._check_intact()
            found = self._refusal(failure)
            if found is None:
                raise
            raise found from failure

    def _refusal(self, failure: Exception) -> ProblemError | None:
        """What a reference that failed each time says about its problem."""
        return refusal(failure.__cause__, self.config.timeout_s, self._limits.processes)

    def _check_reference(self, failure: DisturbedError) -> None:
        """Raises ProblemError if the reference failed beside a candidate, and no candidate can have
        had a hand in that: it may crash a GPU's driver, and not another process."""
        cause = failure.__cause__
        if self.device.on_gpu or not isinstance(cause, CandidateFailedError | WorkerEndedError):
            return
        if found := self._refusal(failure):
            raise found from failure

    def _check_intact(self) -> None:
        """Raises ProblemError if the fork server's files are not what they were."""
        if self._server is not None and not self._server.intact():
            raise ProblemError("the problem file removes or changes the judge's files in /tmp")

    def _patiently(self, attempt: Callable[[], _Outcome]) -> _Outcome:
        """The outcome, after a pause or two if the machine refused something, or killed a worker.

        Raises HarnessError.
        """
        for pause_s in _PAUSES_S:
            try:
                return attempt()
            except (OSError, MemoryError):
                time.sleep(pause_s)
            except HarnessError as failure:
                if not passes(failure, self._limits.processes):
                    raise
                time.sleep(pause_s)
        try:
            return attempt()
        except (OSError, MemoryError) as failure:
            raise refused(failure) from failure

    def _lose(self, error: torch.AcceleratorError) -> str:
        """The driver lets a process whose context failed do nothing more with the device."""
        reason = str(error).strip().partition("\n")[0]
        self.lost = f"{self.device.name} is lost to this process, start another judge: {reason}"
        return self.lost

    def close(self) -> None:
        """End everything this judge started. Safe to call twice."""
        self._closed = True
        while self._references:
            self._references.popitem()[1].close()
        self._line.release()
        if self._server is not None:
            self._server.close()
            self._server = None
        self.speed.close()
        give_heap_back()

    # Preparation

    def _fork_server(self) -> ForkServer:
        if self._server is None or not (self._server.alive() and self._server.intact()):
            if self._closed:
                raise RequestError("this judge is closed; make a new one")
            if self._server is not None:
                self._server.close()  # if it was killed, its directory and ids are still held
                self._server = None
            self._server = ForkServer(
                self._plan,
                self._limits,
                self.cores.side,
                threads=len(self.speed.cores),
                environment=self.device.environment,
            )
        return self._server

    def _reference(self, source: str) -> Reference:
        known = self._references.get(source)
        if known is not None and not known.runner.worker.alive():
            known.runner.worker.close()  # killed from outside
        if known is not None and not known.runner.worker.closed:
            self._references.move_to_end(source)
            return known
        server = self._fork_server()
        while len(self._references) >= (1 if self.device.on_gpu else _PROBLEMS_KEPT):
            _, oldest = self._references.popitem(last=False)
            oldest.close()
        self._current = None
        self._forget_memories()
        with self.drawing():
            problem = known.problem if known is not None else self._load(source)
            self._forget_memories()  # what inspection took beside what it keeps
            if self.device.on_gpu:  # what drawing a set takes at its peak: see `shares`
                torch.cuda.reset_peak_memory_stats(self.device.torch_device)
                problem.draw(secrets.randbits(62))
                self._forget_memories()
        reference = start_reference(
            problem, server, self.device, self.speed, self._budget, self.config.timeout_s
        )
        self._references[source] = reference
        server.fill()
        return reference

    def _renew(self, reference: Reference) -> None:
        """A fresh process for it. Raises HarnessError."""
        server = self._fork_server()
        renew_reference(reference, server, self.device, self.speed, self.config.timeout_s)

    def _load(self, source: str) -> PreparedProblem:
        try:
            return self._prepared(source)
        except (KernelsEvalError, OSError, MemoryError):
            raise
        except (torch.OutOfMemoryError, torch.AcceleratorError):
            raise
        except Exception as failure:
            if any(sign in str(failure) for sign in _REFUSALS):
                raise
            raise UnforeseenProblemError(
                f"the judge cannot compare what it computes: {one_line(failure)}"
            ) from failure

    def _prepared(self, source: str) -> PreparedProblem:
        as_kernelbench = self.config.protocol == "kernelbench"
        return PreparedProblem(
            source,
            weight_seed=kernelbench.SEED if as_kernelbench else None,
            fixed_tolerance=as_kernelbench,
            device=self.device.torch_device,
            alignment=self.device.alignment,
            pool_bytes=self.device.pool_bytes(),
            reuse=self.config.mode == "fast",
            as_given=self.config.inputs == "as-given",
        )

    # One candidate

    def _begin(self, reference: Reference, index: int, source: str) -> Pending | Judged:
        """Hand a candidate to a fresh worker; it imports on the side cores from now on."""
        again = self._line.first_verdict(index) is not None
        if reason := unfit(source):
            return index, self._verdict(Status.COMPILE_ERROR, reason)
        findings = (*screen(source), *_notes(reference.problem, again=again))
        outside = out_of_scope(source, self.config.scope)
        if outside is not None:
            return index, self._verdict(Status.REJECTED, outside.message, (*findings, outside))
        counts = kernel_counts()
        try:
            worker = self._fork_server().spawn()
        except (HarnessError, OSError) as error:
            self._check_intact()
            return index, self._verdict(Status.HARNESS_ERROR, str(error), findings)
        try:
            job = reference.problem.job(
                source,
                "ModelNew",
                "candidate",
                reference.most_calls(),
                len(self.speed.cores),
            )
            job = replace(job, objects=self._objects.of(source))
            runner = Runner(worker, job, self._line.memory(job), self.speed)
        except (HarnessError, WorkerError, OSError, MemoryError) as error:
            worker.close()
            if worker.silent and self._server is not None:
                self._server.kill()  # stopped from outside, perhaps; the next one is another
            reason = f"a fresh worker failed: {error!r}"
            return index, self._verdict(Status.HARNESS_ERROR, reason, findings)
        pack = reference.problem.packed
        limits, plan = self._limits, self._plan
        room = Room(counts, limits.processes, limits.file_bytes, own_disk=plan.mount_namespace)
        builds = self._objects.wants(source)
        return Pending(index, source, findings, runner, self._timeout_s, pack, room, builds, again)

    def _forget_memories(self) -> None:
        """Before another problem on a GPU: memory is what is short there."""
        if not self.device.on_gpu:
            return
        self._line.release()
        gc.collect()  # answers and their problem refer to each other
        torch.cuda.empty_cache()

    def _next_verdict(self, reference: Reference, queue: Queue) -> tuple[int, Verdict | None]:
        """Bring one candidate to its verdict. None: judge it again."""
        self._current = reference
        chosen = self._line.next(reference, queue, functools.partial(self._begin, reference))
        if not isinstance(chosen, Pending):
            return chosen[0], self._final(*chosen)
        return chosen.index, self._judged(reference, chosen)

    def _judged(self, reference: Reference, chosen: Pending) -> Verdict | None:
        """The verdict on a candidate whose turn it is. None: judge it again."""
        line, index = self._line, chosen.index
        try:
            verdict = self._finish(reference, chosen)
            if self._doubtful(verdict) and line.once_more(index, verdict):
                reference.beside = math.inf
                return None
        except OutOfRoomError as failure:
            reference.capacity = max(1, reference.capacity // 2)
            if line.once_more_alone(index):
                return None
            status = Status.OUT_OF_MEMORY if line.held_room(chosen) else Status.HARNESS_ERROR
            return self._final(index, self._verdict(status, str(failure), chosen.findings))
        except DisturbedError as failure:
            if line.once_more_alone(index):
                return None
            verdict = self._verdict(failure.status, str(failure), chosen.findings)
            final = self._final(index, verdict)
            if final is not None and final.status is Status.HARNESS_ERROR:
                self._check_reference(failure)
            return final
        finally:
            line.end(chosen)
        if chosen.disturbed is not None:
            if line.once_more_later(index, ours=chosen.disturbed.ours):
                return None
            if line.disturbed_by_machine(index) or line.first_verdict(index) is not None:
                error = f"{chosen.disturbed.text}; its last words: {verdict.error}"[:2000]
                verdict = replace(verdict, status=Status.HARNESS_ERROR, error=error)
        stood_still = verdict.status is Status.TIMEOUT and line.stood_still_together(chosen)
        if stood_still and line.once_more_alone(index):
            return None
        if verdict.status is Status.OUT_OF_MEMORY and line.once_more_alone(index):
            reference.capacity = max(1, reference.capacity // 2)  # fewer beside the next ones
            return None
        return self._final(index, verdict)

    def _final(self, index: int, verdict: Verdict) -> Verdict | None:
        """The verdict, or None: if the judge failed, it tries again after a pause."""
        failed = verdict.status is Status.HARNESS_ERROR and not self.lost
        if failed and self._line.once_more_later(index, ours=True):
            return None
        return self._standing(index, verdict)

    def _standing(self, index: int, verdict: Verdict) -> Verdict:
        """What a candidate got before, if the judge failed to measure it a second time."""
        first = self._line.first_verdict(index)
        if first is None or verdict.status is not Status.HARNESS_ERROR:
            return verdict
        text = f"its speedup may be luck, and measuring it again failed: {verdict.error}"
        finding = Finding("not-measured-again", Severity.WARNING, text)
        return replace(first, findings=(*first.findings, finding))

    def _doubtful(self, verdict: Verdict) -> bool:
        """Whether a process that is slow by chance, the reference's, would explain the speedup."""
        low = verdict.speedup_ci[0] if verdict.fast_1 and verdict.speedup_ci else None
        return low is not None and not self.device.on_gpu and may_be_luck(low)

    def _verdict(self, status: Status, error: str, findings: tuple[Finding, ...] = ()) -> Verdict:
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
            if pending.was_built:
                progress.compiled, progress.stage = True, "call"
            if pending.failure is not None:
                raise pending.failure
            reference.beside += 1
            speedup = Measurement(self, reference, pending, progress).speedup()
        except VerdictError as stop:
            status, error = stop.status, stop.error
            if stop.finding is not None:
                progress.findings.append(stop.finding)
        except (CandidateFailedError, LateWorkError, WorkerError) as failure:
            room, limit_s = pending.room, self.config.timeout_s
            memory = kernel_counts().memory_kills > room.counts.memory_kills
            status, error, finding = status_of(
                failure, progress.stage, limit_s, killed_for_memory=memory
            )
            pending.disturbed = disturbance(failure, error, pending.runner.worker, room)
            if finding is not None:
                progress.findings.append(finding)
        except HarnessError as failure:
            status, error = Status.HARNESS_ERROR, str(failure)
        except torch.AcceleratorError as failure:
            status, error = Status.HARNESS_ERROR, self._lose(failure)
        except torch.OutOfMemoryError as failure:
            raise OutOfRoomError(f"no room to check on {self.device.name}: {failure}") from None
        except (OSError, MemoryError) as failure:
            status, error = Status.HARNESS_ERROR, str(refused(failure))
        except (ProblemError, DisturbedError):
            raise
        except RecursionError:
            raise ProblemError("the problem file leaves too little room to recurse") from None
        except Exception as failure:
            # Whatever it is, it is ours, and other candidates are still to have their verdicts.
            turned_away = any(sign in str(failure) for sign in _REFUSALS)
            error = str(refused(failure)) if turned_away else _own_failure(failure)
            status = Status.HARNESS_ERROR
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
            kernelbench_correct=progress.kernelbench_correct,
            precision=_precision(reference.problem) if correct else progress.precision,
            difference=progress.difference,
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

    def silent(self, *, deep: bool = False) -> contextlib.AbstractContextManager[None]:
        """No other candidate runs on the device; see `Line`."""
        assert self._current is not None
        return self._line.silent(self._current, deep=deep)

    def settle_others(self) -> bool:
        """The first calls of other candidates have ended; see `Line`."""
        return self._line.settle_others()

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
        os.sched_setaffinity(0, self.cores.all)
        try:
            yield
        finally:
            os.sched_setaffinity(0, before)


def unfit(source: str) -> str | None:
    """Why a source is no candidate's whatever it says; None if it may be one."""
    try:
        size = len(source.encode())
    except UnicodeEncodeError as error:
        return f"the source is no text that UTF-8 can hold (character {error.start})"
    if size > LARGEST_CANDIDATE:
        return f"the source has {size:,} bytes; at most {LARGEST_CANDIDATE:,} are judged"
    return None


def _precision(problem: PreparedProblem) -> str | None:
    """Of right answers: that of the outputs' type."""
    kinds = {spec.dtype for spec in problem.outputs if spec.dtype.is_floating_point}
    if kinds == {torch.float32}:
        return "float32"
    return "half" if kinds and all(torch.finfo(kind).bits < 32 for kind in kinds) else None


def _own_failure(failure: Exception) -> str:
    """With where it arose: a defect of the judge's."""
    at = traceback.extract_tb(failure.__traceback__)[-1]
    return f"{OWN_FAILURE}: {type(failure).__name__}: {failure} ({at.name}, line {at.lineno})"


def _about(rule: str, *words: str, severity: Severity = Severity.INFO) -> Finding:
    return Finding(rule, severity, CURES[rule].format(*words))


def _notes(problem: PreparedProblem, *, again: bool) -> Iterator[Finding]:
    """What is to be known of a problem beside every verdict on it, and of one measured again."""
    if problem.redrawn:
        yield _about("parameters-drawn", listed(problem.redrawn))
    if problem.spread:
        yield _about("inputs-spread")
    if problem.kinds[1:]:
        kinds = " or ".join(kind.name for kind in problem.kinds[1:])
        yield _about("inputs-drawn", listed(problem.hidden), kinds)
    if problem.cannot_tell:
        yield _about("cannot-tell", listed(problem.cannot_tell), severity=Severity.WARNING)
    if problem.few_inputs:
        yield _about("few-inputs", severity=Severity.WARNING)
    if again:
        text = "faster by less than processes may differ: measured again, both sides in fresh ones"
        yield Finding("measured-again", Severity.INFO, text)
