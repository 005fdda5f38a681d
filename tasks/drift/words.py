"""The sentences about nights."""

from __future__ import annotations

from collections.abc import Sequence

from tasks.drift.document import Change, DriftDocument, VerdictChange

_NAMED = 3
LISTED = 20
"""Changes that a table shows."""


def said_of(change: Change) -> str:
    """A clause, as in "kernel 3f2a91 of embedded/1/12 is 5.1 % slower since night-27 (…)"."""
    what = {
        "machine": "the machine, and with it every kernel,",
        "reference": f"the reference of {change.problem}",
        "kernel": f"kernel {(change.source_hash or '')[:8]} of {change.problem}",
    }[change.kind]
    return (
        f"{what} is {_percent(change.ratio)} since {change.since} "
        f"({_signed(change.low)} to {_signed(change.high)})"
    )


def said_of_verdict(change: VerdictChange) -> str:
    return (
        f"kernel {change.source_hash[:8]} of {change.problem} is {change.now}; "
        f"it was {change.before} in {change.times} of the nights before"
    )


def verdict(alarms: Sequence[str], differs: Sequence[str], runs: int, noticed: float | None) -> str:
    """One sentence: what moved, or that nothing did and what would have been noticed."""
    if not alarms:
        sharp = (
            "; they are too few to say how much would have been noticed"
            if noticed is None
            else f"; a kernel {100 * (noticed - 1):.1f} % slower for three nights would have been "
            "noticed"
        )
        return f"nothing moved beyond what {runs} nights differ by themselves{sharp}"
    named = "; ".join(alarms[:_NAMED])
    more = f"; and {len(alarms) - _NAMED} more" if len(alarms) > _NAMED else ""
    also = f" (since the night before: {', '.join(differs)})" if differs else ""
    return f"{named}{more}{also}"


def cells(change: Change) -> tuple[str, str, str, str, str, str, str, str]:
    """What, problem, source, since, ratio of times, its interval, p, and whether it is an alarm."""
    return (
        change.kind,
        change.problem or "",
        (change.source_hash or "")[:8],
        change.since,
        f"× {change.ratio:.3f}",
        f"{change.low:.3f} to {change.high:.3f}",
        f"{change.p:.2g}",
        "yes" if change.alarm else "",
    )


def as_markdown(document: DriftDocument) -> str:
    """The sentence, then the changes with the smallest p."""
    rows = [
        f"| {kind} | {problem} | {source} | {since} | {ratio} ({interval}) | {p} | {alarm} |"
        for kind, problem, source, since, ratio, interval, p, alarm in map(
            cells, document.changes[:LISTED]
        )
    ]
    head = [
        "| what | problem | source | since | time | p | alarm |",
        "|---|---|---|---|---|---|---|",
    ]
    left_out = [f"- left out {run}: {why}" for run, why in document.left_out.items()]
    also = [f"- {one}" for one in (*document.alarms, *document.differs)]
    return "\n".join([f"**{document.verdict}**", "", *also, *left_out, "", *head, *rows])


def _percent(ratio: float) -> str:
    return f"{100 * abs(ratio - 1):.1f} % {'slower' if ratio > 1 else 'faster'}"


def _signed(ratio: float) -> str:
    return f"{100 * (ratio - 1):+.1f} %".replace("-", "−")
