"""One judge in a process of its own: the owner of one whole GPU, or of a fixed set of cores."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace

from kernels_eval import JudgeConfig, Status, Verdict
from kernels_eval.host import JudgeEndedError, JudgeHost
from kernels_eval.timing.cores import Cores, share
from tasks.evaluate.place import Place, here
from tasks.evaluate.stations import Station


class JudgeActor:
    """`JudgeHost` behind Ray. A judge that broke is replaced before the next batch."""

    def __init__(
        self, config: JudgeConfig, cores: Cores | None, allowed: Collection[int] = ()
    ) -> None:
        """`cores`: those of this machine to judge with; None lets the judge choose its own.

        `allowed`: those it may choose from; empty: all that this process was started on.
        """
        # Ray narrows OMP_NUM_THREADS to the actor's share; the judge sets its own.
        os.environ.pop("OMP_NUM_THREADS", None)
        self._config = config
        if allowed:  # a Ray that was moved off the timing cores starts its processes there, too
            os.sched_setaffinity(0, allowed)
        if cores is not None:
            self._place(cores)
        self._judge: JudgeHost | None = None
        self._station: Station | None = None

    def where(self) -> Place:
        """Where this judge is."""
        return here(self._config.device)

    def pulse(self) -> None:
        """Returns: this process lives, and is free."""

    def _place(self, cores: Cores) -> None:
        os.sched_setaffinity(0, cores.all)
        self._config = replace(self._config, cores=cores.timing)

    def ready(self, station: Station | None = None) -> int:
        """Start the judge; the process id of this actor.

        Raises RequestError for its device, or for fewer cores than there are judges here.
        """
        self._station = station
        if self._judge is None:
            if station is not None and self._config.cores is None:
                self._place(share(*station, gpu=self._config.on_gpu))
            self._judge = JudgeHost(self._config)
        self._judge.start()
        return os.getpid()

    def evaluate_many(
        self, problem_source: str, sources: Sequence[str]
    ) -> Iterator[tuple[int, Verdict | str]]:
        """(index, verdict) as they are reached. Raises ProblemError for a problem not judgeable.

        Before that, while another judge on this machine measures: (-1, a line that says so). If the
        judge's process is killed, this one ends as well, and the pool starts another one.
        """
        self.ready(self._station)
        assert self._judge is not None
        broken = False
        try:
            with self._judge.turn() as turn:
                for line in turn.wait():
                    yield -1, line
                for index, verdict in self._judge.evaluate_many(problem_source, sources):
                    broken |= verdict.status is Status.HARNESS_ERROR
                    yield index, verdict
        except JudgeEndedError:
            os._exit(1)
        if broken:
            self.close()

    def close(self) -> None:
        """End the judge's processes; a later batch starts new ones."""
        if self._judge is not None:
            self._judge.close()
            self._judge = None


class InstantJudgeActor:
    """A yardstick for orchestration, not a judge: every source is `incorrect`, at no cost.

    Its harness id says so (`instant`), and nothing it writes can pass for a measurement.
    """

    def __init__(
        self, config: JudgeConfig, cores: Cores | None, allowed: Collection[int] = ()
    ) -> None:
        del cores, allowed
        self._verdict = Verdict(
            status=Status.INCORRECT,
            protocol="instant",
            mode=config.mode,
            device="none",
            harness_id="instant",
            compiled=True,
            error="not judged: the instant judge measures orchestration only",
        )

    def where(self) -> Place:
        """Where this actor is."""
        return here("cpu")

    def pulse(self) -> None:
        """Returns: this process lives, and is free."""

    def ready(self, station: Station | None = None) -> int:
        """The process id of this actor."""
        del station
        return os.getpid()

    def evaluate_many(
        self, problem_source: str, sources: Sequence[str]
    ) -> Iterator[tuple[int, Verdict]]:
        """`incorrect` for each."""
        del problem_source
        for index in range(len(sources)):
            yield index, replace(self._verdict)

    def close(self) -> None:
        """Nothing to end."""
