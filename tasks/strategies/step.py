"""The selection step: every strategy at every K, written whenever it differs from what is shown."""

from __future__ import annotations

from prefect import task
from prefect.cache_policies import NO_CACHE

from storage import Lake
from storage.schemas import SELECTIONS
from tasks.strategies.select import content_name, select_run


def write_selections(lake: Lake, run_id: str) -> None:
    """Append the run's `selections` unless `selections_latest` shows just these already."""
    rows = select_run(lake, run_id)
    if lake.parts("selections", run_id):
        shown = lake.sql(f"SELECT {', '.join(SELECTIONS.names)} FROM selections_latest", [run_id])
        # Not by a name of the part: the run may have been here before, and elsewhere since.
        if content_name(shown) == content_name(rows):
            return
    lake.append("selections", rows, run_id=run_id)


select = task(name="select", cache_policy=NO_CACHE, persist_result=False)(write_selections)
