"""Which cores time and which do everything else."""

from __future__ import annotations

import os
from dataclasses import dataclass

from kernels_eval.errors import RequestError

VARIABLE = "BON_JUDGE_CORES"


@dataclass(frozen=True)
class Cores:
    """`timing` run reference and candidate alone; `side` start, compile, check. One core: both."""

    timing: tuple[int, ...]
    side: tuple[int, ...]


def choose_cores(wanted: tuple[int, ...] | None, *, gpu: bool = False) -> Cores:
    """`wanted`, else $BON_JUDGE_CORES ("1", "2-5", "2,3"), else the upper half of what is allowed.

    For a GPU two cores are enough to launch from; the others compile.

    Raises RequestError for a core this process may not use.
    """
    allowed = sorted(os.sched_getaffinity(0))
    if wanted is None and os.environ.get(VARIABLE):
        wanted = parse_cores(os.environ[VARIABLE])
    if wanted is None:
        wanted = tuple(allowed[max(len(allowed) // 2, len(allowed) - 2 if gpu else 0) :])
    strangers = sorted(set(wanted) - set(allowed))
    if not wanted or strangers:
        raise RequestError(
            f"cores {', '.join(map(str, strangers or wanted))} are not this process's; "
            f"it may use {', '.join(map(str, allowed))} (cores=, ${VARIABLE})"
        )
    side = tuple(core for core in allowed if core not in wanted)
    return Cores(timing=tuple(sorted(wanted)), side=side or tuple(sorted(wanted)))


def parse_cores(text: str) -> tuple[int, ...]:
    """ "1", "2-5" or "0,2-3" as numbers. Raises RequestError."""
    cores: list[int] = []
    try:
        for part in text.split(","):
            low, _, high = part.partition("-")
            cores += range(int(low), int(high or low) + 1)
    except ValueError:
        raise RequestError(f"{VARIABLE}={text!r} is not a list of cores such as 1 or 2-5") from None
    return tuple(cores)
