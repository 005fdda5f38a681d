"""Where work runs: a Ray cluster if `RAY_ADDRESS` names one, else a private Ray on this machine."""

from __future__ import annotations

import logging
import os
import socket
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import ray
from ray._private import auto_init_hook, ray_constants, worker
from ray.exceptions import RayError

from kernels_eval.scratch import scratch_directory, sweep_scratch
from tasks.errors import RayLostError, RequestError
from tasks.ray_guard import PREFIX, guarded, kill_all, marked, ray_processes
from tasks.ray_paths import job_config
from tasks.ray_token import cluster_token, private_token
from tasks.ray_watch import RayWatch

_logger = logging.getLogger(__name__)

# Otherwise a call after the end of our Ray, by a thread that is being ended, would start another
# one: with Ray's defaults, and in a directory that nobody removes.
auto_init_hook.enable_auto_connect = False

_OBJECT_STORE_BYTES = 200 * 1024 * 1024
_QUIET: dict[str, object] = {"log_to_driver": False, "logging_level": logging.ERROR}

# Ray's handler for SIGTERM, in C++, would take the place of the command's: a stack trace on stderr,
# and an end without a last line. Python's own handler for crashes (faulthandler) stays.
ray_constants.RAY_DISABLE_FAILURE_SIGNAL_HANDLER = True

_ANSWER_S = 10.0
_CLIENT_PORT = "10001"
"""Of an address `ray://HOST`."""
_HTTP2 = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes([0, 0, 0, 4, 0, 0, 0, 0, 0])
"""How a client begins: the preface and its settings, none (RFC 9113, 3.4)."""
_SETTINGS = bytes([4])
"""The type of a frame, its fourth byte."""

_LOOPBACK = "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"
"""With 0, Ray's name for this machine is 127.0.0.1, and all its ports listen there alone."""

_SOCKET = "/bon-ray-12345678/r/session_2026-01-01_00-00-00_000000_1234567/sockets/plasma_store"
_LONGEST_SOCKET = 107
"""Bytes of a path in `sockaddr_un` (unix(7)), without the closing null."""


@contextmanager
def cluster(lost: Callable[[str], object] = str) -> Iterator[None]:
    """Connect to Ray for the length of the block; a local Ray is started and stopped by it.

    The local Ray is private: its ports listen on loopback only, want a random token, and its files
    lie in a directory of this user alone, which is removed with the block. What a killed process
    left of such directories is removed first. If it is lost within the block, `lost` is told at
    once what happened, in a thread of its own.

    Raises RequestError if there is no cluster where `RAY_ADDRESS` points, or if it wants a token
    that is not there; RayLostError if the local Ray does not start, and in place of any other
    error once it is lost.
    """
    if ray.is_initialized():
        yield
        return
    watch = RayWatch(lost)
    try:
        with _joined(os.environ["RAY_ADDRESS"]) if is_remote() else _private(watch), _silent():
            try:
                yield
            except BaseException as error:
                watch.gone()
                if not isinstance(error, Exception):
                    # The process is to end. Its threads will miss Ray, and say so at length.
                    logging.disable(logging.CRITICAL)
                raise
            finally:
                watch.close()
                ray.shutdown()
    except Exception as error:
        if gone := watch.gone():  # noted before Ray was shut down
            raise RayLostError(gone) from error
        raise


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
def _private(watch: RayWatch) -> Iterator[None]:
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    # Ray would run actors at niceness 15: a judge that starves beside a busy flow is no judge.
    os.environ.setdefault("RAY_worker_niceness", "0")
    sweep_scratch()
    _end_orphans()
    with ExitStack() as stack:
        scratch = stack.enter_context(scratch_directory(PREFIX, _root()))
        stack.enter_context(guarded(scratch))
        stack.enter_context(private_token(scratch))
        stack.enter_context(_on_loopback())
        with marked(scratch), watch.starting():
            _start(scratch)
        yield


def _start(scratch: Path) -> None:
    """Raises RayLostError if Ray does not start."""
    try:
        ray.init(
            address="local",
            include_dashboard=False,
            # Our objects are small (sources, verdicts), so the object store stays small, too.
            object_store_memory=_OBJECT_STORE_BYTES,
            # One level down: Ray makes its own directory writable for everybody.
            _temp_dir=str(scratch / "r"),
            job_config=job_config(),
            **_QUIET,
        )
    except Exception as error:  # of no type of its own
        reason = " ".join(str(error).split()) or type(error).__name__
        raise RayLostError(f"Ray did not start on this machine: {reason}") from error


def _end_orphans() -> None:
    """Kill what is left of a Ray whose guard was killed, too: its directory was swept."""
    for scratch in {place for _, place in ray_processes()}:
        if not scratch.exists():
            kill_all(scratch)


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
    """Where an address names a port: Ray itself would try for 40 s. Raises OSError, ValueError.

    Every server of Ray's speaks gRPC, and so HTTP/2: it begins with its settings.
    """
    client = address.startswith("ray://")
    host, colon, port = address.removeprefix("ray://").rpartition(":")
    if client and not colon:
        host, port = port, _CLIENT_PORT
    if not (client or colon):
        return
    with socket.create_connection((host.strip("[]"), int(port)), timeout=_ANSWER_S) as listener:
        if os.environ.get("RAY_USE_TLS", "0").lower() in ("1", "true"):
            return  # what it says is for those with its certificate
        listener.sendall(_HTTP2)
        try:
            answer = listener.recv(9, socket.MSG_WAITALL)
        except TimeoutError:
            answer = b""
        if answer[3:4] != _SETTINGS:
            raise OSError("what listens there is no Ray")


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
