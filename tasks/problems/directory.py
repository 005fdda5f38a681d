"""Suite `dir:PATH`: a directory of problem files of one's own."""

from __future__ import annotations

from pathlib import Path

from tasks.errors import RequestError
from tasks.problems.base import Suite, register_suite
from tasks.problems.files import read_problems


@register_suite("dir")
def load_directory(argument: str) -> Suite:
    """The problems in the directory `argument`; they are of the suite `dir:<its name>`."""
    if not argument:
        raise RequestError("suite dir wants a directory of problem files: dir:PATH")
    path = Path(argument).expanduser()
    return Suite(f"dir:{argument}", read_problems(path, f"dir:{path.resolve().name}"))
