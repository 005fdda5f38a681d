"""Requests that survive a bad hour: retries with back-off, a pause that all share, one deadline.

httpx and not OpenAI's own client: that one hides its retries, and here every failure has to be
seen, since a shared pause, the patience with a server and the token budget depend on it.
"""

from __future__ import annotations

import asyncio
import email.utils
import random
import time
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any, TypeVar
from urllib.parse import urlsplit

import httpx

from tasks.errors import PolicyUnavailableError, RequestError
from tasks.policies.openai import Address, EndpointOptions

T = TypeVar("T")

_TRANSIENT = {408, 409, 425, 429}
_FIRST_PAUSE, _LONGEST_PAUSE = 0.5, 30.0
_LEAST_ATTEMPTS = 3
_CONNECT_SECONDS = 10.0


class BadAnswerError(Exception):
    """An answer that says nothing usable: cut short, no JSON, fields missing. Asked for again."""


class _AgainError(Exception):
    """A failure that may pass. `pause`: seconds that the server asked for."""

    def __init__(self, reason: str, pause: float | None = None) -> None:
        super().__init__(reason)
        self.pause = pause


class EndpointClient:
    """One server and its key. For one event loop.

    Raises, from every request: RequestError where asking again cannot help (key refused, no such
    model, a request that the server rejects), PolicyUnavailableError where patience ran out.
    """

    def __init__(self, address: Address, options: EndpointOptions, key: str | None) -> None:
        self._host = urlsplit(address.url).netloc
        self._key_name = options.key
        self._key = key
        self._timeout = options.timeout
        self._patience = options.patience
        self._slots = asyncio.Semaphore(options.concurrency)
        self._spacing = 60.0 / options.rpm if options.rpm else 0.0
        self._next_start = self._paused_until = 0.0
        self._failing_since: float | None = None
        self._http = httpx.AsyncClient(
            base_url=address.url + "/",
            headers={"Authorization": f"Bearer {key}"} if key else {},
            timeout=httpx.Timeout(None, connect=_CONNECT_SECONDS),
            limits=httpx.Limits(max_connections=options.concurrency),
        )

    async def close(self) -> None:
        await self._http.aclose()

    async def get(self, path: str) -> object:
        """The JSON at `path`; None if the server has nothing there. One attempt.

        Raises RequestError besides if nobody answers.
        """
        try:
            response = await self._http.get(path, timeout=_CONNECT_SECONDS)
            if response.status_code == HTTPStatus.NOT_FOUND:
                return None
            return self._json(response)
        except (httpx.TransportError, _AgainError, BadAnswerError) as error:
            raise RequestError(
                f"cannot use the server at {self._host}: {_words(error)}; "
                "start it, or mend the address in openai:MODEL@URL"
            ) from None

    async def tell(self, path: str, body: Mapping[str, Any]) -> bool:
        """Whether the server knows `path`; what it answers is not read. One attempt.

        Raises RequestError besides if nobody answers, or it says that something failed.
        """
        try:
            response = await self._http.post(path, json=body, timeout=self._timeout)
            if response.status_code == HTTPStatus.NOT_FOUND and "error" not in response.text:
                return False
        except httpx.TransportError as error:
            raise RequestError(
                f"the server at {self._host} did not do {path}: {_words(error)}"
            ) from None
        if response.status_code in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
            self._json(response)
        if not response.is_success:
            raise RequestError(
                f"the server at {self._host} did not do {path} ({response.status_code}): "
                f"{self._said(response)}"
            )
        return True

    async def ask(self, path: str, body: Mapping[str, Any], read: Callable[[Any], T]) -> T:
        """What `read` makes of the JSON that answers `body`; asked again while it fails.

        read: raises BadAnswerError for an answer that is to be asked for again.
        """
        first_failure: float | None = None
        attempt = 0
        while True:
            try:
                async with self._slots:
                    await self._turn()
                    answer = read(await self._once(path, body))
            except (httpx.TransportError, TimeoutError, BadAnswerError, _AgainError) as error:
                now = time.monotonic()
                attempt += 1
                first_failure = first_failure or now
                self._failing_since = self._failing_since or now
                asked = error.pause if isinstance(error, _AgainError) else None
                pause = asked or _back_off(attempt)
                # A server that is down or asks for time gets it from all requests; a single bad
                # answer is this request's own.
                if asked or isinstance(error, httpx.TransportError):
                    self._paused_until = max(self._paused_until, now + pause)
                self._give_up_if_hopeless(error, attempt, first_failure, asked)
                await asyncio.sleep(pause)
            else:
                self._failing_since = None
                return answer

    async def _once(self, path: str, body: Mapping[str, Any]) -> Any:
        async with asyncio.timeout(self._timeout):
            return self._json(await self._http.post(path, json=body))

    async def _turn(self) -> None:
        """Wait out the shared pause and the spacing between requests."""
        while (wait := self._paused_until - time.monotonic()) > 0:
            await asyncio.sleep(wait)
        if self._spacing:
            start = max(self._next_start, time.monotonic())
            self._next_start = start + self._spacing
            await asyncio.sleep(start - time.monotonic())

    def _give_up_if_hopeless(
        self, error: Exception, attempt: int, first_failure: float, asked: float | None
    ) -> None:
        now = time.monotonic()
        server_down = now - (self._failing_since or now) >= self._patience
        this_one = now - first_failure >= self._patience
        too_long = asked is not None and asked > self._patience
        if too_long or ((server_down or this_one) and attempt >= _LEAST_ATTEMPTS):
            raise PolicyUnavailableError(
                f"the server at {self._host} fails ({_words(error)}), longer than "
                f"patience={self._patience:g} s; what was drawn is kept, and the run goes on with "
                "--run when it is back"
            ) from None

    def _json(self, response: httpx.Response) -> Any:
        status = response.status_code
        if status == HTTPStatus.OK:
            try:
                return response.json()
            except ValueError:
                raise BadAnswerError("an answer that is no JSON") from None
        if status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
            # Without the server's words: they may quote the key.
            held = f"refuses the key in ${self._key_name}" if self._key else "wants a key"
            raise RequestError(
                f"the server at {self._host} {held} (status {status}); "
                f"put a valid one into the environment variable {self._key_name}, or name another "
                "with #key=NAME"
            )
        said = self._said(response)
        if status in _TRANSIENT or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            if "insufficient_quota" in said:
                raise PolicyUnavailableError(f"the quota at {self._host} is used up: {said}")
            raise _AgainError(f"status {status}", _retry_after(response))
        if HTTPStatus.MULTIPLE_CHOICES <= status < HTTPStatus.BAD_REQUEST:
            raise RequestError(f"the server at {self._host} redirects; give its final address")
        raise RequestError(f"the server at {self._host} rejects the request ({status}): {said}")

    def _said(self, response: httpx.Response) -> str:
        text = response.text[:2000]
        if self._key:
            text = text.replace(self._key, "***")
        return " ".join(text.split())[:300]


def _back_off(attempt: int) -> float:
    """Doubling, with jitter, so that requests that failed together come back apart."""
    longest = min(_LONGEST_PAUSE, _FIRST_PAUSE * 2.0 ** (attempt - 1))
    return longest * random.uniform(0.5, 1.0)


def _retry_after(response: httpx.Response) -> float | None:
    """Seconds, from a number or a date (RFC 9110, 10.2.3)."""
    value = response.headers.get("Retry-After", "").strip()
    if not value:
        return None
    try:
        return max(float(value), 0.0)
    except ValueError:
        pass
    try:
        date = email.utils.parsedate_to_datetime(value)
    except ValueError:
        return None
    return max(date.timestamp() - time.time(), 0.0)


def _words(error: BaseException) -> str:
    if isinstance(error, TimeoutError):
        return "no answer in time"
    return " ".join(str(error).split())[:200] or type(error).__name__
