"""Where the numbers come from: runs, settings, versions, devices, and how each is computed."""

from __future__ import annotations

import json

from tasks.report.data import ReportData
from tasks.report.exhibits.exhibit import Column, Exhibit, Table
from tasks.report.formats import DASH


def provenance(data: ReportData) -> Exhibit:
    """Method, settings and versions."""
    settings = [
        (run.run_id, name, value)
        for run in data.runs
        for name, value in [
            ("policy id", run.policy_id or DASH),
            ("harness id", run.harness_id or DASH),
            ("profile", run.profile or DASH),
            ("seed", DASH if run.seed is None else str(run.seed)),
            ("host", run.host or DASH),
            ("measured on", ", ".join(run.machines or [DASH])),
            *_pairs("config", run.config),
            *_pairs("versions", run.versions),
        ]
    ]
    modes = sorted({row.logprob_modes for row in data.coverage if row.logprob_modes})
    mixed = sorted(run.run_id for run in data.runs if len(run.machines or []) > 1)
    warnings = (
        [
            f"Measured on unlike machines: {', '.join(mixed)} (see “measured on” below). Times and "
            "speedups of one machine do not compare with those of another."
        ]
        if mixed
        else []
    )
    return Exhibit(
        name="method",
        title="Method and provenance",
        notes=[
            *warnings,
            "pass@k and fast_1@k are the unbiased estimates 1 − C(n−c, k)/C(n, k) for each "
            "problem with n draws of which c count, averaged over problems; undefined for n < k.",
            "A strategy's curve is exact as well: the probability, over all subsets of k of the n "
            "draws, that the one it picks is correct and faster. A problem where nothing correct "
            "was drawn counts as a miss for every strategy.",
            "Problems are the unit of every interval (95 %) and of every paired test. Intervals of "
            "rates are Jeffreys' interval for values between 0 and 1 (problems are weighed at "
            "random, and half an unseen problem at either bound joins them), and one-sided mid-P "
            "where nearly all or nearly no problems pass. Those of speedups are BCa "
            "bootstraps over problems; those of differences hold every mean that the printed test "
            "does not reject.",
            f"Log-probabilities: {', '.join(modes) if modes else 'none recorded'} "
            "(raw: before the sampling temperature; processed: after it).",
        ],
        figure=None,
        describes="",
        tables=[Table((Column("run"), Column("setting"), Column("value")), settings)],
        query=data.sql("runs"),
    )


def _pairs(title: str, document: str) -> list[tuple[str, str]]:
    """A JSON object's members, one a line; anything else as it stands."""
    try:
        members = json.loads(document)
    except ValueError:
        return [(title, document)]
    if not isinstance(members, dict):
        return [(title, document)]
    return [(f"{title}: {name}", _plain(value)) for name, value in members.items()]


def _plain(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
