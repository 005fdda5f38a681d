"""One loaded policy in a process of its own, so that it shares no interpreter with the flow."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import ray

from tasks.policies.base import Sample, SamplingParams, load_policy
from tasks.problems import Problem


class _PolicyActor:
    def __init__(self, spec: str, params: SamplingParams, threads: int) -> None:
        # Before torch is imported: its pools are sized once.
        os.environ["OMP_NUM_THREADS"] = str(threads)
        self._policy = load_policy(spec, params)

    def policy_id(self) -> str:
        return self._policy.policy_id

    def sample(self, problem: Problem, seeds: Sequence[int]) -> tuple[list[Sample], float]:
        started = time.perf_counter()
        samples = self._policy.sample(problem, seeds)
        return samples, time.perf_counter() - started


@dataclass(frozen=True)
class PolicyHandle:
    """A policy that lives in a Ray actor."""

    actor: Any

    @property
    def policy_id(self) -> str:
        """Waits until the weights are loaded. Raises what loading raised."""
        return str(ray.get(self.actor.policy_id.remote()))

    def sample(self, problem: Problem, seeds: Sequence[int]) -> tuple[list[Sample], float]:
        """One sample per seed, in order, and the seconds they took, without the wait for a turn."""
        answer: tuple[list[Sample], float] = ray.get(self.actor.sample.remote(problem, list(seeds)))
        return answer

    def close(self) -> None:
        """End the actor and free what it held."""
        ray.kill(self.actor)


def start_policy(spec: str, params: SamplingParams, threads: int) -> PolicyHandle:
    """Start loading `spec`; returns at once. An actor that dies is started again by Ray."""
    remote = ray.remote(_PolicyActor)
    options = {"num_cpus": 0, "max_restarts": 2, "max_task_retries": 2}
    return PolicyHandle(remote.options(**options).remote(spec, params, threads))
