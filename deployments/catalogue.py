"""The one list of deployments: which flow, which parameters, when."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from flows.nightly import nightly
from flows.profiles import profile_names
from flows.sweep import bon_sweep

if TYPE_CHECKING:
    from prefect.flows import Flow


@dataclass(frozen=True)
class Entry:
    """One deployment, `FLOW/NAME` to Prefect."""

    flow: Flow[..., Any]
    name: str
    description: str
    parameters: dict[str, Any] = field(default_factory=dict)
    cron: str | None = None

    @property
    def full_name(self) -> str:
        return f"{self.flow.name}/{self.name}"

    @property
    def entrypoint(self) -> str:
        """The flow's module path, so that it is found wherever bon-sweep is installed."""
        return f"{self.flow.fn.__module__}.{self.flow.fn.__name__}"


def catalogue() -> list[Entry]:
    """Every deployment: the demo as `default`, one per profile, and the nightly rerun."""
    sweeps = [Entry(bon_sweep, "default", "The demo profile.", {"profile": "demo"})]
    sweeps += [
        Entry(bon_sweep, name, f"The profile {name}.", {"profile": name})
        for name in profile_names()
        if name != "demo"
    ]
    return [
        *sweeps,
        Entry(nightly, "default", "Every night at three, measured afresh.", cron="0 3 * * *"),
    ]
