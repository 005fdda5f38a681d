"""A watch over the Prefect API: when it has been gone for a while, the command ends.

Prefect's clients try each request for minutes, and each of a hundred tasks reports that at length.
"""

from __future__ import annotations

import logging
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import httpx

from flows import ending

GONE_S = 15.0
"""An API that is not ours may be restarted: for so long nothing is lost by waiting."""

_EVERY_S = 1.0
_ANSWER_S = 4.0

_DEAF = "prefect._internal.concurrency"
"""A logger that takes no notice of `logging.disable`."""


class ApiWatch:
    """Asks the API every second whether it is there, and its database. It takes no credentials."""

    def __init__(
        self,
        address: str,
        server: subprocess.Popen[bytes] | None = None,
        said: Callable[[], str] | None = None,
    ) -> None:
        """`server`: the process behind it if it is ours: once ended, it does not come back.

        `said` gives the first words of the command's last line.
        """
        self._address = address
        self._server = server
        self._said = said or (lambda: f"the Prefect API at {address} went away")
        self._stop = threading.Event()

    def answers(self) -> bool:
        """Whether it answers now."""
        with httpx.Client(timeout=_ANSWER_S, verify=False) as client:
            return self._probe(client)

    @contextmanager
    def running(self) -> Iterator[None]:
        """Watch within the block. Only a command of its own process can be ended."""
        command = ending.current()
        if command is None:
            yield
            return
        thread = threading.Thread(target=self._watch, args=(command,), daemon=True, name="bon-api")
        thread.start()
        try:
            yield
        finally:
            self._stop.set()
            thread.join(timeout=_ANSWER_S)

    def _watch(self, command: ending.Ending) -> None:
        seen = time.monotonic()
        with httpx.Client(timeout=_ANSWER_S, verify=False) as client:
            while not self._stop.wait(_EVERY_S):
                if self._probe(client):
                    seen = time.monotonic()
                    _silence(command, on=False)
                elif not self._stop.is_set():
                    _silence(command, on=True)  # Prefect's workers say it at length
                    if self._ended() or time.monotonic() - seen > GONE_S:
                        command.end(ending.Cause(self._said(), 1))
                        return
        _silence(command, on=False)

    def _ended(self) -> bool:
        return self._server is not None and self._server.poll() is not None

    def _probe(self, client: httpx.Client) -> bool:
        if self._ended():
            return False
        try:
            answer = client.get(f"{self._address}/ready")
        except httpx.HTTPError:
            return False
        return not answer.is_server_error


def _silence(command: ending.Ending, *, on: bool) -> None:
    if on or command.cause is None:
        logging.disable(logging.CRITICAL if on else logging.NOTSET)
        logging.getLogger(_DEAF).disabled = on
