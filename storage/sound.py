"""Which parts of a lake can be believed: each is checked against its seal once in a process."""

from __future__ import annotations

import os
import stat
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import IO

from storage import mirror
from storage.errors import LakeDamagedError
from storage.layout import COMPANIONS, SCHEMA_DIR, run_directory
from storage.listing import Stamp, list_table, run_directories, stamp
from storage.place import in_object_store, reason
from storage.seal import Seal, read_seal

_AT_ONCE = 8

COST = {
    "runs": "the settings of the run are then lost, and have to be given again to resume it",
    "problems": "resuming the run writes it again",
    "candidates": "resuming the run draws again what is then missing",
    "token_logprobs": "the log-probabilities of those draws' single tokens are then lost",
    "evaluations": "resuming the run judges again what is then missing",
    "timings": "the raw trials behind those verdicts are then lost, the verdicts stay",
    "selections": "resuming the run computes it again",
    "rescores": "bon rescore computes it again",
    "refusals": "resuming the run asks the judge again",
    "checkpoints": "those adapters are then not found, and resuming the run trains them again",
    "train_steps": "the figures of those steps are then lost, and resuming the run makes them anew",
    "train_items": "what those steps learned from is then lost, the steps stay",
    "anchors": "resuming the run measures anew what is then missing",
    "probes": "bon probe computes it again",
    "spend": "what those stages cost is then lost, and budgets are too small",
}
"""Table → what it costs to move one of its parts out of the lake."""


@dataclass(frozen=True)
class Part:
    """One file of a table, looked into."""

    path: Path
    """To read it by: of an object, its copy beside the reader."""
    seal: Seal


@dataclass
class Survey:
    """What queries over some tables may read, and what they must not."""

    parts: dict[str, dict[str, list[Part]]] = field(default_factory=dict)
    """Table → run → its parts, sorted by name."""
    damages: dict[str, list[str]] = field(default_factory=dict)
    """Run → a line for each directory or part of it that is not sound: which, why, and the mend."""

    def paths(self, table: str) -> list[Path]:
        """The parts of the runs without damage."""
        return [path for paths in self.alike(table) for path in paths]

    def alike(self, table: str) -> list[list[Path]]:
        """The same, in groups of equal columns: in each, one footer tells the columns of all."""
        groups: dict[str, list[Path]] = defaultdict(list)
        for run_id, parts in sorted(self.parts.get(table, {}).items()):
            if run_id not in self.damages:
                for part in parts:
                    groups[part.seal.columns].append(part.path)
        return [groups[columns] for columns in sorted(groups)]


def survey(root: Path, tables: Collection[str], run_ids: Sequence[str] | None) -> Survey:
    """Look into every part of these tables (of those runs).

    Raises LakeDamagedError if a table's directory cannot be listed, OSError if an object store
    cannot be reached.
    """
    found = Survey()
    damages: dict[str, list[str]] = defaultdict(list)
    for table in tables:
        listing = list_table(root, table, run_ids)
        for run_id, why in listing.unreadable.items():
            damages[run_id].append(why)
        for run_id, why in _vanished(root, table, run_ids, listing.parts):
            damages[run_id].append(why)
        copies: Path = root
        failed: dict[str, OSError] = {}
        if in_object_store(root):
            copies, failed = mirror.mirrored(root, table, listing.objects, run_ids)
        runs: dict[str, dict[str, Stamp | OSError]] = {run_id: {} for run_id in listing.parts}
        for run_id, parts in listing.parts.items():
            for name, known in parts.items():
                error = failed.get(f"run_id={run_id}/{name}")
                if not isinstance(error, FileNotFoundError):  # else removed a moment ago
                    runs[run_id][name] = error or known
        found.parts[table] = {}
        for run_id, sound, lines in _looked_into(root, copies, table, runs):
            found.parts[table][run_id] = sound
            damages[run_id] += lines
    found.damages = {run_id: lines for run_id, lines in damages.items() if lines}
    return found


def unsound(path: Path, table: str, run_id: str, known: Stamp | OSError) -> str | None:
    """The line that tells what is wrong with a part that lies in a directory, or None."""
    place = _place(table, run_id, path.name)
    seal = known if isinstance(known, OSError) else _seal(path, place, known)
    return None if seal is None else _line(path, table, seal)


def unsound_content(file: IO[bytes], path: Path, table: str, run_id: str) -> str | None:
    """As `unsound`, of the bytes of an object."""
    return _line(path, table, read_seal(file, _place(table, run_id, path.name)))


def vanished(root: Path, table: str, run_id: str) -> str | None:
    """The line that tells of a run's directory that is gone while its companion is there."""
    held = {} if in_object_store(root) else list_table(root, table, [run_id]).parts
    return next((why for _, why in _vanished(root, table, [run_id], held)), None)


def _vanished(
    root: Path, table: str, run_ids: Sequence[str] | None, held: Collection[str]
) -> Iterator[tuple[str, str]]:
    if in_object_store(root):  # where there are no directories
        return
    for companion in (name for name, owner in COMPANIONS.items() if owner == table):
        with suppress(LakeDamagedError):  # of a table that nobody asked for
            known = run_directories(root, companion) if run_ids is None else run_ids
            absent = [run_id for run_id in known if run_id not in held]
            for run_id, parts in list_table(root, companion, absent).parts.items():
                gone = run_directory(root, table, run_id)
                there = run_directory(root, companion, run_id)
                if parts and not gone.exists():  # else made a moment ago
                    yield (
                        run_id,
                        f"{gone} is gone, while {there} holds what belongs to it; restore it or "
                        f"mount it again, or make an empty one if it is lost ({COST[table]})",
                    )


def _looked_into(
    root: Path, copies: Path, table: str, runs: Mapping[str, Mapping[str, Stamp | OSError]]
) -> Iterator[tuple[str, list[Part], list[str]]]:
    """(run, its parts, a line for each that is not sound)."""
    todo = [
        (run_directory(copies, table, run_id) / name, _place(table, run_id, name), known)
        for run_id, parts in runs.items()
        for name, known in sorted(parts.items())
    ]
    seals = _seals(root, copies, todo)
    for run_id, parts in runs.items():
        here, there = run_directory(root, table, run_id), run_directory(copies, table, run_id)
        sound: list[Part] = []
        lines: list[str] = []
        first: dict[str, str] = {}
        for name in sorted(parts):
            seal = seals[there / name]
            if seal is None:
                continue
            line = _line(here / name, table, seal)
            if line is None and isinstance(seal, Seal):
                twin = first.setdefault(seal.digest, name)
                if twin != name:
                    line = (
                        f"{here / name} holds the same bytes as {twin}; "
                        "move one of the two out of the lake: nothing is lost"
                    )
                sound.append(Part(there / name, seal))
            if line is not None:
                lines.append(line)
        yield run_id, sound, lines


_Look = tuple[Path, PurePosixPath, "Stamp | OSError"]


def _seals(root: Path, copies: Path, todo: Sequence[_Look]) -> dict[Path, Seal | OSError | None]:
    def seal(one: _Look) -> Seal | OSError | None:
        path, place, known = one
        if isinstance(known, OSError):
            return known
        if copies is root:
            return _seal(path, place, known)
        found = _seal(path, place, None)
        if isinstance(found, Seal) and found.damage is None:
            return found
        with suppress(FileNotFoundError):  # the copy may be what is damaged, not the object
            mirror.fetch_again(root / place, path)
        return _seal(path, place, None)

    new = [one for one in todo if _checked.get(one[0], (None,))[0] != one[2]]
    if len(new) < 4:
        return {one[0]: seal(one) for one in todo}
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        return dict(zip((one[0] for one in todo), pool.map(seal, todo), strict=True))


_checked: dict[Path, tuple[Stamp, PurePosixPath, Seal]] = {}


def _seal(path: Path, place: PurePosixPath, known: Stamp | None) -> Seal | OSError | None:
    """Of a file, which is read unless it is as it was; None if it is there no more."""
    before = _checked.get(path)
    if before and before[:2] == (known, place):
        return before[2]
    try:
        with _regular(path) as file:
            now = stamp(os.fstat(file.fileno()))
            if before and before[:2] == (now, place):
                return before[2]
            seal = read_seal(file, place)
    except OSError as error:
        gone = isinstance(error, FileNotFoundError) and not path.is_symlink()
        return None if gone else error
    _checked[path] = (now, place, seal)
    return seal


@contextmanager
def _regular(path: Path) -> Iterator[IO[bytes]]:
    # A pipe of that name would otherwise wait for a writer.
    with open(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:  # noqa: PTH123
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise OSError(0, "it is no regular file")
        yield file


def _place(table: str, run_id: str, name: str) -> PurePosixPath:
    return PurePosixPath(table, SCHEMA_DIR, f"run_id={run_id}", name)


def _line(path: Path, table: str, seal: Seal | OSError) -> str | None:
    mend = f"restore it from a copy, or move it out of the lake: {COST[table]}"
    if isinstance(seal, OSError):
        dangling = isinstance(seal, FileNotFoundError)
        why = "it links to what is not there" if dangling else reason(seal)
        return f"{path} cannot be read ({why}); mend its permissions, {mend}"
    if seal.damage is None:
        return None
    if seal.misplaced:
        return f"{path} {seal.damage}; move it there, or out of the lake"
    return f"{path} {seal.damage}; {mend}"
