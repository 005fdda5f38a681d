"""The numbers of draws in a run of several arms: unique per problem, so that every key works.

The base arm's are 0, 1, 2, …: stage s holds s·G to (s+1)·G − 1. Draw g of trained arm a (1, 2, …)
after s steps is a·1,000,000 + s·10,000 + g.
"""

from __future__ import annotations

from tasks.errors import RequestError

ARM = 1_000_000
STEP = 10_000

MOST_STEPS = ARM // STEP - 1
MOST_DRAWS = STEP
"""Of one problem in one step."""


def draw_indices(arm: int, step: int, group: int) -> range:
    """`sample_index` of the `group` draws of one problem.

    arm: 0 for the base arm, else the trained arm's place in the request, from 1. step: of the base
    arm the stage. Raises RequestError beyond the limits, ValueError for a trained arm's step 0,
    which is the base arm's.
    """
    check_numbers(step, group)
    if arm == 0:
        return range(step * group, (step + 1) * group)
    if arm < 0 or step == 0:
        raise ValueError(f"arm {arm} has no draws of its own at step {step}")
    first = arm * ARM + step * STEP
    return range(first, first + group)


def check_numbers(steps: int, group: int) -> None:
    """Raises RequestError if draws of so many steps cannot be numbered."""
    if not 0 <= steps <= MOST_STEPS:
        raise RequestError(f"{steps} steps cannot be numbered: take {MOST_STEPS} at most")
    if not 1 <= group <= MOST_DRAWS:
        raise RequestError(
            f"{group} draws of a problem in one step cannot be numbered: take 1 to {MOST_DRAWS:,}"
        )
