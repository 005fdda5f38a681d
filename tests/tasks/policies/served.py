"""The server of `serving` as a process that tests start, disturb and start again."""

from __future__ import annotations

import json
import multiprocessing
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import httpx

from flows.prefect_server import free_port
from tasks.policies.options import with_options

USUAL = {"template": "embedded", "concurrency": 3, "api": "completions"}


_processes = multiprocessing.get_context("forkserver")
_processes.set_forkserver_preload(["tests.tasks.policies.serving"])  # imports take six seconds


@dataclass
class Served:
    """A server process that can be started again at the same address."""

    port: int
    process: multiprocessing.process.BaseProcess | None = None

    @property
    def root(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def spec(self, **options: object) -> str:
        return with_options(f"openai:embedded@{self.root}/v1", USUAL | options)

    def start(self) -> None:
        self.process = _processes.Process(target=serving, args=(self.port,), daemon=True)
        self.process.start()
        for _ in range(600):
            try:
                httpx.get(f"{self.root}/counts", trust_env=False)
                return
            except httpx.TransportError:
                assert self.process.is_alive()
                time.sleep(0.1)
        raise TimeoutError

    def stop(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.join()

    def faults(self, *names: str) -> None:
        httpx.post(f"{self.root}/faults", json=names, trust_env=False)

    @contextmanager
    def being(self, **kind: object) -> Iterator[Served]:
        """Another kind of server for the length of the block, say one without `logprobs`."""
        httpx.post(f"{self.root}/become", content=json.dumps(kind), trust_env=False)
        yield self
        usual = {"logprobs": True, "processed": False, "key": "", "context": None}
        usual |= {"owner": "tests", "loads": True}
        usual |= {"last_logprob": []}
        httpx.post(f"{self.root}/become", json=usual, trust_env=False)

    def counts(self) -> dict[str, int]:
        counts: dict[str, int] = httpx.get(f"{self.root}/counts", trust_env=False).json()
        return counts


def serving(port: int) -> None:
    """In the new process, where its imports are already."""
    from tests.tasks.policies.serving import main

    main(port)


def serve() -> Iterator[Served]:
    served = Served(free_port())
    served.start()
    yield served
    served.stop()
