"""What a run's probe came to, read from the lake alone."""

from __future__ import annotations

import json
from collections.abc import Sequence

from storage import Lake
from tasks.adapt.extent import last_step
from tasks.adapt.standing import Made
from tasks.adapt.units import units_of
from tasks.errors import RequestError
from tasks.probe.draws import Draws, fixed_draws, own_draws
from tasks.probe.findings import Finding, Weights, findings, weights_of
from tasks.probe.scores import Scores
from tasks.probe.step import parts_of
from tasks.problems import Problem

_PROBLEMS = """
    SELECT DISTINCT suite, level, problem_id, name, source FROM problems
    ORDER BY suite, level, problem_id
"""


def stored_findings(lake: Lake, run_id: str) -> list[Finding]:
    """Of the run's own draws, arm by arm and step by step; empty where it was not probed with them,
    or not to the end."""
    if not lake.sql("SELECT 1 FROM probes WHERE draws_run = run_id LIMIT 1", [run_id]).num_rows:
        return []
    (asked,) = lake.sql("SELECT config FROM runs_latest", [run_id]).to_pylist()
    adapt = json.loads(asked["config"])["adapt"]
    problems = [Problem(**row) for row in lake.sql(_PROBLEMS, [run_id]).to_pylist()]
    keys = [one.key for one in problems]
    try:
        fixed = fixed_draws(lake, run_id, keys)
    except RequestError:
        return []
    own = own_draws(lake, run_id, keys)
    draws = int(adapt["group"]) + int(adapt.get("tail", 0))
    last = last_step(adapt["steps"], draws, max(1, len(problems)), adapt.get("budget"))
    units = units_of(adapt["arms"], problems, adapt["unit"])
    weights = list(weights_of(units, Made(lake, run_id, adapt["patience"]), last))
    scores = Scores(lake, run_id)
    if _owed(weights, problems, fixed, own, scores):
        return []
    return findings(weights, fixed, own, scores)


def _owed(
    weights: Sequence[Weights],
    problems: Sequence[Problem],
    fixed: Draws,
    own: Draws,
    scores: Scores,
) -> bool:
    """Whether a checkpoint has yet to score one of the draws."""
    done = scores.scored()
    trained = {
        key: left
        for key, rows in own.rows.items()
        if (left := [row for row in rows if row["checkpoint_id"] is not None])
    }
    if parts_of(None, fixed, problems, done) or parts_of(
        None, Draws(own.run, trained), problems, done
    ):
        return True
    return any(
        parts_of(one.checkpoints.get(key), fixed, [problem], done)
        for one in weights
        for problem in problems
        if (key := problem.key) in one.checkpoints
    )
