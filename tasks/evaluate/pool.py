"""The pool of judges: one per GPU of the cluster, or one per machine that has none to time on."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from threading import Event, Lock, Thread
from typing import Any

import ray
from prefect.logging import get_logger
from ray.exceptions import RayTaskError
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from kernels_eval import JudgeConfig, Status, Verdict
from kernels_eval.timing.cores import Cores
from tasks import cluster
from tasks.beside import family, wait_gone
from tasks.errors import ProblemRefusedError
from tasks.evaluate.actor import InstantJudgeActor, JudgeActor
from tasks.evaluate.batch import ALONE, Batch
from tasks.evaluate.desk import WITHOUT_S, Desk
from tasks.evaluate.place import Place
from tasks.evaluate.seat import JudgeLostError, Seat
from tasks.evaluate.stations import NoStationError, Stations

_logger = get_logger("judge")

_GRACE_S = 0.5
"""Longer than Prefect takes from a problem's last verdict to the task that measures its winners."""

_PREPARING_S = 900.0
"""Seconds that a problem may take to be loaded and its reference to be timed."""

_TIMEOUTS = 30
"""Time limits of one candidate without a word from the judge: it may take five, and each of them
stretches where many candidates compile on few cores."""

_COMPILING_S = 3000.0
"""Of torch.compile on a reference: its time limit, for the build and each answer."""

_PAUSE_S, _LONGEST_PAUSE_S = 1.0, 30.0
"""Before a judge is started anew, and before what it died of is tried again: doubled each time."""


@dataclass(frozen=True)
class Judged:
    """A verdict, on which source of the batch, and where it was reached."""

    index: int
    verdict: Verdict
    place: Place | None


class JudgePool:
    """Hands batches to judges that live and are free. Safe to use from several threads.

    A judge that dies, breaks or falls silent takes no further batch. It is started anew in the
    background: where it was, or on another node once its own is gone. What it had not delivered is
    given to another judge.
    """

    def __init__(
        self,
        config: JudgeConfig,
        cores: Cores,
        *,
        instant: bool = False,
        allowed: Collection[int] = (),
        gpus: int | None = None,
        start: bool = True,
        silence_s: float | None = None,
        without_s: float = WITHOUT_S,
    ) -> None:
        """Start the judges; returns before they are ready. Without `start` they come with
        `come_back`.

        With a CUDA device in `config`, one judge per GPU of the cluster, each owning it whole: a
        fraction of a GPU cannot be timed. On CPUs one judge for each node of a cluster; on this
        machine alone one, on `cores`: two would disturb each other. `allowed`: the cores of this
        machine that judges for its GPUs choose from. `gpus`: how many GPUs judges hold; None takes
        all of the cluster's where they time on GPUs, else none.

        `silence_s`: seconds without a verdict after which a judge counts as dead; None takes what
        `config` allows a candidate, many times over. `without_s`: seconds without any judge after
        which a batch fails.
        """
        self.harness_id = "instant" if instant else config.harness_id
        self.timeout_s = config.timeout_s
        self._config = config
        self._kind = InstantJudgeActor if instant else JudgeActor
        self._cores = None if config.on_gpu or cluster.is_remote() else cores
        self._allowed = () if cluster.is_remote() else tuple(allowed)
        self._silence_s = _silence(config) if silence_s is None else silence_s
        self._lock = Lock()
        self._told = False
        self._waiting = ""
        self._heading: dict[Seat, str] = {}
        self._stations = Stations()
        self._closed = Event()
        nodes = self._nodes()
        if gpus is None:
            gpus = max(1, cluster.gpus()) if config.on_gpu else 0
        self._gpus_each = min(1, gpus)
        size = gpus if config.on_gpu else len(nodes)
        self._seats = [Seat(f"judge {number}", self._launch) for number in range(size)]
        self._desk: Desk[Seat] = Desk(
            (), _GRACE_S if config.on_gpu else 0.0, without_s, self._tell_mixed
        )
        self._raised: list[RayTaskError] = []
        self._away = not start
        if start:
            self._start(nodes)

    def __len__(self) -> int:
        return len(self._seats)

    @property
    def machines(self) -> list[str]:
        """The models of hardware that the judges time on."""
        places = [seat.place for seat in self._seats]
        return sorted({place.machine for place in places if place and place.machine})

    def ready(self) -> list[int]:
        """Wait until the judges are; their process ids. Raises what starting one raised."""
        self._starting.join()
        if self._raised:
            raise self._raised[0]
        return [seat.place.pid for seat in self._seats if seat.place]

    def evaluate_many(self, problem_source: str, sources: Sequence[str]) -> Iterator[Judged]:
        """Each source's verdict as a judge reaches it; waits for a free judge first.

        A source that ends every judge it is given to becomes a `harness_error`, and no other with
        it. Raises ProblemRefusedError if the problem cannot be judged, and NoJudgeError once no
        judge could be had for long.
        """
        batch = Batch(len(sources))
        pauses = 0
        while (group := batch.next()) is not None:
            seat = self._healthy(problem_source)
            lost = JudgeLostError("its batch was abandoned")
            lives = False
            try:
                part = [sources[position] for position in group]
                for index, verdict in seat.judge(
                    problem_source, part, self._silence_s, self._tell_waiting
                ):
                    batch.deliver(group[index])
                    yield Judged(group[index], verdict, seat.place)
                lives = True
            except ProblemRefusedError:
                lives = True
                raise
            except JudgeLostError as error:
                lost = error
            finally:
                if lives:
                    self._desk.give_back(seat, problem_source)
                else:
                    blameless = not self._closed.is_set() and seat.cut_off(lost)
                    self._revive(seat, lost)
            if lives:
                continue
            given_up = batch.judge_lost(group, blameless=blameless)
            for position in given_up:
                yield Judged(position, self._ours(lost), seat.place)
            if not given_up:
                self._closed.wait(_pause(pauses))
                pauses += 1

    def first_to_tell(self) -> bool:
        """True once: for the first that has to say that there is no judge."""
        with self._lock:
            first, self._told = not self._told, True
            return first

    def leave(self) -> None:
        """End all judges: once this returns, what they held of their devices is free.

        Between batches: it waits until all are free. Batches that come meanwhile wait until the
        judges come back. Raises NoJudgeError if one never comes free, and what starting them
        raised.
        """
        if self._away:
            return
        self.ready()
        for seat in self._seats:
            self._desk.withdraw(seat, "the judges made room for another on their device")
            pid = seat.place.pid if seat.place and not cluster.is_remote() else None
            held = family(pid)
            seat.end()
            wait_gone(held)
        self._away = True

    def come_back(self) -> list[int]:
        """Start judges that left, and wait until they are ready; their process ids.

        Raises what starting one raised.
        """
        if self._away:
            self._away = False
            # All have left: who comes now shares the cores with nobody that was there before.
            self._stations = Stations()
            self._desk.expect()
            self._start()
        return self.ready()

    def close(self) -> None:
        """End the judges and the processes below them, which die with their judge."""
        self._closed.set()
        self._desk.close()
        idle = self._desk.idle == len(self._seats)
        for seat in self._seats:
            if idle:  # else it would finish its batch first
                seat.end()
            else:
                seat.kill()

    # Starting

    def _start(self, nodes: list[str] | None = None) -> None:
        self._starting = Thread(target=self._start_all, args=(nodes or self._nodes(),), daemon=True)
        self._starting.start()

    def _start_all(self, nodes: list[str]) -> None:
        """All judges at once, so that each knows how many are beside it."""
        assigned: list[str | None] = [None] * len(self._seats)
        if not self._config.on_gpu:
            assigned = list(nodes)
            self._heading = dict(zip(self._seats, nodes, strict=True))
        threads = []
        places: dict[Seat, Place] = {}
        for seat, node in zip(self._seats, assigned, strict=True):
            thread = Thread(target=self._find_place, args=(seat, node, places), daemon=True)
            thread.start()
            threads.append(thread)
        for thread in threads:
            thread.join()
        self._stations.expect(place.group for place in places.values())
        ordered = sorted(places, key=lambda seat: (places[seat].node, places[seat].gpu or ""))
        threads = []
        for seat in self._seats:
            if seat not in places:
                self._revive(seat, JudgeLostError("it did not start"))
        for seat in ordered:
            station = self._stations.take(seat, places[seat].group)
            thread = Thread(target=self._open, args=(seat, station), daemon=True)
            thread.start()
            threads.append(thread)
        for thread in threads:
            thread.join()

    def _find_place(self, seat: Seat, node: str | None, places: dict[Seat, Place]) -> None:
        try:
            places[seat] = seat.start(node, self._closed.is_set)
        except JudgeLostError as error:
            self._desk.failed(str(error))
        except RayTaskError as error:
            self._raised.append(error)

    def _open(self, seat: Seat, station: tuple[int, int] | None) -> None:
        try:
            seat.ready(station, self._closed.is_set)
        except JudgeLostError as error:
            self._revive(seat, error)
        except RayTaskError as error:
            self._raised.append(error)
        else:
            self._enter(seat)

    def _enter(self, seat: Seat) -> None:
        assert seat.place is not None
        self._desk.enter(seat, seat.place.machine)

    def _launch(self, node: str | None) -> Any:
        where = {} if node is None else {"scheduling_strategy": _pinned(node)}
        options = {"num_cpus": 0, "num_gpus": self._gpus_each, "max_restarts": 0}
        actor = ray.remote(self._kind).options(**options, **where)
        return actor.remote(self._config, self._cores, self._allowed)

    def _nodes(self) -> list[str]:
        """Ray nodes that may have a judge for their cores."""
        if not cluster.is_remote():
            return [ray.get_runtime_context().get_node_id()]
        alive = [one for one in ray.nodes() if one["Alive"]]
        working = [one for one in alive if one["Resources"].get("CPU")] or alive
        return sorted(one["NodeID"] for one in working)

    # Ending and starting anew

    def _healthy(self, problem_source: str) -> Seat:
        while True:
            seat = self._desk.take(problem_source)
            try:
                seat.check()
            except (JudgeLostError, RayTaskError) as error:
                self._revive(seat, JudgeLostError(str(error)))
            else:
                return seat

    def _revive(self, seat: Seat, lost: JudgeLostError) -> None:
        """Take the judge off the desk, and put it back once it is started anew."""
        self._desk.leave(seat, str(lost))
        self._stations.leave(seat)
        if self._closed.is_set():
            return
        _logger.warning("%s is lost and starts anew: %s", seat.name, lost)
        Thread(target=self._start_anew, args=(seat,), daemon=True).start()

    def _start_anew(self, seat: Seat) -> None:
        attempt = 0
        while not self._closed.is_set():
            try:
                node = None if self._config.on_gpu else self._free_node(seat)
                place = seat.start(node, self._closed.is_set)
                room = _gpus_of(place.node) if self._config.on_gpu else 1
                station = self._stations.take(seat, place.group, room)
                seat.ready(station, self._closed.is_set)
            except (JudgeLostError, NoStationError, RayTaskError) as error:
                self._stations.leave(seat)
                self._desk.failed(" ".join(str(error).split())[-300:])
                seat.kill()
                self._closed.wait(_pause(attempt))
                attempt += 1
            else:
                self._enter(seat)
                return

    def _free_node(self, seat: Seat) -> str:
        """The seat's own node while it lives, else one without a judge. Raises JudgeLostError."""
        with self._lock:
            nodes = self._nodes()
            if self._heading[seat] not in nodes:
                free = [node for node in nodes if node not in self._heading.values()]
                if not free:
                    raise JudgeLostError("its node is gone, and every other one has a judge")
                self._heading[seat] = free[0]
            return self._heading[seat]

    def _ours(self, lost: JudgeLostError) -> Verdict:
        return Verdict(
            status=Status.HARNESS_ERROR,
            protocol=self._config.protocol,
            mode=self._config.mode,
            device=self._config.device,
            harness_id=self.harness_id,
            error=f"{ALONE} judges were lost over this source, or all over its problem: {lost}",
        )

    def _tell_waiting(self, line: str) -> None:
        with self._lock:
            told, self._waiting = self._waiting == line, line
        if not told:
            _logger.warning("%s", line)

    def _tell_mixed(self, before: str, now: str) -> None:
        _logger.warning(
            "no judge on %s is left: a problem begun there is judged on %s from now on, and its "
            "times are not comparable (column `machine`)",
            before,
            now,
        )


def _silence(config: JudgeConfig) -> float:
    compiling = _COMPILING_S if config.baseline == "compile" else 0.0
    return _PREPARING_S + compiling + _TIMEOUTS * config.timeout_s


def _pause(attempt: int) -> float:
    return float(min(_PAUSE_S * 2**attempt, _LONGEST_PAUSE_S))


def _pinned(node: str) -> NodeAffinitySchedulingStrategy:
    return NodeAffinitySchedulingStrategy(node_id=node, soft=False)


def _gpus_of(node: str) -> int:
    found = [one["Resources"].get("GPU", 0) for one in ray.nodes() if one["NodeID"] == node]
    return max([1, *map(int, found)])
