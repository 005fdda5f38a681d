"""Whether a run's times were all taken on like machines, said before more are taken."""

from __future__ import annotations

from collections.abc import Sequence

from prefect.logging import get_logger

from storage import Lake

_logger = get_logger("judge")

_MACHINES = """
    SELECT DISTINCT machine FROM evaluations
    WHERE machine IS NOT NULL AND harness_id = $harness_id ORDER BY machine
"""


def measured_on(lake: Lake, run_id: str, harness_id: str) -> list[str]:
    """The models of hardware that the run's verdicts of this harness were reached on."""
    rows = lake.sql(_MACHINES, [run_id], {"harness_id": harness_id}).to_pylist()
    return [str(row["machine"]) for row in rows]


def tell_of_others(run_id: str, before: Sequence[str], now: Sequence[str]) -> None:
    """Warn in one line if what was measured `before` and `now` is not all of one model."""
    elsewhere = sorted(set(before) - set(now))
    if elsewhere and now:
        _logger.warning(
            "run %s was measured on %s until now, and goes on on %s: its times are not all "
            "comparable (column `machine` of `evaluations`)",
            run_id,
            " and ".join(elsewhere),
            " and ".join(now),
        )
    elif len(now) > 1:
        _logger.warning(
            "the judges of run %s are on unlike machines (%s): each problem stays on one kind, and "
            "problems are not comparable across them (column `machine` of `evaluations`)",
            run_id,
            ", ".join(now),
        )
