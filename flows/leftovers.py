"""Flow runs of processes that were killed are marked as crashed, and old ones are removed.

Only runs of ours are looked at: those with our label, and those of the flows `bon-...`, whose
process may have been killed before it could label one.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, TypeAlias, TypeVar
from uuid import UUID

from flows.owner import OWNER_LABEL, is_gone

if TYPE_CHECKING:
    from prefect.client.orchestration import SyncPrefectClient
    from prefect.client.schemas.filters import FlowRunFilter, TaskRunFilter
    from prefect.client.schemas.objects import FlowRun

T = TypeVar("T")
Test: TypeAlias = "Callable[[FlowRun], bool]"

_OURS_ALONE = ("bon-sweep", "bon-adapt", "bon-train")
"""Names that no other program gives to a flow."""

FLOWS = (*_OURS_ALONE, "probe", "rescore", "nightly")

MESSAGE = (
    "The process that ran this flow has ended. What was judged is in the lake: asked for with "
    "the same `run`, it goes on where it stopped."
)

_STARTING = timedelta(minutes=10)
"""A run without a label is no older: it gets one within a second of being made."""

_PAGE = 200
_AT_ONCE = 20
"""Runs that one command removes, in less than two seconds; more come with the next one."""


def tidy(*, private: bool) -> None:
    """Before a command's own run: see `end_runs` and `prune`.

    private: the API is a server of ours, on this user's own database.
    """
    from prefect.client.orchestration import get_client

    with get_client(sync_client=True) as client:
        end_runs(client, left_behind(unlabelled=_is_old if private else _no))
        if private:
            prune(client, most=_AT_ONCE)


def left_behind(*, unlabelled: Test) -> Test:
    """A test of unfinished flow runs: whether the process behind one is gone.

    `unlabelled`: the same of a run of a flow `bon-...` without a label.
    """

    def gone(flow_run: FlowRun) -> bool:
        owner = flow_run.labels.get(OWNER_LABEL)
        return unlabelled(flow_run) if owner is None else is_gone(str(owner))

    return gone


def of_deployments(deployments: Collection[UUID]) -> Test:
    """A test of flow runs: whether one of these deployments started one."""
    return lambda flow_run: flow_run.deployment_id in deployments


def run_by(owner: str) -> Test:
    """A test of flow runs: whether they end with this process."""
    return lambda flow_run: flow_run.labels.get(OWNER_LABEL) == owner


def end_runs(client: SyncPrefectClient, gone: Test) -> int:
    """Mark our unfinished runs for which `gone` holds as crashed, with all that is inside them.

    Returns how many, without those inside.
    """
    ended = [one for one in _runs(client, _unfinished()) if gone(one)]
    for flow_run in [*_parts(client, [one.id for one in ended]), *ended]:
        _crash(client, flow_run)  # its tasks first: a run that was marked is not looked at again
    return len(ended)


def prune(client: SyncPrefectClient, most: int | None = None) -> int:
    """Remove our runs, with tasks, logs and artifacts, that ended long ago; how many.

    How long is a setting of Prefect's: PREFECT_SERVER_SERVICES_DB_VACUUM_RETENTION_PERIOD, in
    seconds, 90 days by default. Prefect's own vacuum would remove the runs of other programs, too.
    """
    from prefect.settings import get_current_settings

    kept = get_current_settings().server.services.db_vacuum.retention_period
    old = [one.id for one in _runs(client, _ended_before(datetime.now(UTC) - kept))][:most]
    for flow_run in old:
        _remove(client, flow_run)
    return len(old)


def _runs(client: SyncPrefectClient, wanted: FlowRunFilter) -> Iterator[FlowRun]:
    """Our runs that the filter lets through."""
    from prefect.client.schemas.filters import FlowFilter, FlowFilterName

    flows = FlowFilter(name=FlowFilterName(any_=list(FLOWS)))
    found = _all(partial(client.read_flow_runs, flow_filter=flows, flow_run_filter=wanted))
    named = _flows_named(client, _OURS_ALONE)
    return (one for one in found if OWNER_LABEL in one.labels or one.flow_id in named)


def _all(read: Callable[..., list[T]]) -> list[T]:
    """Every page of what a query of the client's finds."""
    found: list[T] = []
    while page := read(limit=_PAGE, offset=len(found)):
        found += page
    return found


def _flows_named(client: SyncPrefectClient, names: Sequence[str]) -> set[UUID]:
    from prefect.client.schemas.filters import FlowFilter, FlowFilterName

    wanted = FlowFilter(name=FlowFilterName(any_=list(names)))
    return {one.id for one in client.read_flows(flow_filter=wanted)}


def _parts(client: SyncPrefectClient, parents: Sequence[UUID]) -> list[FlowRun]:
    """Unfinished flow runs inside these (a nightly's sweep)."""
    from prefect.client.schemas.filters import FlowRunFilterParentFlowRunId

    if not parents:
        return []
    inside = FlowRunFilterParentFlowRunId(any_=list(parents))
    wanted = _unfinished().model_copy(update={"parent_flow_run_id": inside})
    return client.read_flow_runs(flow_run_filter=wanted)


def _unfinished() -> FlowRunFilter:
    from prefect.client.schemas.filters import (
        FlowRunFilter,
        FlowRunFilterState,
        FlowRunFilterStateType,
    )
    from prefect.client.schemas.objects import StateType

    states = [StateType.RUNNING, StateType.PENDING, StateType.CANCELLING]
    return FlowRunFilter(state=FlowRunFilterState(type=FlowRunFilterStateType(any_=states)))


def _unended() -> TaskRunFilter:
    from prefect.client.schemas.filters import (
        TaskRunFilter,
        TaskRunFilterState,
        TaskRunFilterStateType,
    )
    from prefect.client.schemas.objects import StateType

    states = [StateType.RUNNING, StateType.PENDING]
    of_type = TaskRunFilterState(type=TaskRunFilterStateType(any_=states), name=None)
    return TaskRunFilter(state=of_type)


def _ended_before(moment: datetime) -> FlowRunFilter:
    from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterEndTime

    return FlowRunFilter(end_time=FlowRunFilterEndTime(before_=moment))


def _is_old(flow_run: FlowRun) -> bool:
    """Whether a run that no deployment started has gone without a label for too long."""
    made = flow_run.created
    return (
        flow_run.deployment_id is None and made is not None and datetime.now(UTC) - made > _STARTING
    )


def _no(_: FlowRun) -> bool:
    return False


def _crash(client: SyncPrefectClient, flow_run: FlowRun) -> None:
    from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterId
    from prefect.states import Crashed

    inside = FlowRunFilter(id=FlowRunFilterId(any_=[flow_run.id]))
    read = partial(client.read_task_runs, flow_run_filter=inside, task_run_filter=_unended())
    for task in _all(read):
        client.set_task_run_state(task.id, Crashed(message=MESSAGE), force=True)
    client.set_flow_run_state(flow_run.id, Crashed(message=MESSAGE), force=True)


def _remove(client: SyncPrefectClient, flow_run: UUID) -> None:
    from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterFlowRunId

    made = ArtifactFilter(flow_run_id=ArtifactFilterFlowRunId(any_=[flow_run]))
    for artifact in client.read_artifacts(artifact_filter=made):
        client.delete_artifact(artifact.id)
    client.delete_flow_run(flow_run)
