"""What a deployment's flow run may reach, and that it ends with the server that started it.

The person at `bon sweep` has every right of their own already. A request to a deployment comes over
the network, so the code that it makes run (problem files) and the places that the model's key goes
to are the ones that the serving user has named.
"""

from __future__ import annotations

import ctypes
import os
import re
import signal
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from prefect.context import FlowRunContext

from flows.errors import RequestError
from flows.owner import label, process_name
from flows.profiles import load_profile, profile_names
from flows.request import SweepRequest, stored_request
from storage import Lake
from tasks.adapt.named import OPTION, named_policy
from tasks.policies.imported import is_imported
from tasks.policies.options import without_options

SUITES = "BON_SUITES"
"""Environment: directories, and datasets as `hf:OWNER/NAME[@REVISION]`, separated as in PATH."""

POLICIES = "BON_POLICIES"
"""Environment: policies that a deployment may be asked for, separated by spaces."""

TRAINERS = "BON_TRAINERS"
"""Environment: servers that train (`tinker:...`), separated by spaces, for deployments."""

SERVER = "BON_SERVE"
"""Environment: the `bon serve` that started this flow run, as `flows.owner` names it."""

_ENTRY = re.compile(r"hf:[^:]+|[^:]+")
_PR_SET_PDEATHSIG = 1


def deployed() -> bool:
    """Whether a deployment started this process's flow run, itself or as a part of another."""
    if SERVER in os.environ or "PREFECT__FLOW_RUN_ID" in os.environ:  # a worker's
        return True
    context = FlowRunContext.get()
    flow_run = None if context is None else context.flow_run
    return flow_run is not None and flow_run.deployment_id is not None


def check_options(options: dict[str, Any], lake: Lake) -> None:
    """Raise RequestError if a deployment's flow run asks for what it may not reach."""
    profile = options.get("profile")
    if profile is not None and profile.endswith(".toml"):
        _check_path(f"profile {profile!r}", profile, _none)
    if (suite := options.get("suite")) is not None:
        check_suite(suite)
    if (held_out := (options.get("train") or {}).get("eval_suite")) is not None:
        check_suite(held_out)
    if (policy := options.get("policy")) is not None:
        check_policy(named_policy(lake, policy))
    if (trainer := (options.get("adapt") or {}).get("trainer")) is not None:
        check_trainer(trainer)


def check_stored(
    lake: Lake,
    run: str | None,
    options: dict[str, Any],
    kind: type[SweepRequest] = SweepRequest,
) -> None:
    """The same for what the options leave open: the run's own settings, or the profile's.

    Raises RequestError.
    """
    earlier = None if run is None else stored_request(lake, run, kind)
    if earlier is not None:
        base = earlier.model_dump()
    else:
        base = load_profile(options.get("profile") or kind.default_profile)
    check_options({name: base.get(name) for name in ("suite", "policy", "train", "adapt")}, lake)


def check_suite(suite: str) -> None:
    """Raise RequestError unless the suite is built in or lies in one of the configured places."""
    name, _, argument = suite.partition("#")[0].partition(":")
    if name == "embedded" or not argument:
        return
    if name == "hf" and not (Path(argument).expanduser().exists() or argument.endswith(".parquet")):
        datasets = {entry.removeprefix("hf:") for entry in _entries() if entry.startswith("hf:")}
        if {argument, argument.partition("@")[0]} & datasets:
            return
        raise RequestError(
            f"a deployment may not load suite {suite!r}: add hf:{argument.partition('@')[0]} to "
            f"{SUITES} where `bon serve` (or the worker) runs, or use `bon sweep`"
        )
    _check_path(f"suite {suite!r}", argument, _linked_files if name == "dir" else _links_below)


def check_policy(policy: str) -> None:
    """Raise RequestError unless the policy is a built-in profile's or one of BON_POLICIES, with a
    checkpoint of the lake on it or without.

    Others would load what the request names, or send a key to where it says.
    """
    policy = without_options(policy, OPTION)
    built_in = {str(load_profile(name).get("policy")) for name in profile_names()} | {"embedded"}
    if policy in built_in or is_imported(policy) or policy in os.environ.get(POLICIES, "").split():
        return
    raise RequestError(
        f"a deployment may not use policy {policy!r}: add it to {POLICIES} (separated by spaces) "
        "where `bon serve` (or the worker) runs, or use `bon sweep`"
    )


def check_trainer(trainer: str) -> None:
    """Raise RequestError unless the trainer is on this machine, a built-in profile's or one of
    BON_TRAINERS: draws and a key go to where the request says.
    """
    built_in = {load_profile(name).get("adapt", {}).get("trainer") for name in profile_names()}
    listed = os.environ.get(TRAINERS, "").split()
    if trainer.partition(":")[0] == "local" or trainer in built_in or trainer in listed:
        return
    raise RequestError(
        f"a deployment may not use trainer {trainer!r}: add it to {TRAINERS} (separated by spaces) "
        "where `bon serve` (or the worker) runs, or use `bon adapt`"
    )


def belong_to_owner() -> None:
    """Label the flow run with its process; of a `bon serve` that started it, with that.

    In the latter case the kernel kills this process when that one ends.
    """
    context = FlowRunContext.get()
    if context is None or context.flow_run is None:
        return
    server = os.environ.get(SERVER)
    if server is not None:
        _end_with(server)
    label(context.flow_run.id, server or process_name())


def _end_with(server: str) -> None:
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    # Ctrl-C goes to all of the terminal's group: the server is asked, and cancels this run.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if os.getppid() != int(server.rsplit("/", 2)[1]):  # it ended before that
        os.kill(os.getpid(), signal.SIGKILL)


def _check_path(what: str, text: str, links: Callable[[Path], Iterable[Path]]) -> None:
    """Symbolic links and `..` count as where they lead to; so do those that `links` finds inside.

    Raises RequestError.
    """
    try:
        path = Path(text).expanduser().resolve()
        places = [Path(e).expanduser().resolve() for e in _entries() if not e.startswith("hf:")]
    except (OSError, RuntimeError, ValueError):
        raise RequestError(f"{what} names no path") from None
    if not any(path.is_relative_to(place) for place in places):
        raise RequestError(
            f"a deployment may not load {what}: it lies in none of the directories in {SUITES}; "
            "add its directory where `bon serve` (or the worker) runs, or use `bon sweep`"
        )
    for link in links(path):
        if not any(link.resolve().is_relative_to(place) for place in places):
            raise RequestError(
                f"a deployment may not load {what}: {link} leads out of the directories in "
                f"{SUITES}; remove the link, or add the directory that it leads to"
            )


def _none(_: Path) -> Iterable[Path]:
    return ()


def _linked_files(path: Path) -> Iterable[Path]:
    """Problem files right in a directory that are symbolic links: what `dir:` would follow."""
    return (file for file in path.glob("*.py") if file.is_symlink())


def _links_below(path: Path) -> Iterable[Path]:
    """Every symbolic link below a directory; none is followed."""
    for folder, directories, files in os.walk(path):
        places = (Path(folder, name) for name in (*directories, *files))
        yield from (place for place in places if place.is_symlink())


def _entries() -> list[str]:
    return _ENTRY.findall(os.environ.get(SUITES, ""))
