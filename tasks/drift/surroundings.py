"""What else differs between two runs: software, settings of the judge, machine."""

from __future__ import annotations

import json
from importlib.resources import files
from typing import Any

from storage import Lake


def differences(lake: Lake, before: str, now: str) -> list[str]:
    """One clause each, as in "torch 2.12.0 → 2.13.0"; empty if the runs' rows say the same."""
    query = files("tasks.drift").joinpath("surroundings.sql").read_text(encoding="utf-8")
    rows = {row["run_id"]: row for row in lake.sql(query, [before, now]).to_pylist()}
    if before not in rows or now not in rows:
        return []
    old, new = _flat(rows[before]), _flat(rows[now])
    return [
        f"{name} {old.get(name, 'unknown')} → {new.get(name, 'unknown')}"
        for name in sorted(old.keys() | new.keys())
        if old.get(name) != new.get(name)
    ]


def _flat(row: dict[str, Any]) -> dict[str, str]:
    found = {"judge's settings": row["harness_id"], "machine": row["host"]}
    found["policy"] = row["policy_id"]
    found |= json.loads(row["versions"])
    return {name: str(value) for name, value in found.items() if value is not None}
