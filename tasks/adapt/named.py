"""Checkpoints as policies: `checkpoint:ID`, as a command names one, and what it stands for.

`checkpoint:ID` becomes `BASE#checkpoint=ID`, which a run keeps: it says which model the adapter is
of, and holds wherever the lake lies. Who loads it takes `BASE#lora=FOLDER`.
"""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from storage import Lake
from storage.folders import file_sha256
from storage.place import in_object_store
from tasks.adapt.adapters import at_hand, checkpoint_of
from tasks.adapt.checkpoint import ADAPTER_FILE
from tasks.errors import AdapterError, RequestError
from tasks.policies.options import options_of, with_options, without_options

PREFIX = "checkpoint:"
OPTION = "checkpoint"

_LISTED = 3

_ROWS = "SELECT * FROM checkpoints ORDER BY run_id, arm, unit, step"
_ONE = "SELECT * FROM checkpoints WHERE checkpoint_id = $id ORDER BY run_id, arm, unit, step"


def named_policy(lake: Lake, policy: str) -> str:
    """What `checkpoint:ID` stands for in this lake; other policies are what they are.

    The first digits of an id will do where no other begins so. Raises RequestError that names the
    nearest ids for one that the lake does not hold.
    """
    if not policy.startswith(PREFIX):
        return policy
    wanted = policy.removeprefix(PREFIX)
    rows = {row["checkpoint_id"]: row for row in lake.sql(_ROWS).to_pylist()}
    found = [wanted] if wanted in rows else [one for one in rows if one.startswith(wanted)]
    if len(found) != 1 or not wanted:
        raise RequestError(_unknown(lake, wanted, rows, found))
    base = without_options(str(rows[found[0]]["policy"]), "lora")
    return with_options(base, {OPTION: found[0]})


def loadable_policy(lake: Lake, policy: str) -> str:
    """What loads a policy that wears a checkpoint of this lake; others are what they are.

    Raises RequestError if the lake does not hold it, AdapterError if its file is gone or not what
    was saved.
    """
    wanted = options_of(policy).get(OPTION)
    if wanted is None:
        return policy
    rows = lake.sql(_ONE, parameters={"id": wanted}).to_pylist()
    if not rows:
        known = {row["checkpoint_id"]: row for row in lake.sql(_ROWS).to_pylist()}
        raise RequestError(_unknown(lake, wanted, known, []))
    checkpoint = checkpoint_of(lake, rows[0], rows[0]["step"])
    folder = checkpoint.folder
    if in_object_store(lake.root):
        at_hand(lake, checkpoint)
    adapter = folder / ADAPTER_FILE
    if not adapter.is_file() or file_sha256(adapter) != rows[0]["sha256"]:
        state = "is not what was saved" if adapter.is_file() else "is not there"
        raise AdapterError(
            f"checkpoint {wanted}: {adapter} {state}; restore it, or remove its folder and go on "
            f"with run {rows[0]['run_id']!r}, which makes it again"
        )
    return with_options(without_options(policy, OPTION), {"lora": folder})


def worn_adapter(policy: str) -> Path | None:
    """The adapter that a loadable policy begins with; None without one."""
    folder = options_of(policy).get("lora")
    return None if folder is None else Path(folder)


def _unknown(lake: Lake, wanted: str, rows: Mapping[str, Any], found: list[str]) -> str:
    if not rows:
        return (
            f"no checkpoint {wanted!r}: lake {lake.root} has none yet; `bon train` and `bon adapt` "
            "make them"
        )
    near = found or get_close_matches(wanted, rows, n=_LISTED, cutoff=0.0)
    told = "; ".join(f"{one} ({_place(rows[one])})" for one in near[:_LISTED])
    if len(found) > 1:
        return (
            f"{len(found)} checkpoints begin with {wanted!r}, among them {told}; write more of it"
        )
    return (
        f"no checkpoint {wanted!r} in lake {lake.root}; the nearest of {len(rows)}: {told} "
        '(`bon sql "FROM checkpoints"` lists all)'
    )


def _place(row: Mapping[str, Any]) -> str:
    unit = "" if row["unit"] == "batch" else f" {row['unit']}"
    return f"run {row['run_id']}, {row['arm']}{unit}, step {row['step']}"
