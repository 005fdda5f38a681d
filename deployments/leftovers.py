"""Flow runs whose `bon serve` is gone: they are not running, and the API is told so."""

from __future__ import annotations

import platform
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING
from uuid import UUID

import psutil

from flows.deployed import SERVER_LABEL

if TYPE_CHECKING:
    from prefect.client.orchestration import PrefectClient
    from prefect.client.schemas.filters import FlowRunFilter
    from prefect.client.schemas.objects import FlowRun

MESSAGE = (
    "The `bon serve` that ran this flow has ended. What was judged is in the lake: asked for with "
    "the same `run`, the sweep goes on where it stopped."
)


def server_name() -> str:
    """This process, as its flow runs are labelled: host, process id, start time."""
    return f"{platform.node()}/{psutil.Process().pid}/{psutil.Process().create_time():.0f}"


def is_gone(server: str) -> bool:
    """Whether this is the name of a process of this machine that has ended."""
    host, pid, started = server.rsplit("/", 2)
    if host != platform.node():
        return False
    try:
        return f"{psutil.Process(int(pid)).create_time():.0f}" != started
    except psutil.NoSuchProcess:
        return True


def left_behind(*, alone: bool) -> Callable[[FlowRun], bool]:
    """A test of unfinished flow runs: whether the process behind one is gone.

    alone: no other runner uses the API, so a run without a label (its process was still starting)
    is left behind, too.
    """

    def gone(flow_run: FlowRun) -> bool:
        server = flow_run.labels.get(SERVER_LABEL)
        return alone if server is None else is_gone(str(server))

    return gone


def run_by(server: str) -> Callable[[FlowRun], bool]:
    """A test of flow runs: whether this `bon serve` started one."""
    return lambda flow_run: flow_run.labels.get(SERVER_LABEL) == server


async def end_runs(
    client: PrefectClient, deployments: Iterable[UUID], gone: Callable[[FlowRun], bool]
) -> int:
    """Mark unfinished runs of these deployments for which `gone` holds as crashed; how many."""
    from prefect.client.schemas.filters import DeploymentFilter, DeploymentFilterId

    ids = list(deployments)
    found = await client.read_flow_runs(
        deployment_filter=DeploymentFilter(id=DeploymentFilterId(any_=ids)),
        flow_run_filter=_unfinished(),
    )
    ended = [flow_run for flow_run in found if gone(flow_run)]
    for flow_run in [*await _parts(client, [one.id for one in ended]), *ended]:
        await _crash(client, flow_run)
    return len(ended)


async def _parts(client: PrefectClient, parents: Sequence[UUID]) -> list[FlowRun]:
    """Unfinished flow runs inside these (a nightly's sweep)."""
    from prefect.client.schemas.filters import FlowRunFilterParentFlowRunId

    if not parents:
        return []
    inside = FlowRunFilterParentFlowRunId(any_=list(parents))
    wanted = _unfinished().model_copy(update={"parent_flow_run_id": inside})
    return await client.read_flow_runs(flow_run_filter=wanted)


def _unfinished() -> FlowRunFilter:
    from prefect.client.schemas.filters import (
        FlowRunFilter,
        FlowRunFilterState,
        FlowRunFilterStateType,
    )
    from prefect.client.schemas.objects import StateType

    states = [StateType.RUNNING, StateType.PENDING, StateType.CANCELLING]
    return FlowRunFilter(state=FlowRunFilterState(type=FlowRunFilterStateType(any_=states)))


async def _crash(client: PrefectClient, flow_run: FlowRun) -> None:
    from prefect.states import Crashed

    await client.set_flow_run_state(flow_run.id, Crashed(message=MESSAGE), force=True)
