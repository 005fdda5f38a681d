"""What is asked of the server. The client tries again by itself where that may help."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from tasks.adapt.trainers.tinker.settings import TinkerSettings, check_client, check_server
from tasks.errors import AdapterError, RequestError, TrainingError, in_one_line

_GO_ON_IF_THERE = (
    "start it with the checkpoints that it had, and `bon adapt` with the same --run goes on; if "
    "they are lost, begin another --run"
)
_GO_ON = "nothing is lost: `bon adapt` with the same --run goes on from the checkpoint saved last"


class Session:
    """A session of the server, open for as long as this object lives.

    Raises RequestError if there is no such server, or it has no such base model.
    """

    def __init__(self, settings: TinkerSettings) -> None:
        check_client(settings.address)
        check_server(settings.address)
        from tinker import ServiceClient

        # Its warnings are of what it tries again, and of every archive that it takes a while.
        logging.getLogger("tinker").setLevel(logging.ERROR)
        self._settings = settings
        self.place = settings.address.place
        with self.asking("open a session"):
            self._service = ServiceClient(base_url=settings.address.url, api_key=settings.key)
            served = self._service.get_server_capabilities().supported_models
        self.model = self._chosen([one.model_name for one in served if one.model_name])

    def _chosen(self, served: list[str]) -> str:
        wanted = self._settings.address.options.model
        if wanted in served:
            return str(wanted)
        if wanted is None and len(served) == 1:
            return served[0]
        has = f"{self.place} trains {', '.join(sorted(served)[:20]) or 'no model'}"
        if wanted is None:
            raise RequestError(f"{has}; name one, as in --trainer tinker:...#model=NAME")
        raise RequestError(f"{has}, and not {wanted!r}; name one of them, or another server")

    def fresh(self) -> Any:
        """A training client for the base with an adapter that does nothing yet."""
        settings = self._settings
        made = self._service.create_lora_training_client_async(
            self.model,
            rank=settings.rank,
            seed=settings.seed,
            train_mlp=settings.address.options.targets == "all",
            train_unembed=False,
        )
        return self._awaited(made, f"begin an adapter of rank {settings.rank}")

    def resumed(self, path: str) -> Any:
        """A training client for weights and optimizer that the server has saved.

        Raises AdapterError if they are of another base model or rank.
        """
        made = self._service.create_training_client_from_state_with_optimizer_async(path)
        client = self._awaited(made, f"load {path}", _GO_ON_IF_THERE)
        with self.asking("say what it loaded"):
            info = client.get_info()
        model = info.model_data.model_name or info.model_name
        rank = info.lora_rank
        if model not in (None, self.model) or rank not in (None, self._settings.rank):
            self.release(client)
            raise AdapterError(
                f"{self.place} has {path} as an adapter of rank {rank} for {model}, and the run "
                f"is one of rank {self._settings.rank} for {self.model}; name the run's own server"
            )
        return client

    def answer(self, future: Any, what: str, then: str = _GO_ON) -> Any:
        """Wait for what was asked. Raises TrainingError that ends with what to do `then`."""
        with self.asking(what, then):
            return future.result(self._settings.answer_seconds)

    def _awaited(self, coroutine: Any, what: str, then: str = _GO_ON) -> Any:
        """The client's own waiting verbs know no limit."""
        return self.answer(self._service.holder.run_coroutine_threadsafe(coroutine), what, then)

    def archive(self, path: str, file: Path) -> None:
        """Download the adapter at a path of the server's as a tar archive."""
        import httpx

        run, _, name = path.removeprefix("tinker://").partition("/")
        with self.asking(f"give out {path}"):
            rest = self._service.create_rest_client()
            url = rest.get_checkpoint_archive_url(run, name).result(self._settings.answer_seconds)
            with httpx.stream("GET", url.url, follow_redirects=True, timeout=60.0) as response:
                response.raise_for_status()
                with file.open("wb") as to:
                    for chunk in response.iter_bytes():
                        to.write(chunk)

    def release(self, client: Any) -> None:
        """Give back the server's memory for a training client: it has room for so many. What is
        saved stays."""
        from tinker import TinkerError, types
        from tinker.lib.client_connection_pool_type import ClientConnectionPoolType

        async def unload() -> None:
            with client.holder.aclient(ClientConnectionPoolType.TRAIN) as connection:
                request = types.UnloadModelRequest(model_id=client.model_id)
                await connection.models.unload(request=request, max_retries=0)

        with suppress(TinkerError, TimeoutError):
            client.holder.run_coroutine_threadsafe(unload()).result(10.0)

    def close(self) -> None:
        """End the session: the server hears of it no more."""
        self._service.holder.close()

    @contextmanager
    def asking(self, what: str, then: str = _GO_ON) -> Iterator[None]:
        """Raises TrainingError, in one line, for what the client raises within the block."""
        import httpx
        from tinker import TinkerError
        from tinker.lib.retryable_exception import RetryableException

        # The client puts answers of the server into ValueErrors, too.
        failures = (TinkerError, RetryableException, httpx.HTTPError, ValueError, TimeoutError)
        try:
            yield
        except failures as error:
            raise TrainingError(f"{self._said(what, error)}; {then}") from error

    def _said(self, what: str, error: BaseException) -> str:
        if isinstance(error, TimeoutError) and not str(error):
            seconds = self._settings.answer_seconds
            return f"{self.place} did not {what} within {seconds:g} s"
        said = in_one_line(error)
        if _status(error) == 404:
            return (
                f"{self.place} was to {what} and knows nothing of it (any more): {said}; it has "
                "ended the session, or was started anew"
            )
        return f"{self.place} could not {what}: {said}"


def _status(error: BaseException) -> int | None:
    status = getattr(error, "status_code", None)
    found = re.search(r"status (\d{3})\b", str(error))
    return status or (int(found[1]) if found else None)
