"""The pool of judges: one Ray actor per GPU of the cluster, or one for this machine's cores."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Any

import ray

from kernels_eval import JudgeConfig, Verdict
from kernels_eval.timing.cores import Cores
from tasks import cluster
from tasks.evaluate.actor import InstantJudgeActor, JudgeActor, Station
from tasks.evaluate.desk import Desk

_GRACE_S = 0.5
"""Longer than Prefect takes from a problem's last verdict to the task that measures its winners."""


class JudgePool:
    """Hands batches to whichever judge is free. Safe to use from several threads."""

    def __init__(self, config: JudgeConfig, cores: Cores, *, instant: bool = False) -> None:
        """Start the judges; returns before they are ready.

        With a CUDA device in `config`, one judge per GPU of the cluster, each owning it whole: a
        fraction of a GPU cannot be timed. On CPUs one judge, on `cores` if they are this
        machine's: two would disturb each other.
        """
        kind = InstantJudgeActor if instant else JudgeActor
        on_gpu = config.on_gpu
        size = max(1, cluster.gpus()) if on_gpu else 1
        options: dict[str, Any] = {"num_cpus": 0, "num_gpus": 1 if on_gpu else 0}
        remote = ray.remote(kind).options(max_restarts=3, **options)
        local = None if on_gpu or cluster.is_remote() else cores
        self._actors = [remote.remote(config, local) for _ in range(size)]
        self._stations = self._shared() if on_gpu and not instant and size > 1 else {}
        self._starting = [actor.ready.remote(self._stations.get(actor)) for actor in self._actors]
        self._desk = Desk(self._actors, _GRACE_S if on_gpu else 0.0)
        self.harness_id = "instant" if instant else config.harness_id
        self.timeout_s = config.timeout_s

    def _shared(self) -> dict[Any, Station]:
        """Each judge's station: those on one machine would otherwise time on the same cores."""
        places = ray.get([actor.where.remote() for actor in self._actors])
        stations = {}
        for actor, (node, gpu) in zip(self._actors, places, strict=True):
            beside = sorted(one for there, one in places if there == node)
            stations[actor] = (beside.index(gpu), len(beside))
        return stations

    def __len__(self) -> int:
        return len(self._actors)

    def ready(self) -> list[int]:
        """Wait until every judge is; their process ids. Raises what starting one raised."""
        return [int(pid) for pid in ray.get(self._starting)]

    def evaluate_many(
        self, problem_source: str, sources: Sequence[str]
    ) -> Iterator[tuple[int, Verdict]]:
        """(index, verdict) as one judge reaches them; waits for a free judge first.

        Raises what the judge raised for the whole batch (a problem it cannot judge), and Ray's
        error if the judge's process died: that is ours, and the caller may try again.
        """
        actor = self._desk.take(problem_source)
        try:
            stream = actor.evaluate_many.options(num_returns="streaming").remote(
                problem_source, list(sources), self._stations.get(actor)
            )
            for reference in stream:
                index, verdict = ray.get(reference)
                yield index, verdict
        finally:
            self._desk.give_back(actor, problem_source)

    def close(self) -> None:
        """End the judges and the processes below them, which die with their judge."""
        idle = self._desk.idle == len(self._actors)
        for actor in self._actors:
            if idle:  # else it would finish its batch first
                with suppress(ray.exceptions.RayError):
                    ray.get(actor.close.remote(), timeout=10)
            ray.kill(actor)
