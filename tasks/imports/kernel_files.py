"""KernelBench's run folders: `level_L_problem_P_sample_S_kernel.py`, one file per candidate."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path

from storage import Lake, layout
from tasks.errors import RequestError
from tasks.policies.imported import policy_id
from tasks.problems.base import Problem
from tasks.sample.rows import source_hash

PATTERN = "level_L_problem_P_sample_S_kernel.py"
_FILE = re.compile(r"level_(\d+)_problem_(\d+)_sample_(\d+)_kernel\.py")


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
    """The candidates in the directory `path`; other files are left alone.

    Raises RequestError if it holds none, or one cannot be read.
    """
    if not path.is_dir():
        raise RequestError(f"no directory {path}; name a KernelBench run folder")
    matched = [(_FILE.fullmatch(file.name), file) for file in path.iterdir()]
    kernels = [
        KernelFile(int(found[1]), int(found[2]), int(found[3]), _text(file))
        for found, file in matched
        if found
    ]
    if not kernels:
        raise RequestError(f"{path} holds no file {PATTERN}; name a KernelBench run folder")
    ordered = sorted(kernels, key=lambda one: (one.level, one.problem_id, one.sample_index))
    return KernelFolder(path.resolve().name, tuple(ordered))


def write_kernels(
    folder: KernelFolder,
    problems: Sequence[Problem],
    run_id: str,
    lake: Lake,
    run: Mapping[str, object],
    *,
    again: bool = False,
) -> int:
    """Write the folder as the new run `run_id`, unjudged; returns the number of candidates.

    No log-probabilities: nobody recorded any. `run` is the row of `runs`; it is written last, so
    that an import that was interrupted is finished by repeating it. With `again`, a run that this
    very folder has become already is no error, and gets back the parts that it lacks.

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
    named = {f"L{row['level']}-{row['problem_id']}-{row['problem_hash']}": row for row in rows}
    with lake.run_lock(run_id):
        runs, drawn = _held(lake, "runs", run_id), _held(lake, "candidates", run_id)
        finishes = part in runs if runs else drawn <= {part}
        if (runs and not again) or not finishes or _held(lake, "problems", run_id) - {*named}:
            raise RequestError(f"run {run_id!r} is in the lake already; take another --run")
        for name, row in named.items():
            lake.append("problems", [row], run_id=run_id, part=name)
        lake.append("candidates", candidates, run_id=run_id, part=part)
        lake.append("runs", [{**run, "created_at": now}], run_id=run_id, part=part)
    return len(candidates)


def _held(lake: Lake, table: str, run_id: str) -> set[str]:
    return {path.stem.removeprefix("part-") for path in lake.parts(table, run_id)}


def _text(file: Path) -> str:
    try:
        return file.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8"
        raise RequestError(f"{file} cannot be read: {reason}; mend or remove it") from error
