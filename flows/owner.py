"""Which process a flow run ends with: a label of the run, for those that come after a kill."""

from __future__ import annotations

import os
import platform
from uuid import UUID

import psutil
from prefect.client.orchestration import get_client

OWNER_LABEL = "bon.process"


def process_name() -> str:
    """This process as a label names it: host, namespace of process ids, process id, start time."""
    me = psutil.Process()
    return f"{_ids_of()}/{me.pid}/{me.create_time():.0f}"


def is_gone(name: str) -> bool:
    """Whether this is the name of a process that has ended. False for another machine's."""
    ids_of, pid, started = name.rsplit("/", 2)
    if ids_of != _ids_of():
        return False
    try:
        return f"{psutil.Process(int(pid)).create_time():.0f}" != started
    except psutil.NoSuchProcess:
        return True


def label(flow_run: UUID, owner: str) -> None:
    """Have the flow run say which process it ends with."""
    with get_client(sync_client=True) as client:
        client.update_flow_run_labels(flow_run, {OWNER_LABEL: owner})


def _ids_of() -> str:
    """What process ids here are ids of: containers of one host name may have their own."""
    return f"{platform.node()}/{os.readlink('/proc/self/ns/pid')}"  # noqa: PTH115
