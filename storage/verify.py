"""All of a lake looked into at once, for `bon doctor --lake`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from storage.duckdb_file import FILE_NAME, is_whole
from storage.errors import LakeDamagedError
from storage.lake import Lake
from storage.place import in_object_store, reason
from storage.schemas import TABLES
from storage.sound import survey


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
        checked += sum(seal.columns is not None for seal in seals)
        unchecked += sum(seal.columns is None for seal in seals)
        damages += [line for run_id in sorted(found.damages) for line in found.damages[run_id]]
    return Report(checked, unchecked, (*damages, *_views_file(lake.root)))


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
