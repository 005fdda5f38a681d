"""What a checkpoint has learned from, all the way back to the model without an adapter."""

from __future__ import annotations

from storage import Lake
from tasks.adapt.named import OPTION
from tasks.policies.options import options_of
from tasks.problems import Problem

_LEARNED = """
    WITH made AS (
        SELECT run_id, arm, unit, max(step) AS step FROM checkpoints
        WHERE checkpoint_id = $id GROUP BY ALL
    )
    SELECT DISTINCT p.suite, p.level, p.problem_id, p.name, p.source
    FROM train_items AS i
    JOIN made AS m ON (i.run_id, i.arm, i.unit) = (m.run_id, m.arm, m.unit) AND i.step <= m.step
    JOIN problems AS p
        ON (i.run_id, i.suite, i.level, i.problem_id) = (p.run_id, p.suite, p.level, p.problem_id)
    ORDER BY ALL
"""

_BEGAN = """
    SELECT DISTINCT policy FROM runs_latest
    WHERE run_id IN (SELECT run_id FROM checkpoints WHERE checkpoint_id = $id)
"""


def learned_from(lake: Lake, policy: str) -> tuple[Problem, ...]:
    """The problems that a policy's checkpoint, and those that it goes back to, have learned from.

    None for a policy without a checkpoint of this lake: of other adapters nobody knows.
    """
    found: dict[Problem, None] = {}
    seen: set[str] = set()
    left = [policy]
    while left:
        checkpoint = options_of(left.pop()).get(OPTION)
        if checkpoint is None or checkpoint in seen:
            continue
        seen.add(checkpoint)
        given = {"id": checkpoint}
        for row in lake.sql(_LEARNED, parameters=given).to_pylist():
            found[Problem(**row)] = None
        left += [row["policy"] for row in lake.sql(_BEGAN, parameters=given).to_pylist()]
    return tuple(found)
