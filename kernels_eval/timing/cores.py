"""Which cores time and which do everything else."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path

from kernels_eval.errors import RequestError

VARIABLE = "BON_JUDGE_CORES"
_LAUNCHING = 4
_TOPOLOGY = "/sys/devices/system/cpu/cpu{core}/topology/{name}"

Place = tuple[int, int]
"""A processor's package, and its physical core there."""


@dataclass(frozen=True)
class Cores:
    """`timing` run reference and candidate alone; `side` start, compile, check. One core: both.

    For a GPU one of `timing` launches at a time, whichever is at full speed (`speed.py`).

    Second threads of the timing cores' physical cores are on neither side, if others are left.
    """

    timing: tuple[int, ...]
    side: tuple[int, ...]

    @property
    def all(self) -> set[int]:
        return {*self.timing, *self.side}


def choose_cores(
    wanted: tuple[int, ...] | None,
    *,
    gpu: bool = False,
    allowed: Collection[int] | None = None,
    place: Callable[[int], Place] | None = None,
) -> Cores:
    """`wanted`, else $BON_JUDGE_CORES ("1", "2-5", "2,3"), else the upper half of what is allowed.

    For a GPU a quarter of them, four at most: the others compile. Processors are taken physical
    core by physical core (`place` says which): two threads of one slow each other down.

    Raises RequestError for a core this process may not use.
    """
    ordered = _by_place(os.sched_getaffinity(0) if allowed is None else allowed, place)
    if wanted is None:
        wanted = named_cores()
    if wanted is None:
        wanted = tuple(_last(ordered, place) if gpu else ordered[len(ordered) // 2 :])
    strangers = sorted(set(wanted) - set(ordered))
    if not wanted or strangers:
        raise RequestError(
            f"cores {', '.join(map(str, strangers or wanted))} are not this process's; "
            f"it may use {', '.join(map(str, sorted(ordered)))} (cores=, ${VARIABLE})"
        )
    where = place or _place
    timed = set(map(where, wanted))
    others = [core for core in sorted(ordered) if core not in wanted]
    apart = [core for core in others if where(core) not in timed]
    return Cores(timing=tuple(sorted(wanted)), side=tuple(apart or others or sorted(wanted)))


def _last(ordered: list[int], place: Callable[[int], Place] | None) -> list[int]:
    """One processor of each of the last few physical cores."""
    where = place or _place
    one_each = list({where(core): core for core in ordered}.values())
    return one_each[-min(_LAUNCHING, max(1, len(one_each) // 4)) :]


def share(
    index: int,
    count: int,
    *,
    gpu: bool = True,
    allowed: Collection[int] | None = None,
    place: Callable[[int], Place] | None = None,
) -> Cores:
    """The cores of one of `count` judges on one machine; 0 ≤ index < count. `gpu`: each has one.

    Nobody times on another's cores, or on the second thread of one if each can have whole ones.
    Cores that $BON_JUDGE_CORES names to time on are shared out among them.

    Raises RequestError if there are fewer cores than judges.
    """
    ordered = _by_place(os.sched_getaffinity(0) if allowed is None else allowed, place)
    named = named_cores()
    if named is not None:
        cores = choose_cores(named, allowed=ordered, place=place)
        timing, side = (_part(_by_place(one, place), index, count) for one in (named, cores.side))
        return Cores(timing=tuple(sorted(timing)), side=tuple(sorted(side)))
    return choose_cores(None, gpu=gpu, allowed=_part(ordered, index, count), place=place)


def _part(cores: list[int], index: int, count: int) -> list[int]:
    if len(cores) < count:
        raise RequestError(
            f"{count} judges cannot share {len(cores)} cores; let fewer GPUs be seen "
            f"(CUDA_VISIBLE_DEVICES), start fewer Ray nodes here, or name more cores (${VARIABLE})"
        )
    return cores[index * len(cores) // count : (index + 1) * len(cores) // count]


def _by_place(cores: Collection[int], place: Callable[[int], Place] | None) -> list[int]:
    """Ascending, but with all threads of a physical core beside each other."""
    where = {core: (place or _place)(core) for core in cores}
    first = {one: min(core for core in cores if where[core] == one) for one in where.values()}
    return sorted(cores, key=lambda core: (first[where[core]], core))


def _place(core: int) -> Place:
    """As Linux tells it; a core of its own where it does not."""
    package, number = (
        Path(_TOPOLOGY.format(core=core, name=name)) for name in ("physical_package_id", "core_id")
    )
    try:
        return int(package.read_text()), int(number.read_text())
    except (OSError, ValueError):
        return -1, core


def named_cores() -> tuple[int, ...] | None:
    """What $BON_JUDGE_CORES names, None if it is not set. Raises RequestError."""
    text = os.environ.get(VARIABLE)
    return parse_cores(text) if text else None


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
