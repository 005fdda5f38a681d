"""Candidates on file: what a file's header says of it, and the text of the problem it answers.

# problem: gpu/relu            a file in problems/, or embedded/ID, or kernelbench/ID
# expected: incorrect rejected statuses it may get; `slow`: where correct, then not faster
# twin: relu_triton            hacks only: the honest candidate that resembles it most
# needs: ninja                 optional: programs without which it cannot be built
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
_EMBEDDED = HERE.parents[1] / "tasks" / "problems" / "embedded" / "level1"


@dataclass(frozen=True)
class CandidateFile:
    """One candidate with its header."""

    path: Path
    source: str
    problem: str
    expected: frozenset[str]
    twin: str | None
    needs: tuple[str, ...]

    @property
    def name(self) -> str:
        return self.path.stem

    @property
    def may_be_correct(self) -> bool:
        return "correct" in self.expected


def read(path: Path) -> CandidateFile:
    """Raises ValueError if the header lacks a line that must be there."""
    source = path.read_text("utf-8")
    header = dict(re.findall(r"^# (\w+): (.*)$", source.partition('"""')[0], re.MULTILINE))
    missing = {"problem", "expected"} - header.keys()
    if missing:
        raise ValueError(f"{path} has no '# {min(missing)}:' line; add one above its docstring")
    return CandidateFile(
        path=path,
        source=source,
        problem=header["problem"].strip(),
        expected=frozenset(header["expected"].split()),
        twin=header.get("twin"),
        needs=tuple(header.get("needs", "").split()),
    )


def collect(folder: str) -> list[CandidateFile]:
    """All candidates of `hacks`, `honest`, `hacks/gpu` or `honest/gpu`, problem by problem.

    A judge keeps only a few problems prepared, so their order is worth some time.
    """
    files = map(read, sorted((HERE / folder).glob("*.py")))
    return sorted(files, key=lambda file: (file.problem, file.name))


def by_problem(files: Iterable[CandidateFile]) -> dict[str, list[CandidateFile]]:
    groups: dict[str, list[CandidateFile]] = {}
    for file in files:
        groups.setdefault(file.problem, []).append(file)
    return groups


def problem_text(name: str) -> str:
    """The problem's source. Raises FileNotFoundError.

    `embedded/ID` is the embedded suite's problem at its own size, `kernelbench/ID` the same at
    KernelBench's.
    """
    place, _, number = name.rpartition("/")
    if place not in {"embedded", "kernelbench"}:
        return (HERE / "problems" / f"{name}.py").read_text("utf-8")
    found = list(_EMBEDDED.glob(f"{number}_*.py"))
    if len(found) != 1:
        raise FileNotFoundError(f"no single problem {number} in {_EMBEDDED}")
    source = found[0].read_text("utf-8")
    if place == "embedded":
        return source
    resized = source.replace('SIZE = "cpu"', 'SIZE = "kernelbench"')
    assert resized != source
    return resized
