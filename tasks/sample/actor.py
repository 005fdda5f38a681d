"""One loaded policy in a process of its own, so that it shares no interpreter with the flow."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Lock
from typing import Any

import ray
from ray.exceptions import ActorUnavailableError, RayActorError, RayError, RayTaskError

from kernels_eval.cache import cache_directory
from tasks import cluster
from tasks.beside import held_by, keep_aside, options_beside, raised_there, wait_gone
from tasks.collector import importing
from tasks.errors import PolicyUnavailableError, RequestError, in_one_line
from tasks.policies.base import (
    Policy,
    Sample,
    SamplingParams,
    load_policy,
    policy_needs,
    stream_samples,
)
from tasks.policies.rescore import Score, ScoringPolicy, Written
from tasks.problems import Problem
from tasks.sample.worn import Worn, adaptable

RESTARTS = 2
"""Of a policy's process that died. What it had handed out is kept; only the rest is drawn again."""

LINGER_SECONDS = 2.0
"""Samples that finish within this time are written together: what a kill can cost at most."""

_RESTART_PAUSE_SECONDS = 2.0
_RETURN_SECONDS = 300.0
_CLOSE_SECONDS = 30.0


@dataclass(frozen=True)
class Drawn:
    """Samples that are ready to be written together.

    positions: of their seeds in the call.
    seconds: the policy's working time for them; time shared with other shards counts once.
    """

    positions: tuple[int, ...]
    samples: tuple[Sample, ...]
    seconds: float

    def __add__(self, other: Drawn) -> Drawn:
        return Drawn(
            self.positions + other.positions,
            self.samples + other.samples,
            self.seconds + other.seconds,
        )


class _Meter:
    """Working time of a policy, dealt out so that its parts add up to the whole."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._active = 0
        self._since = 0.0

    def start(self) -> None:
        with self._lock:
            if self._active == 0:
                self._since = time.perf_counter()
            self._active += 1

    def stop(self) -> None:
        with self._lock:
            self._active -= 1

    def lap(self) -> float:
        """Seconds since the last lap of any shard."""
        with self._lock:
            now = time.perf_counter()
            seconds, self._since = now - self._since, now
            return seconds


def _keep_compiled_code() -> None:
    """torch makes a directory for it on import: in the temp directory, unless told another."""
    place = cache_directory("inductor")
    with suppress(OSError):  # a home that cannot be written
        place.mkdir(parents=True, exist_ok=True)
        os.environ.setdefault("TORCHINDUCTOR_CACHE_DIR", str(place))


class _PolicyActor:
    def __init__(
        self, spec: str, params: SamplingParams, threads: int, *, beside_judges: bool
    ) -> None:
        """`beside_judges`: this machine is a cluster's, and its other cores are a judge's."""
        if beside_judges:
            threads = min(threads, len(keep_aside()))
        # Before torch is imported: its pools are sized once.
        os.environ["OMP_NUM_THREADS"] = str(threads)
        _keep_compiled_code()
        if not policy_needs(spec).gpus:
            os.nice(10)  # what compiles on the same cores goes first: the judge waits for it
        self._spec, self._params = spec, params
        self._worn: Worn | None = None
        self._policy: Policy | None = None
        self._loading = Lock()
        self._meter = _Meter()

    def pid(self) -> int:
        return os.getpid()

    def policy_id(self, adapter: Path | None = None) -> str:
        with self._loaded().wearing(adapter) as policy:
            return policy.policy_id

    def stream(
        self, problem: Problem, seeds: Sequence[int], adapter: Path | None = None
    ) -> Iterator[Drawn]:
        with self._loaded().wearing(adapter) as policy:
            self._meter.start()
            try:
                for batch in stream_samples(policy, problem, seeds):
                    positions, samples = zip(*batch, strict=True) if batch else ((), ())
                    yield Drawn(positions, samples, self._meter.lap())
            finally:
                self._meter.stop()

    def score(self, problem: Problem, written: Sequence[Written]) -> list[Score]:
        with self._loaded().wearing(None) as policy:
            if not isinstance(policy, ScoringPolicy):
                raise RequestError(
                    f"policy {self._spec!r} cannot score what is written already; take "
                    "transformers:, vllm: or embedded"
                )
            return policy.score(problem, written)

    def encode_prompt(self, problem: Problem, more: str) -> list[int]:
        policy = adaptable(self._spec, self._loaded().policy)
        return policy.encode_prompt(problem, more) if more else policy.encode_prompt(problem)

    def context(self) -> int:
        return int(getattr(self._loaded().policy, "context", sys.maxsize))

    def in_float32(self) -> bool:
        return bool(getattr(self._loaded().policy, "in_float32", True))

    def score_tokens(
        self,
        prompt: Sequence[int],
        completions: Sequence[Sequence[int]],
        adapter: Path | None,
    ) -> list[Score]:
        with self._loaded().wearing(adapter) as policy:
            return adaptable(self._spec, policy).score_tokens(prompt, completions)

    def close(self) -> None:
        close = getattr(self._policy, "close", None)
        if close is not None:
            close()

    def _loaded(self) -> Worn:
        # Not in __init__: Ray would turn what loading raises into the death of the actor.
        with self._loading:
            if self._worn is None:
                with importing():
                    self._policy = load_policy(self._spec, self._params)
                self._worn = Worn(self._spec, self._policy)
            return self._worn


@dataclass(frozen=True)
class PolicyHandle:
    """A policy that lives in a Ray actor."""

    actor: Any
    has_more: bool = False
    """Whether the policy owns more than its process: an engine below it, requests under way."""
    loading: Any = None
    """The call that began to load it. Ray reports an error that nobody asks a call for."""
    gpus: int = 0
    """That Ray keeps for it."""
    adapter: Path | None = None
    """Whose draws these are, None without one. Said with every call: a process that was started
    anew wears none."""

    def wearing(self, adapter: Path | None) -> PolicyHandle:
        """The same process under this adapter."""
        return replace(self, adapter=adapter, loading=None)

    @property
    def policy_id(self) -> str:
        """Waits until the weights are loaded, again if the process died meanwhile.

        Raises what loading raised, and PolicyUnavailableError if the process keeps dying.
        """
        return self._answer(self.loading or self.actor.policy_id.remote(self.adapter))

    def _answer(self, call: Any) -> str:
        """Of a call for the policy's id, made anew while the process is started anew.

        Ray notices only after some time that a node is gone, and starts its actors elsewhere then.
        """
        deadline = float("inf")
        while True:
            try:
                return str(ray.get(call))
            except RayTaskError as error:
                raise raised_there(error) from None
            except ActorUnavailableError as error:
                deadline = min(deadline, time.monotonic() + _RETURN_SECONDS)
                if time.monotonic() >= deadline:
                    gone = f"the policy did not return for {_RETURN_SECONDS:.0f} s"
                    raise PolicyUnavailableError(f"{gone}: {in_one_line(error)}") from error
                time.sleep(_RESTART_PAUSE_SECONDS)
                call = self.actor.policy_id.remote(self.adapter)
            except RayActorError as error:
                raise PolicyUnavailableError(
                    f"the policy's process died: {in_one_line(error)}"
                ) from error

    def stream(self, problem: Problem, seeds: Sequence[int]) -> Iterator[Drawn]:
        """Every sample once, as they finish, in groups worth a write.

        Raises what the policy raised, after handing out all that had finished; and
        PolicyUnavailableError if its process keeps dying.
        """
        left = dict(enumerate(seeds))
        attempt = 0
        while True:
            places = list(left)
            try:
                for drawn in self._stream(problem, list(left.values())):
                    positions = tuple(places[position] for position in drawn.positions)
                    for position in positions:
                        del left[position]
                    yield replace(drawn, positions=positions)
                return
            except RayActorError as error:
                if attempt == RESTARTS:
                    raise PolicyUnavailableError(
                        f"the policy's process died {attempt + 1} times: {in_one_line(error)}"
                    ) from error
                attempt += 1
                time.sleep(_RESTART_PAUSE_SECONDS)
                self._answer(self.actor.policy_id.remote())

    def _stream(self, problem: Problem, seeds: list[int]) -> Iterator[Drawn]:
        generator = self.actor.stream.options(num_returns="streaming").remote(
            problem, seeds, self.adapter
        )
        waiting: Drawn | None = None
        written = float("-inf")
        failure: Exception | None = None
        while True:
            due = written + LINGER_SECONDS - time.monotonic()
            if waiting is not None and due <= 0:
                yield waiting
                waiting, written = None, time.monotonic()
            patience = None if waiting is None else max(due, 0.0)
            ready, _ = ray.wait([generator], timeout=patience, fetch_local=False)
            if not ready:
                continue
            try:
                drawn: Drawn = ray.get(next(generator))
            except StopIteration:
                break
            except RayTaskError as error:
                failure = raised_there(error)
                break
            except RayActorError as error:
                failure = error
                break
            waiting = drawn if waiting is None else waiting + drawn
        if waiting is not None:
            yield waiting
        if failure is not None:
            raise failure

    def score(self, problem: Problem, written: Sequence[Written]) -> list[Score]:
        """One score per completion, in order. Raises what the policy raised."""
        scores: list[Score] = _got(self.actor.score.remote(problem, list(written)))
        return scores

    def encode_prompt(self, problem: Problem, more: str = "") -> tuple[int, ...]:
        """Token ids of the whole prompt, with this text behind the task. Raises RequestError if the
        policy does not tell them."""
        return tuple(_got(self.actor.encode_prompt.remote(problem, more)))

    @property
    def context(self) -> int:
        """Tokens of prompt and completion together, at most. Raises as `encode_prompt` does."""
        return int(_got(self.actor.context.remote()))

    @property
    def in_float32(self) -> bool:
        """Whether the policy computes in float32; True where it does not say."""
        return bool(_got(self.actor.in_float32.remote()))

    def score_tokens(
        self, prompt: Sequence[int], completions: Sequence[Sequence[int]]
    ) -> list[Score]:
        """Log-probabilities of these very tokens under `adapter`. Raises what the policy raised."""
        scores: list[Score] = _got(
            self.actor.score_tokens.remote(prompt, completions, self.adapter)
        )
        return scores

    def close(self) -> None:
        """End the actor and free what it held; of a GPU before this returns."""
        held = held_by(self.actor) if self.gpus and not cluster.is_remote() else []
        if self.has_more:
            # It may hang or be dead already: the kill below is what counts.
            with suppress(RayError):
                ray.get(self.actor.close.remote(), timeout=_CLOSE_SECONDS)
        ray.kill(self.actor)
        wait_gone(held)


class ReleasedPolicy:
    """Stands for a policy that has drawn all it owes: it was ended, or never started."""

    def stream(self, problem: Problem, seeds: Sequence[int]) -> Iterator[Drawn]:
        raise PolicyUnavailableError(
            f"problem {problem.problem_id}: {len(seeds)} draws are asked of a policy that was "
            "released; run the sweep again to draw them"
        )


def start_policy(
    spec: str, params: SamplingParams, threads: int, gpus: int | None = None
) -> PolicyHandle:
    """Start loading `spec`; returns at once. An actor that dies is started again by Ray.

    gpus: that it holds; None: as many as the policy needs.
    """
    needs = policy_needs(spec)
    if gpus is None:
        gpus = needs.gpus
    has_more = needs.shards_at_once > 1
    remote = ray.remote(_PolicyActor)
    options: dict[str, Any] = {
        "num_cpus": 0,
        "num_gpus": gpus,
        "max_restarts": RESTARTS,
        # Not repeated by Ray: a second stream would come in another order than the first.
        "max_task_retries": 0,
        "max_concurrency": needs.shards_at_once + has_more,  # one thread is for `close`
    }
    # On this machine alone the flow moves all of Ray (tasks.evaluate.placement).
    beside_judges = cluster.is_remote() and not gpus
    if beside_judges:
        options |= options_beside(elsewhere=True)
    actor = remote.options(**options).remote(spec, params, threads, beside_judges=beside_judges)
    return PolicyHandle(actor, has_more, actor.policy_id.remote(), gpus)


def _got(call: Any) -> Any:
    try:
        return ray.get(call)
    except RayTaskError as error:
        raise raised_there(error) from None
    except RayActorError as error:
        raise PolicyUnavailableError(f"the policy's process died: {in_one_line(error)}") from error
