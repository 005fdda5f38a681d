"""Runs of killed processes are marked as crashed and old ones removed; others stay as they are."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import pytest
from prefect import flow, task
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.actions import ArtifactCreate
from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterId
from prefect.exceptions import ObjectNotFound
from prefect.settings import PREFECT_API_URL, temporary_settings
from prefect.states import Completed, Running

from flows import leftovers
from flows.adapt import bon_adapt
from flows.nightly import nightly
from flows.owner import is_gone, label, process_name
from flows.probe import probe_run
from flows.rescore import rescore_run
from flows.sweep import bon_sweep
from flows.train import bon_train
from tests.conftest import StartingServer


@pytest.fixture
def client(prefect_starting: StartingServer, prefect_server: str) -> Iterator[SyncPrefectClient]:
    assert prefect_starting.address == prefect_server
    with (
        temporary_settings({PREFECT_API_URL: prefect_server}),
        get_client(sync_client=True) as client,
    ):
        yield client


@pytest.fixture(scope="module")
def dead() -> str:
    """The name of a process that has ended."""
    ask = "from flows.owner import process_name; print(process_name())"
    return subprocess.check_output([sys.executable, "-c", ask], text=True).strip()


def begun(client: SyncPrefectClient, name: str, owner: str | None = None) -> UUID:
    @flow(name=name)
    def body() -> None: ...

    made = client.create_flow_run(body, state=Running())
    if owner is not None:
        label(made.id, owner)
    return made.id


def state(client: SyncPrefectClient, flow_run: UUID) -> str:
    found = client.read_flow_run(flow_run).state_type
    assert found is not None
    return found.value


def test_names_of_processes(dead: str) -> None:
    me = process_name()
    assert not is_gone(me)
    assert is_gone(dead)
    host, ids, pid, start = dead.split("/")
    assert not is_gone(f"elsewhere/{ids}/{pid}/{start}")
    assert not is_gone(f"{host}/pid:[1]/{pid}/{start}")  # a container's, of the same host name
    assert is_gone(f"{me.rpartition('/')[0]}/1")  # an earlier process with our number


def test_runs_of_killed_processes_are_marked(client: SyncPrefectClient, dead: str) -> None:
    flows = (bon_sweep, bon_adapt, bon_train, probe_run, rescore_run, nightly)
    ended = [begun(client, one.name, dead) for one in flows]

    @task
    def step() -> None: ...

    inside = client.create_task_run(step, ended[0], dynamic_key="0", state=Running())
    on = [begun(client, "bon-sweep", process_name()), begun(client, "bon-sweep")]
    on += [begun(client, "nightly"), begun(client, "another-program", dead)]
    on += [begun(client, "bon-sweep", f"elsewhere{dead[dead.index('/') :]}")]
    leftovers.tidy(private=True)
    assert [state(client, one) for one in ended] == ["CRASHED"] * len(flows)
    assert client.read_task_run(inside.id).state_type == "CRASHED"
    assert [state(client, one) for one in on] == ["RUNNING"] * 5


def test_a_run_that_was_never_labelled(
    client: SyncPrefectClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours, others = begun(client, "bon-train"), begun(client, "nightly")
    monkeypatch.setattr(leftovers, "_STARTING", timedelta(0))
    leftovers.tidy(private=False)
    assert state(client, ours) == "RUNNING"  # on a server of the user's: nobody can tell
    leftovers.tidy(private=True)
    assert (state(client, ours), state(client, others)) == ("CRASHED", "RUNNING")


def ended_long_ago(client: SyncPrefectClient, days: int, *flow_runs: UUID) -> None:
    for one in flow_runs:
        client.set_flow_run_state(one, Completed(), force=True)
    with closing(sqlite3.connect(Path(os.environ["PREFECT_HOME"], "prefect.db"))) as database:
        database.execute("PRAGMA busy_timeout = 20000")
        for one in flow_runs:
            set_end = f"UPDATE flow_run SET end_time = datetime(end_time, '-{days} days') "
            assert database.execute(f"{set_end} WHERE id = '{one}'").rowcount == 1
        database.commit()


def test_old_runs_are_removed(client: SyncPrefectClient) -> None:
    old = [begun(client, "bon-sweep"), begun(client, "nightly", process_name())]
    others = [begun(client, "nightly"), begun(client, "another-program", process_name())]
    recent = begun(client, "bon-sweep", process_name())
    made = client.create_artifact(ArtifactCreate(key="old", flow_run_id=old[0]))
    ended_long_ago(client, 91, *old, *others)
    ended_long_ago(client, 89, recent)
    leftovers.tidy(private=False)
    assert [state(client, one) for one in old] == ["COMPLETED"] * 2  # on a server of the user's
    leftovers.tidy(private=True)
    for one in old:
        with pytest.raises(ObjectNotFound):
            client.read_flow_run(one)
    wanted = ArtifactFilter(id=ArtifactFilterId(any_=[made.id]))
    assert client.read_artifacts(artifact_filter=wanted) == []
    assert [state(client, one) for one in [*others, recent]] == ["COMPLETED"] * 3
