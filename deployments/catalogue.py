"""The one list of deployments: which flow, which parameters, when."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from prefect.schedules import Cron
from prefect.types.entrypoint import EntrypointType

from flows.adapt import bon_adapt
from flows.nightly import nightly, zone
from flows.profiles import profiles_of
from flows.sweep import bon_sweep
from flows.train import bon_train

if TYPE_CHECKING:
    from uuid import UUID

    from prefect.flows import Flow
    from prefect.runner import Runner

TIMEZONE = "BON_TIMEZONE"
"""Environment: the time zone of schedules and of a night's run id; UTC by default."""


@dataclass(frozen=True)
class Entry:
    """One deployment, `FLOW/NAME` to Prefect. `timezone` is that of `cron`."""

    flow: Flow[..., Any]
    name: str
    description: str
    parameters: dict[str, Any] = field(default_factory=dict)
    cron: str | None = None
    timezone: str = "UTC"

    @property
    def full_name(self) -> str:
        return f"{self.flow.name}/{self.name}"

    @property
    def entrypoint(self) -> str:
        """The flow's module path, so that it is found wherever bon-sweep is installed."""
        return f"{self.flow.fn.__module__}.{self.flow.fn.__name__}"

    async def register(self, runner: Runner) -> UUID:
        """Register it with the API and with `runner`, which runs this very flow; its id.

        Prefect's `serve` would load whatever entry point the API names by then.
        """
        schedule = None if self.cron is None else Cron(self.cron, timezone=self.timezone)
        return await runner.aadd_flow(
            self.flow,
            self.name,
            schedule=schedule,
            parameters=self.parameters,
            description=self.description,
            entrypoint_type=EntrypointType.MODULE_PATH,
        )


def catalogue() -> list[Entry]:
    """Every deployment: the demos as `default`, one per profile, and the nightly rerun.

    Raises RequestError if BON_TIMEZONE names no time zone.
    """
    timezone = os.environ.get(TIMEZONE, "UTC")
    zone(timezone)
    of_profiles = [
        *_of_profiles(bon_sweep, "sweep", "demo", "The demo profile."),
        *_of_profiles(bon_adapt, "adapt", "adapt-demo"),
        *_of_profiles(bon_train, "train", "train-demo"),
    ]
    every_night = Entry(
        nightly,
        "default",
        "Every night at three, measured afresh.",
        {"timezone": timezone},
        cron="0 3 * * *",
        timezone=timezone,
    )
    return [*of_profiles, every_night]


def _of_profiles(
    flow: Flow[..., Any], command: str, demo: str, told: str | None = None
) -> list[Entry]:
    """One of a command's flow for each of its profiles; the demo as `default`."""
    others = [name for name in profiles_of(command) if name != demo]
    default = Entry(flow, "default", told or f"The profile {demo}.", {"profile": demo})
    return [
        default,
        *(Entry(flow, name, f"The profile {name}.", {"profile": name}) for name in others),
    ]
