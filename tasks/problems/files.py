"""Problem files in a directory: `<id>_<Name>.py`, below `level<N>` where there are levels."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from tasks.errors import RequestError
from tasks.opening import read_text
from tasks.problems.base import Problem, check_encodable

DEFAULT_LEVEL = 1
"""Of files that lie in no `level<N>` directory: KernelBench's first."""

_LARGEST_BYTES = 1 << 20

# As many digits as the lake's columns hold.
_FILE = re.compile(r"(?P<id>[0-9]{1,18})_(?P<name>.+)\.py")
_LEVEL = re.compile(r"level_?([0-9]{1,9})")


def read_problems(directory: Path, suite: str) -> tuple[Problem, ...]:
    """All problems of `directory`, which is one level or holds one directory per level.

    Other files than `*.py`, and such as begin with `_`, are left alone.

    Raises RequestError: no directory, no problem in it, a file without a number, a number twice.
    """
    if not directory.is_dir():
        raise RequestError(f"suite {suite}: no directory {directory}; give one with problem files")
    check_encodable(suite, f"suite {suite!r}")
    found: dict[tuple[int, int], Problem] = {}
    for path, level in _files(directory):
        check_encodable(path.name, f"suite {suite}: {str(path)!r}")
        matched = _FILE.fullmatch(path.name)
        if not matched:
            raise RequestError(
                f"suite {suite}: {path} has no number; name problem files ID_NAME.py, "
                "as in 4_Matrix_vector_multiplication.py"
            )
        problem = Problem(suite, level, int(matched["id"]), matched["name"], _text(path, suite))
        twin = found.setdefault((level, problem.problem_id), problem)
        if twin is not problem:
            raise RequestError(
                f"suite {suite}: level {level} has two problems {problem.problem_id} "
                f"({twin.name} and {problem.name}); renumber one"
            )
    if not found:
        raise RequestError(f"suite {suite}: {directory} holds no problem file ID_NAME.py")
    return tuple(found[key] for key in sorted(found))


def level_directories(directory: Path) -> dict[int, Path]:
    """Level → its directory, for every `level<N>` directly below."""
    matched = ((_LEVEL.fullmatch(path.name), path) for path in sorted(directory.iterdir()))
    return {int(match[1]): path for match, path in matched if match and path.is_dir()}


def _files(directory: Path) -> Iterator[tuple[Path, int]]:
    levels = level_directories(directory)
    if not levels:
        own = _LEVEL.fullmatch(directory.resolve().name)
        levels = {int(own[1]) if own else DEFAULT_LEVEL: directory}
    for level, home in levels.items():
        for path in sorted(home.glob("*.py")):
            if not path.name.startswith("_"):
                yield path, level


def _text(path: Path, suite: str) -> str:
    try:
        return read_text(path, _LARGEST_BYTES)
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8"
        raise RequestError(f"suite {suite}: {path} cannot be read: {reason}") from error
