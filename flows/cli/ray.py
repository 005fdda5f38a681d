"""Ray, for as long as a command needs it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from flows.steps import begins


@contextmanager
def connected_ray() -> Iterator[None]:
    """Within the block this process is connected to Ray; the command ends if its own Ray is lost.

    Raises what `tasks.cluster.cluster` does.
    """
    from flows.ending import end, take_signals
    from tasks.cluster import cluster, is_remote

    if not is_remote():  # joining one takes no time, and may be refused in one line
        begins("starting Ray")
    with cluster(end):
        take_signals()
        yield
