"""KernelBench's run folders: `level_L_problem_P_sample_S_kernel.py`, one file per candidate."""

from __future__ import annotations

import errno
import hashlib
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path

from storage import Lake, layout
from tasks.errors import RequestError
from tasks.imports.limits import (
    KERNEL_BYTES,
    LARGEST_ID,
    LARGEST_LEVEL,
    LARGEST_SAMPLE,
    TABLE_BYTES,
    in_words,
    too_large,
)
from tasks.imports.opening import opened
from tasks.policies.imported import policy_id
from tasks.problems.base import Problem
from tasks.sample.rows import source_hash

PATTERN = "level_L_problem_P_sample_S_kernel.py"
_FILE = re.compile(r"level_(-?[0-9]+)_problem_(-?[0-9]+)_sample_(-?[0-9]+)_kernel\.py")


@dataclass(frozen=True)
class KernelFile:
    """One candidate as KernelBench keeps it."""

    level: int
    problem_id: int
    sample_index: int
    source: str


@dataclass(frozen=True)
class KernelFolder:
    """Every candidate of a run folder, in order of level, problem and sample."""

    name: str
    kernels: tuple[KernelFile, ...]

    @property
    def k(self) -> int:
        """Samples asked for per problem, as far as the numbers tell: the highest one, plus one."""
        return 1 + max(kernel.sample_index for kernel in self.kernels)

    @property
    def levels(self) -> tuple[int, ...]:
        return tuple(sorted({kernel.level for kernel in self.kernels}))

    @property
    def problem_ids(self) -> tuple[int, ...]:
        return tuple(sorted({kernel.problem_id for kernel in self.kernels}))

    @cached_property
    def digest(self) -> str:
        """12 hex digits over all candidates: what the stored policy is called."""
        digest = hashlib.sha256()
        for kernel in self.kernels:
            key = f"{kernel.level}/{kernel.problem_id}/{kernel.sample_index}\0{kernel.source}\0"
            digest.update(key.encode("utf-8", "surrogatepass"))
        return digest.hexdigest()[:12]


def read_kernel_folder(path: Path) -> KernelFolder:
    """The candidates in the directory `path`, which may be a symbolic link; the rest is left alone.

    A link inside is followed only to a file of the same directory. Raises RequestError if it holds
    no candidate, one twice, one that cannot be read or with numbers that no run has, or too much.
    """
    if not path.is_dir():
        raise RequestError(f"no directory {path}; name a KernelBench run folder")
    folder = path.resolve()
    kernels: dict[tuple[int, int, int], KernelFile] = {}
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
        kernels[key] = KernelFile(*key, source)
    if not kernels:
        raise RequestError(f"{path} holds no file {PATTERN}; name a KernelBench run folder")
    return KernelFolder(folder.name, tuple(kernels[key] for key in sorted(kernels)))


def write_kernels(
    folder: KernelFolder,
    problems: Sequence[Problem],
    run_id: str,
    lake: Lake,
    run: Mapping[str, object],
) -> int:
    """Write the folder as the new run `run_id`, unjudged; returns the number of candidates.

    No log-probabilities: nobody recorded any. `run` is the row of `runs`; it is written last, so
    that an import that was interrupted is finished by repeating it.

    Raises RequestError for a run that is there already, or a candidate whose problem is not among
    `problems`; storage's RunIdInvalidError and RunLockedError.
    """
    layout.check_run_id(run_id)
    known = {(problem.level, problem.problem_id): problem for problem in problems}
    for kernel in folder.kernels:
        if (kernel.level, kernel.problem_id) not in known:
            raise RequestError(
                f"{folder.name} has candidates for level {kernel.level}, problem "
                f"{kernel.problem_id}, which the suite lacks; give the --suite that they answer"
            )
    part = f"import-{folder.digest}"
    now = datetime.now(UTC)
    candidates = [
        {
            "suite": known[kernel.level, kernel.problem_id].suite,
            "level": kernel.level,
            "problem_id": kernel.problem_id,
            "sample_index": kernel.sample_index,
            "source_hash": source_hash(kernel.source),
            "policy_id": policy_id(folder.digest),
            "completion": kernel.source,
            "source": kernel.source,
            "created_at": now,
        }
        for kernel in folder.kernels
    ]
    answered = {(kernel.level, kernel.problem_id) for kernel in folder.kernels}
    rows = [
        {
            "suite": problem.suite,
            "level": problem.level,
            "problem_id": problem.problem_id,
            "name": problem.name,
            "problem_hash": problem.problem_hash,
            "source": problem.source,
        }
        for key, problem in known.items()
        if key in answered
    ]
    with lake.run_lock(run_id):
        held = lake.parts("candidates", run_id)
        others = any(path.stem != f"part-{part}" for path in held)
        if others or lake.parts("runs", run_id):
            raise RequestError(f"run {run_id!r} is in the lake already; take another --run")
        for row in rows:
            named = f"L{row['level']}-{row['problem_id']}-{row['problem_hash']}"
            lake.append("problems", [row], run_id=run_id, part=named)
        lake.append("candidates", candidates, run_id=run_id, part=part)
        lake.append("runs", [{**run, "created_at": now}], run_id=run_id, part=part)
    return len(candidates)


def _files(folder: Path) -> list[Path]:
    try:
        return sorted(folder.iterdir())
    except OSError as error:
        raise RequestError(f"{folder} cannot be read: {error.strerror}; mend it") from error


def _numbers(file: Path, found: re.Match[str]) -> tuple[int, int, int]:
    """(level, problem, sample) of a file's name. Raises RequestError for one out of range."""
    limits = (LARGEST_LEVEL, LARGEST_ID, LARGEST_SAMPLE)
    for name, text, most in zip(
        ("level", "problem", "sample"), found.groups(), limits, strict=True
    ):
        # By its length first: Python refuses to read numbers of thousands of digits.
        digits = text.lstrip("0")
        if text.startswith("-") or len(digits) > len(str(most)) or int(digits or 0) > most:
            raise RequestError(
                f"{file.parent} holds {file.name[:100]!r}, and a {name} is from 0 to {most:,}; "
                "rename or remove it"
            )
    return int(found[1]), int(found[2]), int(found[3])


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
        with opened(target, KERNEL_BYTES, follow=False) as opened_file:
            content = opened_file.read(KERNEL_BYTES + 1)
        if len(content) > KERNEL_BYTES:
            raise RequestError(f"{file} has grown beyond {in_words(KERNEL_BYTES)}; remove it")
        return content.decode("utf-8").replace("\r\n", "\n").replace("\r", "\n")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8"
        raise RequestError(f"{file} cannot be read: {reason}; mend or remove it") from error
