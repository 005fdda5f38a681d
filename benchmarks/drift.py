"""Do alarms come when something moved, and only then? Nights simulated, compared each morning.

    python benchmarks/drift.py [--repetitions 200] [--nights 30] [--out FILE]

Twenty problems with ten kernels each. A log time is the kernel's own, the machine's of that night
(deviation 0.4 %) and the kernel's of that night (0.7 % at least, 0.9 % in the median); one in fifty
is disturbed besides, by up to 30 %, and has an interval as wide. Each night from the second on is
compared with those before. Counted: runs of nights in which any alarm came though nothing changed;
in how many nights one kernel that became 5 % slower, and a machine that became 3 % slower, is found
and told apart; a changed verdict.
"""

from __future__ import annotations

import argparse
import json
import platform
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from tasks.drift.changes import Changes, changes_of
from tasks.drift.nights import Kernel, Nights
from tasks.drift.verdicts import changed_verdicts

RECORD = Path(__file__).parent / "records" / "drift.json"
PROBLEMS, KERNELS = 20, 10
MACHINE, DISTURBED = 0.004, 0.02


def simulated(rng: np.random.Generator, nights: int, disturbed: float = DISTURBED) -> Nights:
    """Nights of a machine on which nothing changes."""
    count = PROBLEMS * KERNELS
    machine = rng.normal(0, MACHINE, nights)
    noise = 0.007 * np.exp(np.abs(rng.normal(0, 0.3, (count, 1))))
    runtime = rng.normal(0, 1, (count, 1)) + machine + rng.normal(0, 1, (count, nights)) * noise
    hit = rng.random((count, nights)) < disturbed
    runtime = runtime + hit * rng.uniform(-0.1, 0.3, (count, nights))
    reference = rng.normal(0, 1, (PROBLEMS, 1)) + machine + rng.normal(0, 0.005, (PROBLEMS, nights))
    problems = [("simulated", 1, number) for number in range(PROBLEMS)]
    kernels = [Kernel(problems[i // KERNELS], None, f"s{i}") for i in range(count)]
    return Nights(
        [f"night-{night}" for night in range(nights)],
        "cpu",
        kernels,
        runtime,
        np.where(hit, 0.3, 1.96 * noise),
        [["correct"] * nights for _ in kernels],
        problems,
        reference,
        {},
    )


def until(nights: Nights, morning: int) -> Nights:
    """What is known on a morning: the first so many nights."""
    return replace(
        nights,
        runs=nights.runs[:morning],
        runtime=nights.runtime[:, :morning],
        half_width=nights.half_width[:, :morning],
        status=[own[:morning] for own in nights.status],
        reference=nights.reference[:, :morning],
    )


def alarms(found: Changes) -> Iterator[tuple[str, int]]:
    """Kind and index of each alarm."""
    if found.machine is not None and found.machine.alarm:
        yield "machine", 0
    yield from (("reference", one.index) for one in found.references if one.alarm)
    yield from (("kernel", one.index) for one in found.kernels if one.alarm)


def unchanged(rng: np.random.Generator, nights: int) -> set[tuple[str, int]]:
    """All alarms of a run of nights in which nothing changed."""
    world = simulated(rng, nights)
    return {
        one for morning in range(2, nights + 1) for one in alarms(changes_of(until(world, morning)))
    }


def slower(rng: np.random.Generator, nights: int, what: str, by: float) -> dict[str, Any]:
    """A kernel, a reference or the machine is slower from three nights before the last on."""
    world = simulated(rng, nights)
    runtime, reference = world.runtime.copy(), world.reference.copy()
    if what == "kernel":
        runtime[0, -3:] += by
    elif what == "reference":
        reference[0, -3:] += by
    else:
        runtime[:, -3:] += by
        reference[:, -3:] += by
    moved = replace(world, runtime=runtime, reference=reference)
    for night in (1, 2, 3):
        found = set(alarms(changes_of(until(moved, nights - 3 + night))))
        if (what, 0) in found:
            return {"night": night, "others": len(found) - 1}
    return {"night": None, "others": 0}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repetitions", type=int, default=200)
    parser.add_argument("--nights", type=int, default=30)
    parser.add_argument("--out", type=Path, default=RECORD)
    given = parser.parse_args()
    rng = np.random.default_rng(7)
    still = [unchanged(rng, given.nights) for _ in range(given.repetitions)]
    record: dict[str, Any] = {
        "question": "do alarms come when something moved, and only then?",
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "versions": {"numpy": version("numpy"), "python": platform.python_version()},
        "nights": given.nights,
        "repetitions": given.repetitions,
        "problems": PROBLEMS,
        "kernels": PROBLEMS * KERNELS,
        "runs_without_an_alarm": sum(not one for one in still),
        "false_alarms": dict(Counter(kind for one in still for kind, _ in one)),
    }
    for what, by in (("kernel", 0.05), ("kernel", 0.1), ("reference", 0.05), ("machine", 0.03)):
        found = [slower(rng, given.nights, what, np.log1p(by)) for _ in range(given.repetitions)]
        record[f"{what} {100 * by:.0f} % slower"] = {
            "found_on_night": dict(sorted(Counter(str(one["night"]) for one in found).items())),
            "with_other_alarms": sum(one["others"] > 0 for one in found),
        }
    world = simulated(rng, given.nights)
    world.status[5][-1] = "incorrect"
    record["verdicts_found_changed_at_once"] = [one.index for one in changed_verdicts(world)] == [5]
    given.out.write_text(json.dumps(record, indent=1) + "\n")
    print(json.dumps(record, indent=1))


if __name__ == "__main__":
    main()
