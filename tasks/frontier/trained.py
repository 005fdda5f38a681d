"""What a training came to, as `bon train` ends with it and its report begins."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from storage import Lake
from tasks.adapt.standing import Made
from tasks.adapt.units import BATCH, Unit
from tasks.frontier.document import GuardAnswer, Plain
from tasks.frontier.held_out import ArmHeldOut, held_out


class Trained(Plain):
    """Every arm on held-out problems, whether the evaluator stood still, and one sentence."""

    arms: dict[str, ArmHeldOut]
    guards: dict[str, GuardAnswer]
    verdict: str


def trained(
    lake: Lake, run_id: str, arms: Sequence[str], policy: str, unfinished: int | None
) -> Trained:
    """arms: those that learn. policy: that they began with. unfinished: draws that were asked for
    and have no verdict, but for those of refused problems; None: some, nobody counted them."""
    found, guard = held_out(lake, run_id, arms, policy)
    verdict = "; ".join(dict.fromkeys(one.verdict for one in found.values()))
    if unfinished != 0:
        said = "it was ended early" if unfinished is None else f"{unfinished} draws have none yet"
        verdict = f"no verdict: {said}; `bon train --run {run_id}` goes on"
    answer = GuardAnswer(passed=guard.passed, detail=guard.detail)
    return Trained(arms=found, guards={"anchors": answer}, verdict=verdict)


def trainings(lake: Lake, run_ids: Sequence[str]) -> Iterator[tuple[str, Trained]]:
    """Those among the runs, by name."""
    rows = lake.sql(_ASKED, run_ids).to_pylist()
    of_run = {row["run_id"]: row for row in rows}
    for run_id in (one for one in run_ids if one in of_run):
        config = json.loads(of_run[run_id]["config"])
        arms = config["adapt"]["arms"]
        unfinished = int(of_run[run_id]["unjudged"]) if _is_over(lake, run_id, config) else None
        yield run_id, trained(lake, run_id, arms, config["policy"], unfinished)


_ASKED = """
    SELECT r.run_id, r.config, count(d.run_id) AS unjudged
    FROM runs_latest AS r
    LEFT JOIN (
        SELECT run_id FROM results
        ANTI JOIN refused_problems USING (run_id, suite, level, problem_id)
        WHERE arm IS NOT NULL AND (status IS NULL OR status = 'harness_error')
    ) AS d USING (run_id)
    WHERE r.kind = 'train'
    GROUP BY ALL
"""


def _is_over(lake: Lake, run_id: str, config: Mapping[str, Any]) -> bool:
    """Whether every arm made its last step, or ended before, and drew at its last checkpoint."""
    adapt = config["adapt"]
    of = "SELECT DISTINCT arm, step, purpose FROM candidates WHERE arm IS NOT NULL"
    drawn = {tuple(row.values()) for row in lake.sql(of, [run_id]).to_pylist()}
    last, budget = adapt["steps"], adapt.get("budget")
    if budget is not None:
        last = min(last, budget // (config["train"]["batch"] * adapt["group"]))
    made = Made(lake, run_id, int(adapt.get("patience", 1)))
    standings = {
        arm: made.at(Unit(arm, number, BATCH, ()), last)
        for number, arm in enumerate(adapt["arms"], 1)
    }
    return all(
        one is not None and (one.ended or (arm, last, "confirm") in drawn)
        for arm, one in standings.items()
    )
