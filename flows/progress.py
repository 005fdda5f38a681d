"""Progress of a sweep: bars in the terminal, progress artifacts in Prefect."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from threading import Lock
from typing import cast
from uuid import UUID

from prefect.artifacts import create_progress_artifact, update_progress_artifact
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

_ARTIFACT_SECONDS = 3.0
"""An update is an API call of some 10 ms: often enough to watch, too rare to cost."""

_PLAIN_SECONDS = 15.0
"""Between lines where stderr is no terminal."""


class SweepProgress:
    """One bar and one artifact per stage; `advance` may be called from any thread."""

    def __init__(self, totals: Mapping[str, int], console: Console | None = None) -> None:
        """`totals`: candidates to go through each stage, in order of the stages."""
        self._console = console or Console(stderr=True)
        self._bars = Progress(
            TextColumn("{task.description:>9}"),
            BarColumn(bar_width=32),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            console=self._console,
            disable=not self._console.is_terminal,
        )
        self._totals = dict(totals)
        self._done = dict.fromkeys(totals, 0)
        self._bar: dict[str, TaskID] = {
            stage: self._bars.add_task(stage, total=total) for stage, total in totals.items()
        }
        self._artifact: dict[str, UUID] = {}
        self._lock = Lock()
        self._told = self._printed = time.monotonic()

    @contextmanager
    def shown(self) -> Iterator[SweepProgress]:
        """Show the bars for the length of the block. To be entered inside a flow run."""
        for stage in self._totals:
            artifact = create_progress_artifact(
                progress=self._percent(stage),
                key=f"bon-{stage}",
                description=f"{stage}: {self._totals[stage]}",
            )
            self._artifact[stage] = cast("UUID", artifact)  # a coroutine only in async flows
        with self._bars:
            yield self
        self._tell()

    def advance(self, stage: str, count: int = 1) -> None:
        """`count` more candidates are through `stage`."""
        with self._lock:
            self._done[stage] = min(self._done[stage] + count, self._totals[stage])
            self._bars.update(self._bar[stage], completed=self._done[stage])
            now = time.monotonic()
            tell = now - self._told >= _ARTIFACT_SECONDS
            if tell:
                self._told = now
            if not self._console.is_terminal and now - self._printed >= _PLAIN_SECONDS:
                self._printed = now
                self._print_line()
        if tell:
            self._tell()

    def _print_line(self) -> None:
        parts = (f"{stage} {self._done[stage]}/{n}" for stage, n in self._totals.items())
        self._console.print("  ".join(parts), highlight=False)

    def _percent(self, stage: str) -> float:
        total = self._totals[stage]
        return 100.0 if total == 0 else 100.0 * self._done[stage] / total

    def _tell(self) -> None:
        for stage, artifact in self._artifact.items():
            update_progress_artifact(artifact_id=artifact, progress=self._percent(stage))
