"""KernelBench's run folders: `level_L_problem_P_sample_S_kernel.py`, one file per candidate.

Beside them may lie `eval_results.json`: what KernelBench measured, kept as claims.
"""

from __future__ import annotations

import errno
import os
import re
from dataclasses import replace
from pathlib import Path

from tasks.errors import RequestError
from tasks.imports.eval_results import FILE_NAME, read_claims
from tasks.imports.kernels import Claim, Kernel, Kernels
from tasks.imports.limits import (
    KERNEL_BYTES,
    LARGEST_ID,
    LARGEST_LEVEL,
    LARGEST_SAMPLE,
    TABLE_BYTES,
    too_large,
)
from tasks.opening import in_words, read_text

PATTERN = "level_L_problem_P_sample_S_kernel.py"
_FILE = re.compile(r"level_(-?[0-9]+)_problem_(-?[0-9]+)_sample_(-?[0-9]+)_kernel\.py")


def read_kernel_folder(path: Path) -> Kernels:
    """The candidates in the directory `path`, which may be a symbolic link; the rest is left alone.

    A link inside is followed only to a file of the same directory. Raises RequestError if it holds
    no candidate, one twice, one that cannot be read or with numbers that no run has, or too much;
    or results that cannot be read.
    """
    if not path.is_dir():
        raise RequestError(f"no directory {path}; name a KernelBench run folder")
    folder = path.resolve()
    kernels: dict[tuple[int, int, int], Kernel] = {}
    size = 0
    for file in _files(folder):
        found = _FILE.fullmatch(file.name)
        if not found:
            continue
        key = _numbers(file, found)
        if key in kernels:
            raise RequestError(f"{file} is a second file of {_words(key)}; remove one")
        source = _text(file, folder)
        size += len(source)
        if size > TABLE_BYTES:
            raise too_large(str(path), f"holds {in_words(size)} or more", in_words(TABLE_BYTES))
        kernels[key] = Kernel(*key, source)
    if not kernels:
        raise RequestError(f"{path} holds no file {PATTERN}; name a KernelBench run folder")
    claims = _claims(folder, {key[0] for key in kernels})
    return Kernels(
        folder.name,
        tuple(replace(kernels[key], claim=claims.get(key, Claim())) for key in sorted(kernels)),
    )


def _claims(folder: Path, levels: set[int]) -> dict[tuple[int, int, int], Claim]:
    path = folder / FILE_NAME
    if not path.is_file():
        return {}
    return read_claims(path, min(levels) if len(levels) == 1 else None)


def _files(folder: Path) -> list[Path]:
    try:
        return sorted(folder.iterdir())
    except OSError as error:
        raise RequestError(f"{folder} cannot be read: {error.strerror}; mend it") from error


def _numbers(file: Path, found: re.Match[str]) -> tuple[int, int, int]:
    """(level, problem, sample) of a file's name. Raises RequestError for one out of range."""
    level, problem, sample = (int(text) for text in found.groups())
    for name, number, most in (
        ("level", level, LARGEST_LEVEL),
        ("problem", problem, LARGEST_ID),
        ("sample", sample, LARGEST_SAMPLE),
    ):
        if not 0 <= number <= most:
            raise RequestError(
                f"{file.parent} holds {file.name[:100]!r}, and a {name} is from 0 to {most:,}; "
                "rename or remove it"
            )
    return level, problem, sample


def _words(key: tuple[int, int, int]) -> str:
    return f"level {key[0]}, problem {key[1]}, sample {key[2]}"


def _resolved(file: Path) -> Path:
    try:
        return file.resolve(strict=True)
    except RuntimeError as error:  # Python's word for a link that leads to itself
        raise OSError(errno.ELOOP, os.strerror(errno.ELOOP)) from error


def _text(file: Path, folder: Path) -> str:
    """A kernel's source. Raises RequestError, as for a link out of the (resolved) folder."""
    try:
        target = _resolved(file)
        if target.parent != folder:
            raise RequestError(f"{file} is a link out of its folder; put the file itself there")
        return read_text(target, KERNEL_BYTES, follow=False)
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8"
        raise RequestError(f"{file} cannot be read: {reason}; mend or remove it") from error
