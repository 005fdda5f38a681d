"""How far an adaptation goes."""

from __future__ import annotations


def last_step(steps: int, draws: int, problems: int, budget: int | None) -> int:
    """Steps that are made: as many as were asked for, within a budget of rollouts of one arm.

    draws: of one problem in one round.
    """
    if budget is None:
        return steps
    return min(steps, budget // (draws * problems) - 1)
