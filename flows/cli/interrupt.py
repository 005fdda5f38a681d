"""How the line that ends an interrupted command says how to go on."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from flows import ending
from flows.cli.next_command import next_command
from flows.errors import UnavailableError, is_unavailable

if TYPE_CHECKING:
    from storage import Lake


@contextmanager
def going_on(go_on: Callable[[], str]) -> Iterator[None]:
    """Whatever ends the command inside the block, its one line ends with `go_on`."""
    command = ending.current()
    if command is not None:
        command.offer(go_on)
    try:
        yield
    except Exception as error:
        if not is_unavailable(error):
            raise
        raise UnavailableError(f"{error}; {go_on()}") from error


def to_go_on(
    lake: Lake, run_id: str, lake_option: str | None, *, changed: bool, command: str = "sweep"
) -> Callable[[], str]:
    """The command that goes on with the run.

    A run that the lake knows keeps its settings. Before that (and where asking the lake could take
    long) they have to be given once more; also where they are `changed`, since the settings that
    the lake knows may still be the earlier ones.
    """
    from storage.layout import run_directory
    from storage.place import in_object_store

    recorded = run_directory(lake.root, "runs", run_id)
    asks_long = in_object_store(lake.root)

    def go_on() -> str:
        if changed or asks_long or not recorded.exists():
            return command_line(run_id)
        short = next_command(command, "--run", run_id, lake=lake_option)
        return f"`{short}` goes on where it stopped"

    return go_on


def command_line(run_id: str | None = None) -> str:
    """The command as it was typed, with the run's id if that was left open."""
    typed = ["bon", *sys.argv[1:]]
    named = any(part == "--run" or part.startswith("--run=") for part in typed)
    if run_id is not None and not named:
        typed += ["--run", run_id]
    return f"`{shlex.join(typed)}` goes on where it stopped"
