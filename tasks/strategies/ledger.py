"""The budget ledger: what runs spent, by stage. By strategy it is in the document's curves."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.resources import files

import pyarrow as pa

from storage import Lake


def run_ledger(lake: Lake, run_ids: Sequence[str]) -> pa.Table:
    """run_id, stage, rollouts, prompt_tokens, completion_tokens, evaluations, seconds.

    Nulls where a stage has no such thing, or where it was not recorded. Raises storage's
    RunUnknownError.
    """
    lake.check_runs(run_ids)
    query = files("tasks.strategies").joinpath("ledger.sql").read_text(encoding="utf-8")
    return lake.sql(query, run_ids)
