"""The numbers of draws in a run of several arms: unique per problem, so that every key works.

The base arm's are 0, 1, 2, …: stage s holds s·G to (s+1)·G − 1. Draw g of trained arm a (1, 2, …)
after s steps is a·1,000,000 + s·10,000 + g. These are what the steps learn from (`round`). Draws
for another purpose have a range of their own: those of a tail, 1,000,000,000 + a·1,000,000 +
s·10,000 + h, and those that confirm, 2,000,000,000 + the same; the base arm is a = 0 there.
"""

from __future__ import annotations

from typing import Literal, get_args

from tasks.errors import RequestError

ARM = 1_000_000
STEP = 10_000
PURPOSE = 1_000_000_000

MOST_ARMS = PURPOSE // ARM - 1
MOST_STEPS = ARM // STEP - 1
MOST_DRAWS = STEP
"""Of one problem in one step, for one purpose."""

Purpose = Literal["round", "tail", "confirm"]
"""`round`: what a step learns from. `tail`: more search under the same weights, within the arm's
budget. `confirm`: fresh draws outside it, which nothing was chosen by. Column `purpose` of
`candidates`."""

PURPOSES: tuple[Purpose, ...] = get_args(Purpose)

_ANCHOR = len(PURPOSES) * PURPOSE


def draw_indices(arm: int, step: int, draws: int, purpose: Purpose = "round") -> range:
    """`sample_index` of the draws of one problem.

    arm: 0 for the base arm, else the trained arm's place in the request, from 1. step: of the base
    arm the stage. Raises RequestError beyond the limits, ValueError for a trained arm's step 0,
    which is the base arm's.
    """
    check_numbers(step, draws, arm)
    if arm < 0 or (arm > 0 and step == 0):
        raise ValueError(f"arm {arm} has no draws of its own at step {step}")
    if arm == 0 and purpose == "round":
        return range(step * draws, (step + 1) * draws)
    first = PURPOSES.index(purpose) * PURPOSE + arm * ARM + step * STEP
    return range(first, first + draws)


def purpose_of(sample_index: int) -> Purpose:
    """What a draw of an adaptation is for. Raises ValueError for what is no number of a draw."""
    if not 0 <= sample_index < _ANCHOR:
        raise ValueError(f"{sample_index} is no number of a draw")
    return PURPOSES[sample_index // PURPOSE]


def anchor_number(round_: int, sample_index: int) -> int:
    """In a round's queue, that this draw of the base arm's first stage is measured anew.

    No draw has such a number, and it is never stored.
    """
    return _ANCHOR + round_ * STEP + sample_index


def check_numbers(steps: int, group: int, arms: int = 0) -> None:
    """Raises RequestError if draws of so many arms and steps cannot be numbered."""
    if not 0 <= steps <= MOST_STEPS:
        raise RequestError(f"{steps} steps cannot be numbered: take {MOST_STEPS} at most")
    if not 1 <= group <= MOST_DRAWS:
        raise RequestError(
            f"{group} draws of a problem in one step cannot be numbered: take 1 to {MOST_DRAWS:,}"
        )
    if arms > MOST_ARMS:
        raise RequestError(f"{arms} trained arms cannot be numbered: take {MOST_ARMS} at most")
