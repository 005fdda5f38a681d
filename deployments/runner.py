"""`bon serve`: register deployments, run what is asked of them, and end without a run left over."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
from prefect import runner
from prefect.client.orchestration import SyncPrefectClient, get_client

from deployments.catalogue import Entry, catalogue
from deployments.serve import Served
from flows import ending
from flows.cli.printing import complain
from flows.deployed import SERVER
from flows.leftovers import end_runs, left_behind, of_deployments, prune, run_by
from flows.owner import process_name
from flows.prefect_api import own_folder
from flows.prefect_watch import ApiWatch
from flows.told import tell_where_runs_go

_STOP_S = 90.0
"""For the runs under way to be cancelled, one after another, once `bon serve` is to end."""

_AGAIN_S = 0.5
_DAY_S = 24 * 3600.0


def serve_catalogue(served: Served, entries: Sequence[Entry] | None = None) -> None:
    """Register and serve `entries` (default: the catalogue) until this process is to end."""
    entries = catalogue() if entries is None else entries
    os.environ[SERVER] = process_name()
    watch = ApiWatch(served.address, served.server, served.gone)
    logging.getLogger("prefect.runner.flow_run_executor").addFilter(_not_said_already)
    with own_folder("bon-serve-") as folder, watch.running():
        asyncio.run(_serve(entries, Runner(folder), served))


class Runner(runner.Runner):
    """Prefect's runner, which starts each flow in a process of its own; ended from outside."""

    def __init__(self, folder: Path) -> None:
        """`folder`: for its files; Prefect's own choice is one of a fixed name in /tmp."""
        # The default pauses every schedule when this process ends, and so loses the nights after.
        super().__init__(name="bon-serve", pause_on_shutdown=False)
        self._tmp_dir = folder / "storage"

    def handle_sigterm(self, *args: Any, **kwargs: Any) -> None:
        """Nothing: Prefect's waits inside the event loop for that very loop (see flows.ending)."""

    async def ended(self, serving: asyncio.Task[None]) -> None:
        """Cancel the runs under way and wait for `serving`, the task of `start`.

        Again and again, for the runs that were just being started. Raises what `serving` raised.
        """
        if not self.started and not serving.done():
            serving.cancel()
        while not serving.done():
            with suppress(RuntimeError):  # it has been stopped already
                await self.astop()
            await self.cancel_all()
            await asyncio.wait({serving}, timeout=_AGAIN_S)
        with suppress(asyncio.CancelledError):
            await serving


async def _serve(entries: Sequence[Entry], runner: Runner, served: Served) -> None:
    ids = [await entry.register(runner) for entry in entries]
    mine = of_deployments(ids if served.alone else [])
    with get_client(sync_client=True) as client:
        if ended := end_runs(client, left_behind(unlabelled=mine)):
            complain(f"{ended} unfinished runs of processes that have ended are now Crashed")
        _tell_what_is_served(entries)
        pruning = asyncio.create_task(_prune_daily(client if served.server else None))
        await _until_asked(runner)
        pruning.cancel()
        end_runs(client, run_by(process_name()))


async def _prune_daily(client: SyncPrefectClient | None) -> None:
    """Of a server that we started. What another keeps is its owner's choice."""
    while client is not None:
        with suppress(httpx.HTTPError):  # it is tried again tomorrow
            await asyncio.to_thread(prune, client)
        await asyncio.sleep(_DAY_S)


def _tell_what_is_served(entries: Sequence[Entry]) -> None:
    tell_where_runs_go()
    for entry in entries:
        when = f" Starts at {entry.cron!r} in {entry.timezone}." if entry.cron else ""
        complain(f"serving {entry.full_name}: {entry.description}{when}")


def _not_said_already(record: logging.LogRecord) -> bool:
    """False for what Prefect adds once a flow run's process has logged its failure and ended."""
    added = ("Process exited with status code: 1.", "Check the flow run logs for an unhandled")
    return not record.getMessage().startswith(added)


_CANCELLED = "runs under way are cancelled; `bon runs` lists them, `bon sweep --run ID` goes on"


async def _until_asked(runner: Runner) -> None:
    """Run what is asked for until a signal comes; then cancel what is under way."""
    loop, stop = asyncio.get_running_loop(), asyncio.Event()
    command = ending.current()
    serving = asyncio.create_task(runner.start())
    if command is None:
        await serving
        return
    stopping = asyncio.create_task(stop.wait())
    command.offer(lambda: _CANCELLED)
    with command.asked_by(lambda: loop.call_soon_threadsafe(stop.set), _STOP_S):
        await asyncio.wait({serving, stopping}, return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        await runner.ended(serving)
