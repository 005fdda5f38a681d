"""One trainer in a process of its own. It works while nothing is timed, on the cores that the judge
leaves to others."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ray
from ray.exceptions import ActorUnavailableError, RayActorError, RayTaskError

from tasks import cluster
from tasks.adapt.checkpoint import Checkpoint
from tasks.adapt.items import TrainItem
from tasks.adapt.step import Made, make_step
from tasks.adapt.trainers.base import StepSpec, Trainer, TrainerSettings
from tasks.beside import held_by, keep_aside, options_beside, raised_there, wait_gone
from tasks.collector import importing
from tasks.errors import TrainerLostError, in_one_line

RESTARTS = 1
"""Of a trainer's process that died; its step is made again."""

_PAUSE_SECONDS = 1.0
_RETURN_SECONDS = 300.0
"""For a process that is started anew to answer."""


class _TrainerActor:
    def __init__(self, settings: TrainerSettings, *, beside_judges: bool) -> None:
        if beside_judges:
            keep_aside()
        # Before torch is imported: its pools are sized once.
        os.environ["OMP_NUM_THREADS"] = str(settings.threads)
        os.nice(10)
        self._settings = settings
        self._trainer: Trainer | None = None

    def pid(self) -> int:
        return os.getpid()

    def trainer_id(self) -> str:
        return self._loaded().trainer_id

    def make_step(
        self,
        parent: Checkpoint | None,
        items: Sequence[TrainItem],
        spec: StepSpec,
        adapters: Path,
    ) -> Made:
        return make_step(self._loaded(), parent, items, spec, adapters)

    def _loaded(self) -> Trainer:
        # Not in __init__: Ray would turn what loading raises into the death of the actor.
        if self._trainer is None:
            with importing():
                self._trainer = self._settings.trainer()
        return self._trainer


@dataclass(frozen=True)
class TrainerHandle:
    """A trainer that lives in a Ray actor."""

    actor: Any
    on_gpu: bool = False
    in_float32: bool = True
    """Whether the frozen weights are."""
    gpus: int = 0
    """That Ray keeps for it."""

    @property
    def trainer_id(self) -> str:
        """Waits until the weights are loaded. Raises what loading raised, and TrainerLostError."""
        return str(self._got(lambda: self.actor.trainer_id.remote()))

    def make_step(
        self,
        parent: Checkpoint | None,
        items: Sequence[TrainItem],
        spec: StepSpec,
        adapters: Path,
    ) -> Made:
        """See tasks.adapt.step. A step whose process died is made again, once.

        Raises what that raises, and TrainerLostError if the process keeps dying.
        """
        items_there = ray.put(list(items))
        made: Made = self._got(
            lambda: self.actor.make_step.remote(parent, items_there, spec, adapters)
        )
        return made

    def _got(self, call: Any) -> Any:
        deadline = float("inf")
        deaths = 0
        while True:
            try:
                return ray.get(call())
            except RayTaskError as error:
                raise raised_there(error) from None
            except RayActorError as error:
                # While it is started anew it is only unavailable; it is dead once it may not be.
                deaths += not isinstance(error, ActorUnavailableError)
                deadline = min(deadline, time.monotonic() + _RETURN_SECONDS)
                if deaths > RESTARTS or time.monotonic() > deadline:
                    raise TrainerLostError(
                        f"the trainer's process died {RESTARTS + 1} times ({in_one_line(error)}): "
                        "has this machine memory for model, gradients and optimizer? a smaller "
                        "--group or max_tokens needs less"
                    ) from error
            time.sleep(_PAUSE_SECONDS)

    def close(self) -> None:
        """End the actor and free what it held; of a GPU before this returns."""
        held = held_by(self.actor) if self.gpus else []
        ray.kill(self.actor)
        wait_gone(held)


def start_trainer(settings: TrainerSettings, gpus: int | None = None) -> TrainerHandle:
    """Start the process; returns at once. What it raises in loading comes with the first call.

    gpus: that it holds, so that it waits until Ray has as many that nobody does; None: one, if it
    works on one.
    """
    if gpus is None:
        gpus = 0 if settings.on_cpu else 1
    options: dict[str, Any] = {"num_cpus": 0, "max_restarts": RESTARTS, "max_task_retries": 0}
    options |= options_beside(elsewhere=False)  # its files lie on this machine
    options["num_gpus"] = gpus
    actor = ray.remote(_TrainerActor).options(**options)
    started = actor.remote(settings, beside_judges=cluster.is_remote())
    return TrainerHandle(started, not settings.on_cpu, settings.in_float32, gpus)
