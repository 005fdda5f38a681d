"""Who measures what: one shard at a time may judge a source that several shards hold."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock

from storage.ledger import SourceKey


class Claims:
    """Sources being judged right now, over all threads of a sweep."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._held: set[SourceKey] = set()

    @contextmanager
    def take(self, wanted: set[SourceKey]) -> Iterator[set[SourceKey]]:
        """Hold those of `wanted` that nobody holds, for the length of the block.

        What another holder keeps gets its verdict from there. Read the ledger inside the block:
        a verdict that was written before the claim was free is then seen.
        """
        with self._lock:
            mine = wanted - self._held
            self._held |= mine
        try:
            yield mine
        finally:
            with self._lock:
                self._held -= mine
