"""Where work runs: a Ray cluster if `RAY_ADDRESS` names one, else a private Ray on this machine."""

from __future__ import annotations

import logging
import os
import socket
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import psutil
import ray
from ray._private import auto_init_hook, ray_constants, worker
from ray.exceptions import RayError

from kernels_eval.scratch import scratch_directory, sweep_scratch
from tasks.errors import RequestError
from tasks.ray_paths import job_config
from tasks.ray_token import cluster_token, private_token

_logger = logging.getLogger(__name__)

# Otherwise a call after the end of our Ray, by a thread that is being ended, would start another
# one: with Ray's defaults, and in a directory that nobody removes.
auto_init_hook.enable_auto_connect = False

_OBJECT_STORE_BYTES = 200 * 1024 * 1024
_QUIET: dict[str, object] = {"log_to_driver": False, "logging_level": logging.ERROR}

_SCRATCH = "bon-ray-"

_LOOPBACK = "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"
"""With 0, Ray's name for this machine is 127.0.0.1, and all its ports listen there alone."""

_SOCKET = "/bon-ray-12345678/r/session_2026-01-01_00-00-00_000000_1234567/sockets/plasma_store"
_LONGEST_SOCKET = 107
"""Bytes of a path in `sockaddr_un` (unix(7)), without the closing null."""


@contextmanager
def cluster() -> Iterator[None]:
    """Connect to Ray for the length of the block; a local Ray is started and stopped by it.

    The local Ray is private: its ports listen on loopback only, want a random token, and its files
    lie in a directory of this user alone, which is removed with the block. What a killed process
    left of such directories is removed first.

    Raises RequestError if there is no cluster where `RAY_ADDRESS` points, or if it wants a token
    that is not there.
    """
    if ray.is_initialized():
        yield
        return
    with _joined(os.environ["RAY_ADDRESS"]) if is_remote() else _private(), _silent():
        try:
            yield
        except BaseException as error:
            if not isinstance(error, Exception):
                # The process is to end. Its threads will miss Ray, and say so at length.
                logging.disable(logging.CRITICAL)
            raise
        finally:
            ray.shutdown()


@contextmanager
def _silent() -> Iterator[None]:
    """Ray tells every driver of nodes that died, on stdout, where a JSON document may be due."""
    before = worker.print_to_stdstream

    def tell(message: dict[str, Any], ignore_prefix: bool) -> None:
        del ignore_prefix
        _logger.debug("%s", message.get("lines"))

    worker.print_to_stdstream = tell
    try:
        yield
    finally:
        worker.print_to_stdstream = before


@contextmanager
def _private() -> Iterator[None]:
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    # Ray would run actors at niceness 15: a judge that starves beside a busy flow is no judge.
    os.environ.setdefault("RAY_worker_niceness", "0")
    sweep_scratch()
    _end_orphans()
    with scratch_directory(_SCRATCH, _root()) as scratch, private_token(scratch), _on_loopback():
        # One level down: Ray makes its own directory writable for everybody.
        directory = scratch / "r"
        # Our objects are small (sources, verdicts), so the object store stays small, too.
        ray.init(
            address="local",
            include_dashboard=False,
            object_store_memory=_OBJECT_STORE_BYTES,
            _temp_dir=str(directory),
            job_config=job_config(),
            **_QUIET,
        )
        yield


def _end_orphans() -> None:
    """Kill what a killed process's Ray left running: its agents wait a minute for their head.

    They are known by their log files, in a directory that was swept (their environment is not: Ray
    writes their title over it).
    """
    for process in psutil.process_iter():
        with suppress(psutil.Error, OSError):
            if process.uids().real == os.getuid() and process.name().startswith("ray::"):
                opened = list(Path(f"/proc/{process.pid}/fd").iterdir())
                swept = [_scratch_of(str(one.readlink())) for one in opened]
                if any(scratch and not scratch.exists() for scratch in swept):
                    process.kill()


def _scratch_of(path: str) -> Path | None:
    """The scratch directory that a file was in; None for any other file."""
    parts = Path(path).parts
    names = [number for number, part in enumerate(parts) if part.startswith(_SCRATCH)]
    return Path(*parts[: names[0] + 1]) if names else None


def _root() -> Path | None:
    """Where the directory goes: None for the usual place, unless its name is too long for Ray."""
    usual = len(os.fsencode(tempfile.gettempdir())) + len(_SOCKET)
    return None if usual <= _LONGEST_SOCKET else Path("/tmp")


@contextmanager
def _on_loopback() -> Iterator[None]:
    # Ray reads the variable once, when it is imported: this process is told by the constant.
    before, variable = ray_constants.ENABLE_RAY_CLUSTER, os.environ.get(_LOOPBACK)
    ray_constants.ENABLE_RAY_CLUSTER, os.environ[_LOOPBACK] = False, "0"
    try:
        yield
    finally:
        ray_constants.ENABLE_RAY_CLUSTER = before
        if variable is None:
            del os.environ[_LOOPBACK]
        else:
            os.environ[_LOOPBACK] = variable


@contextmanager
def _joined(address: str) -> Iterator[None]:
    with ExitStack() as stack:
        try:
            _expect_listener(address)
            stack.enter_context(cluster_token(address))
            # By argument: an address in the environment alone makes Ray look for tokens itself.
            ray.init(address=address, job_config=job_config(), **_QUIET)
        except (OSError, ValueError, RuntimeError, ImportError, RayError) as error:
            reason = str(error.__cause__ or error).strip().splitlines()[-1]
            raise RequestError(
                f"no Ray cluster can be joined at RAY_ADDRESS={address} ({reason}): start one "
                "(`ray start --head`), or unset it to use this machine alone"
            ) from None
        yield


def _expect_listener(address: str) -> None:
    """Where an address names a port: Ray itself would try for 20 s. Raises OSError, ValueError."""
    host, colon, port = address.removeprefix("ray://").rpartition(":")
    if colon:
        socket.create_connection((host.strip("[]"), int(port)), timeout=10.0).close()


def is_remote() -> bool:
    """Whether actors may run on other machines than this one."""
    return os.environ.get("RAY_ADDRESS", "") not in ("", "local")


def gpus_here() -> int:
    """Whole GPUs of the machine that this process is connected from."""
    here = ray.get_runtime_context().get_node_id()
    return sum(int(one["Resources"].get("GPU", 0)) for one in ray.nodes() if one["NodeID"] == here)


def gpus() -> int:
    """Whole GPUs that the cluster offers to judges."""
    return int(ray.cluster_resources().get("GPU", 0))
