"""Nights of a lake, compared."""

from __future__ import annotations

import math
from collections.abc import Sequence

from storage import Lake
from storage.ledger import ProblemKey
from tasks.drift.changes import Shift, changes_of
from tasks.drift.document import Change, DriftDocument, VerdictChange
from tasks.drift.nights import Nights, nights_of
from tasks.drift.surroundings import differences
from tasks.drift.verdicts import changed_verdicts
from tasks.drift.words import said_of, said_of_verdict, verdict


def drift(lake: Lake, runs: Sequence[str]) -> DriftDocument:
    """The latest of these runs against the others, whatever their order on the command line.

    Raises TooFewNightsError with fewer than two on one device.
    """
    nights = nights_of(lake, runs)
    found = changes_of(nights)
    machine = [] if found.machine is None else [_change("machine", found.machine, nights)]
    changes = [
        *machine,
        *(_change("reference", one, nights) for one in found.references),
        *(_change("kernel", one, nights) for one in found.kernels),
    ]
    verdicts = [
        VerdictChange(
            problem=_name(nights.kernels[one.index].problem),
            source_hash=nights.kernels[one.index].source_hash,
            before=one.before,
            times=one.times,
            now=one.now,
        )
        for one in changed_verdicts(nights)
    ]
    alarms = [
        *(said_of_verdict(one) for one in verdicts),
        *(said_of(one) for one in changes if one.alarm),
    ]
    differs = differences(lake, nights.runs[-2], nights.runs[-1])
    noticed = None if found.noticed is None else math.exp(found.noticed)
    return DriftDocument(
        runs=nights.runs,
        left_out=nights.left_out,
        device=nights.device,
        kernels=len(nights.kernels),
        problems=len(nights.problems),
        changes=changes,
        verdicts=verdicts,
        noticed=noticed,
        differs=differs,
        alarms=alarms,
        verdict=verdict(alarms, differs, len(nights.runs), noticed),
    )


def _change(kind: str, shift: Shift, nights: Nights) -> Change:
    kernel = nights.kernels[shift.index] if kind == "kernel" else None
    problem = kernel.problem if kernel else None
    if kind == "reference":
        problem = nights.problems[shift.index]
    return Change(
        kind=kind,
        problem=None if problem is None else _name(problem),
        source_hash=kernel.source_hash if kernel else None,
        since=nights.runs[-shift.nights],
        nights=shift.nights,
        ratio=math.exp(shift.log_ratio),
        low=math.exp(shift.low),
        high=math.exp(shift.high),
        p=shift.p,
        alarm=shift.alarm,
    )


def _name(problem: ProblemKey) -> str:
    suite, level, number = problem
    return f"{suite}/{level}/{number}"
