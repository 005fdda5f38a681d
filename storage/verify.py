"""All of a lake looked into at once, for `bon doctor --lake`."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from storage.duckdb_file import FILE_NAME, is_whole
from storage.errors import LakeDamagedError, LakeError
from storage.folders import file_sha256
from storage.lake import Lake
from storage.layout import is_part
from storage.place import in_object_store, os_errors, reason
from storage.schemas import TABLES
from storage.sound import survey

_RUN = re.compile(r"schema=v\d+/run_id=[^/]+")


@dataclass(frozen=True)
class Report:
    """What is sound in a lake, and what is not."""

    checked: int
    """Parts whose checksum and place are right."""
    unchecked: int
    """Parts without a checksum, as earlier releases wrote them; their columns fit."""
    damages: tuple[str, ...]
    """One line for each directory or file that is not sound: which, why, and the mend."""

    @property
    def sound(self) -> bool:
        return not self.damages


def verify(lake: Lake) -> Report:
    """Read every part of every table. Raises OSError if an object store cannot be reached."""
    checked = unchecked = 0
    damages: list[str] = []
    for table in TABLES:
        try:
            found = survey(lake.root, [table], None)
        except LakeDamagedError as error:
            damages.append(str(error))
            continue
        seals = [part.seal for parts in found.parts[table].values() for part in parts]
        checked += sum(seal.sealed for seal in seals)
        unchecked += sum(not seal.sealed for seal in seals)
        damages += [line for run_id in sorted(found.damages) for line in found.damages[run_id]]
    damages += [*_checkpoints(lake), *_strays(lake.root), *_views_file(lake.root)]
    return Report(checked, unchecked, tuple(damages))


_SAVED = """
    SELECT DISTINCT run_id, c.path, c.files, if(r.kind = 'train', 'train', 'adapt') AS command
    FROM checkpoints AS c
    LEFT JOIN runs_latest AS r USING (run_id)
    WHERE c.files IS NOT NULL ORDER BY ALL
"""


def _checkpoints(lake: Lake) -> Iterator[str]:
    """Files of checkpoints that are not what their row says. Raises OSError."""
    try:
        rows = lake.sql(_SAVED).to_pylist()
    except LakeError:  # none of the tables is sound, and that has been said
        return
    for row in rows:
        for name, sha256 in json.loads(row["files"]).items():
            place = lake.root / row["path"] / name
            try:
                with os_errors():
                    why = "is not what was saved" if file_sha256(place) != sha256 else None
            except FileNotFoundError:
                why = "is not there"
            if why is not None:
                yield (
                    f"{place} {why}; remove its folder, and `bon {row['command']} --run "
                    f"{row['run_id']}` makes it again"
                )


def _strays(root: Path) -> Iterator[str]:
    """Parts that no query finds, for they lie in no run's directory."""
    if in_object_store(root):
        return
    for table in TABLES:
        for directory, _, names in os.walk(root / table):
            place = Path(directory).relative_to(root).parts[1:]
            if len(place) == 2 and _RUN.fullmatch("/".join(place)):
                continue
            for name in sorted(filter(is_part, names)):
                yield (
                    f"{Path(directory) / name} lies in no run's directory, so that no query finds "
                    "it; move it back to where it was, or out of the lake"
                )


def _views_file(root: Path) -> list[str]:
    path = root / FILE_NAME
    try:
        if in_object_store(root) or is_whole(path.read_text("utf-8")):
            return []
        why = "is not as it was written"
    except FileNotFoundError:
        return []
    except (OSError, UnicodeDecodeError) as error:
        why = f"cannot be read ({reason(error)})"
    return [f"{path} {why}; remove it: the next sweep or import writes it again"]
