"""Which directories the container shows: the system, Python, torch and compilers; all read-only.

Nothing else of this machine's files exists there: no home, no lake, no working directory.
"""

from __future__ import annotations

import contextlib
import os
import pwd
import sys
import sysconfig
from collections.abc import Iterator, Mapping
from pathlib import Path

from kernels_eval.host.environment import import_roots, package_directory

SYSTEM = (
    *("/usr", "/lib", "/lib32", "/lib64", "/libx32", "/bin", "/sbin", "/etc", "/opt", "/sys"),
    *("/nix/store", "/gnu/store"),
)
_TOOLCHAIN_SIGNS = ("conda-meta", "nvvm", "lib/gcc")
"""In the parent of a directory on PATH: its compilers need more than `bin`."""
_OF_A_PREFIX = ("bin", "lib", "lib64", "include", "pyvenv.cfg")


def readable_trees(outer: Mapping[str, str]) -> list[Path]:
    """Existing absolute paths, parents before what is below them; none holds a user's home."""
    found = [tree for path in (*_python(), *_tools(outer)) for tree in _narrowed(path)]
    shown = (*map(Path, SYSTEM), *found)
    places = dict.fromkeys(place for tree in shown for place in (tree, tree.resolve()))
    existing = [path for path in places if path.is_absolute() and path.exists()]
    return sorted(existing, key=lambda path: len(path.parts))


def _python() -> Iterator[Path]:
    yield from map(Path, (sys.prefix, sys.base_prefix, sysconfig.get_path("stdlib")))
    executable = Path(sys.executable)
    while executable.is_symlink():  # each link on the way must be there, too
        executable = Path(os.path.normpath(executable.parent / executable.readlink()))
        yield executable.parent
    package = package_directory()
    yield package
    yield from (root for root in import_roots() if root != package.parent)


def _tools(outer: Mapping[str, str]) -> Iterator[Path]:
    for variable in ("PATH", "LD_LIBRARY_PATH"):
        for entry in outer.get(variable, "").split(os.pathsep):
            if not entry:
                continue
            yield Path(entry)
            if any((Path(entry).parent / sign).is_dir() for sign in _TOOLCHAIN_SIGNS):
                yield Path(entry).parent
    for variable in ("CUDA_HOME", "CUDA_PATH"):
        if outer.get(variable):
            yield Path(outer[variable])
    for variable in ("CC", "CXX", "TRITON_PTXAS_PATH"):
        if os.path.isabs(outer.get(variable, "")):  # noqa: PTH117 - a string until it is known
            yield Path(outer[variable]).parent


def _narrowed(path: Path) -> Iterator[Path]:
    """The path itself; of one that holds a home, only what a Python prefix consists of."""
    if not any(home.is_relative_to(place) for home in _homes() for place in (path, path.resolve())):
        yield path
    elif str(path) in (sys.prefix, sys.base_prefix):
        yield from (path / name for name in _OF_A_PREFIX)


def _homes() -> set[Path]:
    """This user's, by variable and by account, and where others' are."""
    homes = {Path("/root"), Path("/home"), Path(os.environ.get("HOME", "/root"))}
    with contextlib.suppress(KeyError):
        homes.add(Path(pwd.getpwuid(os.geteuid()).pw_dir))
    return homes | {home.resolve() for home in homes}


def open_to_all(trees: list[Path]) -> bool:
    """Whether a user without any rights could run Python from these trees.

    What lies above a tree does not count: in the container it is made anew.
    """
    witnesses = [Path(sys.executable).resolve(), Path(os.__file__), package_directory()]
    witnesses += [root / name for root in import_roots() for name in ("torch", "numpy")]
    return all(_others_reach(path, trees) for path in witnesses if path.exists())


def _others_reach(path: Path, trees: list[Path]) -> bool:
    inside = [tree for tree in trees if path.is_relative_to(tree)]
    if not inside:
        return False
    steps = [path, *(parent for parent in path.parents if parent.is_relative_to(inside[0]))]
    return all(step.stat().st_mode & (0o5 if step.is_dir() else 0o4) for step in steps) and all(
        step.stat().st_mode & 0o1 for step in steps if step.is_dir()
    )
