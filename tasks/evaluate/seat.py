"""One judge of the pool: the actor that it is now, and how that actor is started and asked."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from typing import Any

import ray
from ray.exceptions import ActorUnavailableError, GetTimeoutError, RayError, RayTaskError

from kernels_eval import Verdict
from kernels_eval.errors import HarnessError, ProblemError
from tasks.evaluate.place import Place
from tasks.evaluate.stations import Station

START_S = 600.0
"""Seconds that a judge may take from its process to its readiness."""

PULSE_S = 30.0
"""Seconds that a free judge may take to answer."""

_CLOSE_S = 10.0


class JudgeLostError(Exception):
    """A judge that died, fell silent or broke. What it had delivered counts."""

    unreachable = False
    """Whether the way to it broke, and not the judge as far as one knows."""


class Seat:
    """A judge. Its actor changes when it is started anew; for one thread at a time."""

    def __init__(self, name: str, launch: Callable[[str | None], Any]) -> None:
        """`launch`: an actor on the Ray node with this id; None leaves the node to Ray."""
        self.name = name
        self.place: Place | None = None
        self._launch = launch
        self._actor: Any = None

    def start(self, node: str | None, until: Callable[[], bool]) -> Place:
        """A new actor, and where it is. Gives up with `until`. Raises JudgeLostError."""
        self.kill()
        try:
            self._actor = self._launch(node)
        except (RayError, ValueError) as error:
            raise JudgeLostError(_line(error)) from None
        place: Place = self._answer(self._actor.where.remote(), START_S, until)
        self.place = place
        return place

    def ready(self, station: Station | None, until: Callable[[], bool]) -> int:
        """Start the judge inside; its process id. Raises JudgeLostError, and what it raised."""
        return int(self._answer(self._actor.ready.remote(station), START_S, until))

    def check(self) -> None:
        """Raises JudgeLostError unless the judge answers."""
        self._answer(self._actor.pulse.remote(), PULSE_S, lambda: False)

    def judge(
        self, problem_source: str, sources: Sequence[str], silence_s: float
    ) -> Iterator[tuple[int, Verdict]]:
        """(index, verdict) as they are reached.

        Raises JudgeLostError if the actor dies, breaks or gives no verdict for `silence_s`, and
        what the judge raised if the problem cannot be judged.
        """
        stream = self._actor.evaluate_many.options(num_returns="streaming").remote(
            problem_source, list(sources)
        )
        while True:
            try:
                ready, _ = ray.wait([stream], timeout=silence_s, fetch_local=False)
                if not ready:
                    raise JudgeLostError(f"it gave no verdict for {silence_s:.0f} s")
                index, verdict = ray.get(next(stream))
            except StopIteration:
                return
            except RayTaskError as error:
                if isinstance(error.cause, ProblemError):
                    raise error.cause from None  # without the frames of another process
                raise JudgeLostError(_line(error.cause)) from error
            except RayError as error:
                lost = JudgeLostError(_line(error))
                lost.unreachable = isinstance(error, ActorUnavailableError)
                raise lost from error
            yield index, verdict

    def cut_off(self, lost: JudgeLostError) -> bool:
        """Whether the judge was lost with its Ray node, or with the way there.

        Ray says that an actor died where its node still lives. Of a node that died it knows that
        only some time later.
        """
        node = None if self.place is None else self.place.node
        alive = any(one["NodeID"] == node and one["Alive"] for one in ray.nodes())
        return lost.unreachable or not alive

    def end(self) -> None:
        """Let the judge end what it started, then end its process. Only for a free one."""
        if self._actor is not None:
            with suppress(RayError):
                ray.get(self._actor.close.remote(), timeout=_CLOSE_S)
        self.kill()

    def kill(self) -> None:
        """End the process, whatever it does; those below it die with it."""
        if self._actor is not None:
            with suppress(RayError, ValueError):
                ray.kill(self._actor)

    def _answer(self, reference: Any, limit_s: float, until: Callable[[], bool]) -> Any:
        deadline = time.monotonic() + limit_s
        while True:
            try:
                return ray.get(reference, timeout=1.0)
            except GetTimeoutError:
                if until():
                    raise JudgeLostError("the pool was closed") from None
                if time.monotonic() > deadline:
                    raise JudgeLostError(f"it did not answer for {limit_s:.0f} s") from None
            except RayTaskError as error:
                if isinstance(error.cause, HarnessError):
                    raise JudgeLostError(_line(error.cause)) from None
                raise
            except RayError as error:
                raise JudgeLostError(_line(error)) from None


def _line(error: BaseException) -> str:
    """What happened, in one line: of Ray's many the one with the cause."""
    words = " ".join(str(error).split()) or type(error).__name__
    at = words.find("The actor is dead because")
    words = words[max(at, 0) :]
    return words if len(words) <= 300 else f"{words[:300]}…"
