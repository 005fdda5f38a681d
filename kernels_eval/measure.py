"""One candidate against its reference: every call checked, batches in pairs, until it is clear."""

from __future__ import annotations

import contextlib
import functools
import itertools
import random
import secrets
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Protocol, TypeVar

import numpy as np
import torch

from kernels_eval import wrong
from kernels_eval.config import JudgeConfig
from kernels_eval.devices.base import Device, NotQuietError, StirredError
from kernels_eval.errors import HarnessError
from kernels_eval.failures import DisturbedError
from kernels_eval.pending import Pending
from kernels_eval.problems.seeds import seeded
from kernels_eval.problems.sets import InputSet
from kernels_eval.processes.worker import WorkerError
from kernels_eval.protocols import kernelbench
from kernels_eval.reference import Reference
from kernels_eval.timing import physics
from kernels_eval.timing.batch import Batch
from kernels_eval.timing.between import Between
from kernels_eval.timing.clocks import Excess
from kernels_eval.timing.conditions import Conditions
from kernels_eval.timing.runner import CandidateFailedError, LateWorkError, Runner
from kernels_eval.timing.speed import Speedometer
from kernels_eval.timing.statistics import Budget, Speedup, Trials
from kernels_eval.types import Difference, Finding, Severity, Status
from kernels_eval.worker.protocol import Failure

_DOUBTS, _DOUBT_S = 10, 0.1
"""Times that memory is measured again before a time is called impossible; seconds before each."""
_WARM_UPS = 4
"""Pairs at most before the first that counts."""
_WARM_SHARE, _WARM_CALLS, _WARM_BYTES = 8, 8, 256 << 20
"""What is called untimed before a batch: a share of its calls, so many and so large at most."""
_CONTESTED_PAIRS = 48
"""That decide whether a candidate hides work behind its claims, once fewer seem to say so: on a
virtual GPU a batch's overhead varies by 0.3 ms, and the medians of eight differ by 0.15 by chance.
"""
_STIRRED, _UNWATCHED = 3, 10
"""Times that something may go on which should stand still before it convicts, and that it may not
be known."""
_SETTLE_S, _STEADY_S = 0.1, 0.05
"""For a core at full speed: before a pair, when another may be taken, and before each batch."""


_Outcome = TypeVar("_Outcome")


class VerdictError(Exception):
    """Ends an evaluation with a verdict."""

    def __init__(self, status: Status, error: str, finding: Finding | None = None) -> None:
        super().__init__(error)
        self.status = status
        self.error = error
        self.finding = finding


@dataclass
class Progress:
    """What is known of a candidate so far; what a failure's verdict is made from."""

    compiled: bool = False
    compile_s: float = 0.0
    draw_s: float = 0.0
    check_s: float = 0.0
    time_s: float = 0.0
    error_ratio: float | None = None
    kernelbench_correct: bool | None = None
    precision: str | None = None
    difference: Difference | None = None
    bound_ms: float | None = None
    stage: str = "import"
    candidate_ms: list[float] = field(default_factory=list)
    reference_ms: list[float] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)


class Bench(Protocol):
    """What the judge lends for the time of one candidate."""

    config: JudgeConfig
    device: Device
    speed: Speedometer

    def silent(self, *, deep: bool = False) -> contextlib.AbstractContextManager[None]:
        """Nothing else of the judge's runs on the device."""

    def settle_others(self) -> bool:
        """Let the first calls of other candidates end. Whether any of them was ever called."""

    def drawing(self) -> contextlib.AbstractContextManager[None]:
        """The calling thread may use every core."""


@dataclass
class Measurement:
    """One candidate, built and on the device, and what is learnt of it."""

    bench: Bench
    reference: Reference
    pending: Pending
    progress: Progress
    known: list[InputSet] = field(default_factory=list)
    """A few that the candidate has answered: what it may be called on before the clock runs."""
    budget: Budget = field(init=False)
    conditions: Conditions = field(init=False)
    stirred: int = 0
    """Times that something was seen to go on which should stand still."""
    unwatched: int = 0
    """Those that it could not be seen."""
    otherwise_right: bool = False
    """Whether it was told that an answer is right which is not the reference's."""

    def __post_init__(self) -> None:
        speed, budget = self.bench.speed, self.reference.budget
        self.budget = budget.again() if self.pending.again else budget
        speed.allow(budget.wait_seconds)
        self.conditions = Conditions(speed, gpu=self.bench.device.on_gpu)

    @property
    def runner(self) -> Runner:
        return self.pending.runner

    def speedup(self) -> Speedup:
        """Check and time. Raises VerdictError, LateWorkError and the worker's errors."""
        self._take_core()
        if self.bench.config.protocol == "kernelbench":
            return self._as_kernelbench()
        sets = self.pending.sets or self.reference.problem.unseen()
        if self.pending.first is not None and self.pending.first_set is not None:
            first_set = [self.reference.problem.unpacked(self.pending.first_set)]
            self._until_calm(lambda: self._check(first_set))
            self.pending.first_set = None
        first = self._once(self._next(sets, 1))
        self.runner.worker.settle()
        result = self._compare(sets, self.reference.candidate_calls(first))
        self._check_physics()
        return result

    def _next(self, sets: Iterator[InputSet], count: int) -> list[InputSet]:
        started = time.monotonic()
        with self.bench.drawing(), seeded(secrets.randbits(62)):  # once, not for every set
            items = list(itertools.islice(sets, count))
        self.progress.draw_s += time.monotonic() - started
        return items

    def _once(self, sets: list[InputSet]) -> Batch:
        """A batch of the candidate's alone, checked."""

        def attempt() -> Batch:
            with self.bench.silent():
                batch = self._run(self.runner, sets)
            self._check(sets)
            return batch

        batch = self._until_calm(attempt)
        self.progress.time_s += batch.wall_ns / 1e9
        return batch

    def _until_calm(self, attempt: Callable[[], _Outcome]) -> _Outcome:
        """The first attempt during which everything stood still that should.

        Raises DisturbedError or LateWorkError after a few: the candidate's streams may wait for
        inputs to be written, or a timer continue it.
        """
        while True:
            try:
                return attempt()
            except StirredError as error:
                self.stirred += error.known
                self.unwatched += not error.known
                if self.stirred > _STIRRED:
                    raise self._blame(str(error)) from None
                if self.unwatched > _UNWATCHED:
                    raise HarnessError("the device could not be watched before batches") from None

    def _blame(self, text: str) -> DisturbedError | LateWorkError:
        """What to raise: the former if it need not be this candidate's doing."""
        others = self.bench.settle_others()
        return DisturbedError(text, Status.REJECTED) if others else LateWorkError(text)

    def _run(self, runner: Runner, sets: list[InputSet], steady_s: float = 0.0) -> Batch:
        """A batch; work that somebody left behind on the device is looked for first.

        Raises DisturbedError if it goes on and need not be this candidate's.
        """
        timeout_s = self.bench.config.timeout_s
        run = functools.partial(runner.run, sets, timeout_s, steady_s=steady_s)
        with contextlib.suppress(NotQuietError):
            return run()
        with self.bench.silent(deep=True), contextlib.suppress(NotQuietError):
            return run()
        self.bench.settle_others()
        with self.bench.silent(deep=True), contextlib.suppress(NotQuietError):
            return run()
        raise self._blame("work goes on on the device although the candidate is stopped")

    def _run_reference(self, sets: list[InputSet], steady_s: float = 0.0) -> Batch:
        """A batch of the reference's: if it fails, the candidate may not be the one to blame."""
        runner = self.reference.runner
        try:
            return self._run(runner, sets, steady_s)
        except (CandidateFailedError, WorkerError, LateWorkError) as failure:
            runner.worker.close()
            memory = isinstance(failure, CandidateFailedError) and (
                failure.failure is Failure.MEMORY
            )
            status = Status.OUT_OF_MEMORY if memory else Status.HARNESS_ERROR
            text = f"the reference failed beside it: {failure!r}"
            raise DisturbedError(text, status) from failure

    def _check(self, sets: list[InputSet]) -> None:
        """Every output of the last batch. Raises VerdictError if one is wrong.

        What KernelBench would say is asked of the first batch, and of one that is wrong.
        """
        started = time.monotonic()
        distance = self.runner.distance(sets, self.reference.problem.settled)
        progress = self.progress
        progress.check_s += time.monotonic() - started
        if progress.error_ratio is None or not distance <= progress.error_ratio:
            progress.error_ratio = distance
        if progress.kernelbench_correct is None or not distance <= 1.0:
            with contextlib.suppress(torch.OutOfMemoryError):  # it is not worth another attempt
                progress.kernelbench_correct = self.runner.within_fixed(sets)
        if not distance <= 1.0:
            raise VerdictError(Status.INCORRECT, self._explained(sets, distance))
        if self.runner.settled and not self.otherwise_right:
            self.otherwise_right = True
            text = "other indices of equal values, or the other side of a rounding step: right, too"
            progress.findings.append(Finding("otherwise-right", Severity.INFO, text))

    def _explained(self, sets: list[InputSet], distance: float) -> str:
        """What is wrong with the last batch, which is noted as well."""
        progress, source = self.progress, self.pending.source
        found = None
        with contextlib.suppress(torch.OutOfMemoryError):
            found = self.runner.wrong(sets, self.reference.problem.settled)
        if found is None:
            return wrong.said(distance, None)
        off = found.off
        if off.first is not None:
            first = off.first // (2 if found.spec.dtype.is_complex else 1)
            index = tuple(map(int, np.unravel_index(first, found.spec.shape)))
            progress.difference = Difference(
                found.output, index, off.got, off.wanted, off.absolute, off.relative
            )
        on_gpu = self.bench.device.on_gpu
        progress.precision = wrong.precision(source, norm=off.norm, on_gpu=on_gpu)
        hint = wrong.hint(source, found, self.runner.overwritten, progress.precision)
        return wrong.said(distance, progress.difference) + (f" ({hint})" if hint else "")

    def _compare(self, sets: Iterator[InputSet], theirs: int) -> Speedup:
        """Alternate batches, in random order within a pair, until the interval is good enough.

        Nothing counts before the candidate's number of calls is settled and was called once: the
        first calls cost what later ones do not (pages, caches, lazy loading), and numbers chosen by
        them would be unfair. If the numbers differ in the end although the times do not, the pairs
        are measured again with equal numbers: who feigns slowness at first gains nothing. And if
        all that is gained could hide behind a forged claim, with longer batches, if there is room
        for them, and more of them on a GPU, where overheads vary: less can hide there, and the
        interval says how much.
        """
        reference, progress, runner = self.reference, self.progress, self.runner
        clocks, trials = reference.clocks, Trials(self.budget)
        excess, between = Excess(clocks), Between()
        ours = reference.calls()
        warm_ups = 0 if max(ours, theirs) == 1 and self.pending.first is not None else _WARM_UPS
        equal = contested = doubted = False
        children = runner.worker.children_ticks()
        mine: list[InputSet] = []
        while True:
            mine.clear()  # before others are drawn: they may be large
            fresh = functools.partial(self._fresh_pair, sets, theirs, ours)
            mine, batches = self._until_calm(fresh)
            clocks.learn(batches[False])
            wall_s = sum(batch.wall_ns for batch in batches.values()) / 1e9
            progress.time_s += wall_s
            self._keep_some(mine)
            if warm_ups:  # after these both sides' memory is mapped
                wanted = ours if doubted else reference.candidate_calls(batches[True])
                settled = abs(wanted - theirs) <= theirs // 4
                warm_ups, theirs = (0, theirs) if settled else (warm_ups - 1, wanted)
                continue
            disturbed = any(map(clocks.disturbed, batches.values()))
            slowed = self.conditions.add(batches)
            speedup = trials.add(
                clocks.milliseconds(batches[True]),
                clocks.milliseconds(batches[False]),
                disturbed,
                wall_s,
                progress.draw_s,
                slowed=slowed,
            )
            if not disturbed and not slowed:
                reference.quiet_ms.append(clocks.milliseconds(batches[False]))
            if not self.bench.device.single_core and not disturbed:
                excess.add(batches[True], batches[False])
            if not disturbed:
                between.add(batches[True], batches[False])
            if speedup is not None and theirs != ours and not equal and reference.alike(speedup):
                equal, theirs = True, ours
                trials, excess, between = Trials(self.budget), Excess(clocks), Between()
            elif speedup is not None and not doubted and self._doubtful(trials, batches[True]):
                doubted, contested = True, not self.bench.device.single_core
                warm_ups, ours = 1, reference.most_calls()
                theirs = ours
                trials, between = Trials(self.budget), Between()
                excess = Excess(clocks, strict=True)
            elif speedup is not None:
                contested = contested or excess.milliseconds() > 0.0
                if contested and excess.pairs < _CONTESTED_PAIRS and not trials.given_up:
                    continue
                if runner.worker.children_ticks() > children:
                    raise LateWorkError
                speedup = self._conclude(trials, excess, between)
                return self._with_doubt(speedup, batches[True]) if doubted else speedup

    def _conclude(self, trials: Trials, excess: Excess, between: Between) -> Speedup:
        """From the pairs that count, with what was hidden and less what delayed the reference."""
        progress, given_up = self.progress, trials.given_up
        found = self.conditions.finding(given_up=given_up)
        progress.findings += [found] if found else []
        theirs_ms, progress.reference_ms = trials.kept()
        if given_up and self.conditions.beside_copies:
            progress.reference_ms = self._undelayed(progress.reference_ms)
        hidden_ms = excess.milliseconds() if excess.pairs >= _CONTESTED_PAIRS // 2 else 0.0
        between_ms = 0.0 if self.bench.device.on_gpu else between.milliseconds()
        if between_ms:
            text = f"{between_ms:.3g} ms a call are spent between batches, and added to its time"
            progress.findings.append(Finding("works-between-batches", Severity.WARNING, text))
        progress.candidate_ms = [time_ms + hidden_ms + between_ms for time_ms in theirs_ms]
        return self.conditions.speedup(
            progress.candidate_ms, progress.reference_ms, given_up=given_up
        )

    def _doubtful(self, trials: Trials, batch: Batch) -> bool:
        """Whether a candidate is faster by no more than the clocks can be deceived by."""
        speedup = self.conditions.speedup(*trials.kept(), given_up=trials.given_up)
        gained_ns = (speedup.ratio - 1.0) * batch.claimed_ns
        return speedup.low > 1.0 and gained_ns < self.reference.clocks.hideable_ns(batch)

    def _undelayed(self, reference_ms: list[float]) -> list[float]:
        """As quick as the reference is without copies beside it, which may be the candidate's."""
        known = self.reference.quiet_ms or reference_ms
        quicker = min(1.0, float(np.median(known)) / float(np.median(reference_ms)))
        return [quicker * time_ms for time_ms in reference_ms]

    def _with_doubt(self, speedup: Speedup, batch: Batch) -> Speedup:
        """The interval reaches as far down as it would with what could still be hidden."""
        unseen_ns = self.reference.clocks.unseen_ns(batch)
        text = f"up to {100 * unseen_ns / batch.claimed_ns:.2g} % of it could be a forged claim's"
        self.progress.findings.append(Finding("small-gain", Severity.INFO, text))
        return replace(speedup, low=speedup.low / (1.0 + unseen_ns / batch.claimed_ns))

    def _fresh_pair(
        self, sets: Iterator[InputSet], theirs: int, ours: int
    ) -> tuple[list[InputSet], dict[bool, Batch]]:
        """One checked batch of each side, on inputs not shown before; and those inputs."""
        mine = self._next(sets, max(ours, theirs))
        batches = self._pair(mine[:theirs], mine[:ours])
        self._check(mine[:theirs])
        return mine, batches

    def _pair(self, theirs: list[InputSet], ours: list[InputSet]) -> dict[bool, Batch]:
        """One batch of each side, right after each other; True is the candidate's.

        Before each the same side is called on inputs it knows. After a pause a process's first
        launch takes 100 to 250 µs on an H100's host instead of 20, and the next ten a third more.
        """
        sides: dict[bool, Callable[[list[InputSet], float], Batch]] = {
            True: functools.partial(self._run, self.runner),
            False: self._run_reference,
        }
        steady_s = _STEADY_S if self.conditions.waits else 0.0
        order = [True, False]
        random.shuffle(order)
        batches = {}
        self._take_core()  # others go on meanwhile
        with self.bench.silent():
            for side in order:
                if self.known:
                    sides[side](self.known, 0.0)
                batches[side] = sides[side](theirs if side else ours, steady_s)
        return batches

    def _take_core(self) -> None:
        """Both sides on one core; at full speed, if they wait for it and there is time for that."""
        speed = self.bench.speed
        if self.conditions.waits:
            speed.settle(_SETTLE_S)
        for runner in (self.runner, self.reference.runner):
            runner.worker.pin(speed.cores)

    def _keep_some(self, sets: list[InputSet]) -> None:
        """Of those just answered, for the next warm-up; none where calls are few, hence long."""
        if self.bench.device.on_gpu:
            room = _WARM_BYTES // max(1, self.reference.problem.set_bytes)
            self.known = sets[: min(_WARM_CALLS, len(sets) // _WARM_SHARE, room)]

    def _check_physics(self) -> None:
        """Raises VerdictError if the time is below what memory allows, at its best of many times.

        The candidate's time stays what it was: it might be honest when it is looked at again.
        """
        progress = self.progress
        runtime_ms = float(np.median(progress.candidate_ms))
        progress.bound_ms = self._bound_ms()
        for _ in range(_DOUBTS):
            if not physics.impossible(runtime_ms, progress.bound_ms):
                return
            time.sleep(_DOUBT_S)
            self.bench.device.bandwidth(again=True)
            progress.bound_ms = self._bound_ms()
        if physics.impossible(runtime_ms, progress.bound_ms):
            text = f"{runtime_ms:.4g} ms is less than memory allows ({progress.bound_ms:.4g} ms)"
            raise VerdictError(
                Status.REJECTED, text, Finding("impossible-time", Severity.CONVICTED, text)
            )

    def _bound_ms(self) -> float | None:
        problem = self.reference.problem
        return physics.bound_ms(
            problem.input_bytes + problem.output_bytes,
            self.bench.device,
            float(np.median(self.progress.reference_ms)),
        )

    def _as_kernelbench(self) -> Speedup:
        """Correctness trials, then single timed calls on one set (checked, too)."""
        reference, progress = self.reference, self.progress
        full = self.bench.config.mode == "full"
        trials = kernelbench.FULL if full else kernelbench.FAST
        for seed in kernelbench.correctness_seeds(trials.correctness):
            self._once([reference.problem.draw(seed)])
        self.runner.worker.settle()
        one = [reference.problem.draw(kernelbench.SEED)]
        for _ in range(3):
            self._until_calm(lambda: self._run_reference(one))
        for _ in range(3):
            self._until_calm(lambda: self._run(self.runner, one))
        for _ in range(trials.timing):
            _, batches = self._until_calm(lambda: self._fresh_pair(iter(one), 1, 1))
            progress.candidate_ms.append(reference.clocks.milliseconds(batches[True]))
            progress.reference_ms.append(reference.clocks.milliseconds(batches[False]))
            progress.time_s += sum(batch.wall_ns for batch in batches.values()) / 1e9
        self._check_physics()
        return kernelbench.estimate(
            np.array(progress.candidate_ms), np.array(progress.reference_ms)
        )
