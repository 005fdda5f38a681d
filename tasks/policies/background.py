"""An event loop in a thread of its own, for policies that have many requests under way."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine, Iterator, Sequence
from concurrent.futures import Future
from queue import SimpleQueue
from typing import Any, TypeVar

from tasks.errors import RequestError

T = TypeVar("T")


class BackgroundLoop:
    """Runs coroutines for callers in any thread."""

    def __init__(self, name: str) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name=name, daemon=True)
        self._thread.start()

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Wait for its result."""
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result()

    def stream(self, coroutines: Sequence[Coroutine[Any, Any, T]]) -> Iterator[tuple[int, T]]:
        """(position, result) as they finish; they run side by side.

        When one fails, the others go on and their results are handed out before its error is
        raised; after a RequestError, which the others would meet too, they are cancelled instead.
        Closing the iterator cancels what is left.
        """
        done: SimpleQueue[Future[T]] = SimpleQueue()
        running = [asyncio.run_coroutine_threadsafe(one, self._loop) for one in coroutines]
        places = {future: position for position, future in enumerate(running)}
        for future in running:
            future.add_done_callback(done.put)
        failure: BaseException | None = None
        try:
            for _ in running:
                future = done.get()
                if future.cancelled():
                    continue
                error = future.exception()
                if error is None:
                    yield places[future], future.result()
                elif failure is None:
                    failure = error
                    if isinstance(failure, RequestError):
                        for one in running:
                            one.cancel()
        finally:
            for one in running:
                one.cancel()
        if failure is not None:
            raise failure

    def close(self) -> None:
        """Stop the loop; what still runs in it is abandoned."""
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(timeout=5)
