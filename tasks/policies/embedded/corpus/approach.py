"""The registry of approaches: one function writes one way to solve one problem."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from tasks.policies.embedded.corpus.style import Style

Quality = Literal["naive", "good", "expert", "cheat"]
Writer = Callable[[Style], str]


@dataclass(frozen=True)
class Approach:
    """One way to solve one problem. How often it is written stands in frequencies.toml alone."""

    problem_id: int
    name: str
    quality: Quality
    mode: Literal["module", "body"]
    backend: str
    write: Writer


APPROACHES: list[Approach] = []


def approach(
    problem_id: int,
    quality: Quality,
    *,
    mode: Literal["module", "body"] = "module",
    backend: str = "cpp",
) -> Callable[[Writer], Writer]:
    """Register a writer under its function's name. A writer draws all its variety from `Style`."""

    def keep(write: Writer) -> Writer:
        APPROACHES.append(Approach(problem_id, write.__name__, quality, mode, backend, write))
        return write

    return keep
