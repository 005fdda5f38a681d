"""KernelBench's `eval_results.json`: what it measured of the kernels beside it, read and written.

    {"PROBLEM": [{"sample_id": 0, "compiled": true, "correctness": true, "runtime": 1.2, …}, …]}

A time is in ms, and -1 where none was taken. Older files hold a single object where newer ones hold
a list, and no time of the reference; forks put the problems below `"level1"`, or call one `"L1P3"`.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from tasks.errors import RequestError
from tasks.imports.kernels import Claim
from tasks.imports.limits import TABLE_BYTES
from tasks.opening import read_text

FILE_NAME = "eval_results.json"

Key = tuple[int, int, int]
"""(level, problem, sample)."""

_BOTH = re.compile(r"L([0-9]{1,9})P([0-9]{1,18})")
_LEVEL = re.compile(r"level_?([0-9]{1,9})")
_PROBLEM = re.compile(r"[0-9]{1,18}")


def read_claims(path: Path, level: int | None) -> dict[Key, Claim]:
    """What the file says, by kernel. `level`: of the problems for which it names none.

    Raises RequestError for a file that is none of these, and where a level is needed.
    """
    try:
        document = json.loads(read_text(path, TABLE_BYTES), object_pairs_hook=_object)
        claims: dict[Key, Claim] = {}
        for key, claim in _entries(document, level, path):
            if claims.setdefault(key, claim) != claim:
                raise ValueError(f"problem {key[1]} has sample {key[2]} twice, and not the same")
        return claims
    except (OSError, ValueError, TypeError, AttributeError, LookupError, RecursionError) as error:
        reason = (str(error) or type(error).__name__).splitlines()[0]
        raise RequestError(
            f"{path} is not as KernelBench writes it: {reason[:200]}; mend it, or move it away to "
            "import the kernels without what it says of them"
        ) from error


def result(
    sample_index: int,
    *,
    compiled: bool,
    correct: bool,
    runtime_ms: list[float],
    reference_ms: list[float],
    metadata: Mapping[str, Any],
) -> dict[str, Any]:
    """One entry as KernelBench writes it, from all trials (none where it was not timed)."""
    return {
        "sample_id": sample_index,
        "compiled": compiled,
        "correctness": correct,
        "metadata": dict(metadata),
        "runtime": _mean(runtime_ms),
        "runtime_stats": _stats(runtime_ms, metadata),
        "ref_runtime": _mean(reference_ms),
        "ref_runtime_stats": _stats(reference_ms, metadata),
    }


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        for name, value in pairs:
            if found[name] != value:
                raise ValueError(f"{name!r} is there twice, and not the same")
    return found


def _entries(document: Any, level: int | None, path: Path) -> Iterator[tuple[Key, Claim]]:
    for name, value in document.items():
        if found := _LEVEL.fullmatch(name):
            yield from _entries(value, int(found[1]), path)
            continue
        if found := _BOTH.fullmatch(name):
            of_level, problem = int(found[1]), int(found[2])
        elif not _PROBLEM.fullmatch(name):
            raise ValueError(f"{name!r} names no problem")
        elif level is None:
            raise RequestError(
                f"{path} does not say of which level its problems are, and there are kernels of "
                "several; import one level at a time"
            )
        else:
            of_level, problem = level, int(name)
        for one in value if isinstance(value, list) else [value]:
            yield (of_level, problem, _sample(one["sample_id"])), _claim(one)


def _sample(given: Any) -> int:
    if isinstance(given, bool) or not _PROBLEM.fullmatch(str(given)):
        raise ValueError(f"sample_id is {given!r}")
    return int(given)


def _claim(one: Mapping[str, Any]) -> Claim:
    correct = one["correctness"]
    if not isinstance(correct, bool):
        raise TypeError(f"correctness is {correct!r}")
    runtime, reference = _time(one, "runtime"), _time(one, "ref_runtime")
    speedup = reference / runtime if correct and runtime and reference else None
    return Claim(correct, speedup, runtime)


def _time(one: Mapping[str, Any], name: str) -> float | None:
    """In ms; None where none was taken."""
    given = one.get(name)
    time = math.nan if given is None or isinstance(given, bool) else float(given)
    if isinstance(given, bool) or (time < 0 and time != -1):
        raise ValueError(f"{name} of sample {one['sample_id']} is {json.dumps(given)}")
    return time if time > 0 and math.isfinite(time) else None


def _mean(times: list[float]) -> float:
    return math.fsum(times) / len(times) if times else -1.0


def _stats(times: list[float], metadata: Mapping[str, Any]) -> dict[str, Any]:
    if not times:
        return {}
    mean = _mean(times)
    spread = math.fsum((time - mean) ** 2 for time in times) / max(1, len(times) - 1)
    return {
        "mean": mean,
        "std": math.sqrt(spread),
        "min": min(times),
        "max": max(times),
        "num_trials": len(times),
        "hardware": metadata.get("hardware"),
        "device": metadata.get("device"),
    }
