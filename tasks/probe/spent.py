"""What a probe cost, in the ledger: outside every arm's budget."""

from __future__ import annotations

from datetime import UTC, datetime
from importlib.resources import files

from storage import Lake
from tasks.adapt.spent import COUNTS


def write_probe_spent(lake: Lake, run_id: str) -> None:
    """Append what scoring took so far to `spend`, stage `probe`, unless it is there."""
    query = files("tasks.probe").joinpath("spent.sql").read_text(encoding="utf-8")
    rows = lake.sql(query, [run_id]).to_pylist()
    tokens = sum(row["prefill_tokens"] for row in rows)
    place = {"stage": "probe", "spent_at": datetime.now(UTC)}
    spent = [dict.fromkeys(COUNTS, 0) | place | row for row in rows]
    lake.append("spend", spent, run_id=run_id, part=f"probe-{tokens}")
