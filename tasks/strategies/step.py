"""The selection step: every strategy at every K, written once per state of the run."""

from __future__ import annotations

from prefect import task
from prefect.cache_policies import NO_CACHE

from storage import Lake
from tasks.strategies.select import select_run


def write_selections(lake: Lake, run_id: str) -> None:
    """Append the run's `selections`; what is there already for the same results is not repeated."""
    rows, part = select_run(lake, run_id)
    lake.append("selections", rows, run_id=run_id, part=part)


select = task(name="select", cache_policy=NO_CACHE, persist_result=False)(write_selections)
