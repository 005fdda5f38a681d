"""Suite `hf:REPO`: KernelBench's dataset, from the Hugging Face hub or from Parquet files here.

`hf:ScalingIntelligence/KernelBench[@REVISION]`, `hf:FILE.parquet`, `hf:DIRECTORY` (of the dataset's
files). Columns: `code`, `level`, `name`, `problem_id`.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from tasks.errors import RequestError
from tasks.problems.base import Problem, Suite, register_suite
from tasks.problems.kernelbench import NAME

COLUMNS = ("code", "level", "name", "problem_id")
_REPO = re.compile(r"(?P<repo>[\w.-]+/[\w.-]+)(?:@(?P<revision>[\w./-]+))?")
_KERNELBENCH = "ScalingIntelligence/KernelBench"


@register_suite("hf")
def load_hub(argument: str) -> Suite:
    """The problems of a dataset. Raises RequestError if it cannot be had or has other columns."""
    if not argument:
        raise RequestError(f"suite hf wants a dataset: hf:{_KERNELBENCH}, or a Parquet file")
    local = Path(argument).expanduser()
    if local.exists() or argument.endswith(".parquet"):
        return Suite(f"hf:{argument}", read_dataset(local, _local_name(local)))
    matched = _REPO.fullmatch(argument)
    if not matched:
        raise RequestError(f"suite hf:{argument} is neither a file here nor OWNER/NAME[@REVISION]")
    name = NAME if matched["repo"] == _KERNELBENCH else f"hf:{matched['repo']}"
    directory = _download(matched["repo"], matched["revision"])
    return Suite(f"hf:{argument}", read_dataset(directory, name))


def read_dataset(path: Path, suite: str) -> tuple[Problem, ...]:
    """The rows of one Parquet file, or of all below a directory, as problems.

    Raises RequestError: no file, unreadable, a column missing, a problem twice.
    """
    files = sorted(path.rglob("*.parquet")) if path.is_dir() else [path]
    if not files:
        raise RequestError(f"suite {suite}: no Parquet file below {path}")
    found: dict[tuple[int, int], Problem] = {}
    for file in files:
        for row in _rows(file, suite):
            level, number = int(row["level"]), int(row["problem_id"])
            name = str(row["name"]).removesuffix(".py").removeprefix(f"{number}_")
            problem = Problem(suite, level, number, name, str(row["code"]))
            if found.setdefault((level, number), problem) != problem:
                raise RequestError(f"suite {suite}: level {level} has two problems {number}")
    return tuple(found[key] for key in sorted(found))


def _rows(file: Path, suite: str) -> list[dict[str, Any]]:
    import pyarrow as pa  # only now: `import tasks.problems` stays cheap
    import pyarrow.parquet as pq

    try:
        table: pa.Table = pq.ParquetFile(file).read()
    except (OSError, pa.ArrowException) as error:
        reason = str(error).splitlines()[0]
        raise RequestError(f"suite {suite}: {file} cannot be read: {reason}") from error
    missing = [name for name in COLUMNS if name not in table.column_names]
    if missing:
        raise RequestError(
            f"suite {suite}: {file.name} has no column {', '.join(missing)}; "
            f"KernelBench's dataset has {', '.join(COLUMNS)}"
        )
    rows: list[dict[str, Any]] = table.select(list(COLUMNS)).to_pylist()
    return rows


def _local_name(path: Path) -> str:
    stem = path.resolve().name.removesuffix(".parquet")
    return NAME if stem.lower() == NAME else f"hf:{stem}"


def _download(repo: str, revision: str | None) -> Path:
    """The dataset's Parquet files in the hub's cache; what lies there already is not fetched."""
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

    try:
        return Path(
            snapshot_download(
                repo, repo_type="dataset", revision=revision, allow_patterns="*.parquet"
            )
        )
    except (LocalEntryNotFoundError, HfHubHTTPError, OSError, ValueError) as error:
        reason = " ".join(str(error).split())[:160]
        raise RequestError(
            f"dataset {repo} cannot be fetched from the hub ({reason}); "
            "download it elsewhere and name its Parquet file: hf:FILE.parquet"
        ) from error
