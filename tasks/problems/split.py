"""Two sides of a suite that have nothing in common: what is learned from, and what is held out."""

from __future__ import annotations

from collections.abc import Sequence

from tasks.errors import RequestError
from tasks.problems.base import Problem
from tasks.problems.narrow import parse_part, with_part

_LISTED = 10


def other_side(suite: str) -> str | None:
    """The other side of the seeded split that a suite's name takes a side of; None without one.

    Raises RequestError for a part that cannot be.
    """
    split = parse_part(suite.partition("#")[2]).split
    if split is None:
        return None
    side = "eval" if split.side == "train" else "train"
    return with_part(suite, {"split": f"{side}{split.seed}"})


def whole(suite: str) -> str:
    """The suite, or its levels, without a split."""
    head, _, part = suite.partition("#")
    kept = [one for one in part.split(",") if one and not one.startswith("split=")]
    return f"{head}#{','.join(kept)}" if kept else head


def check_apart(
    train: Sequence[Problem], held_out: Sequence[Problem], learns: str = "steps would learn from"
) -> None:
    """Raise RequestError that names problems which are on both sides. learns: in its words, who
    learns from them.

    Two are the same with one key (rows of the lake could not be told apart), with one text, and, in
    suites of KernelBench's problems, with one level and number: other sizes make no other problem.
    """
    keys, texts = {one.key for one in train}, {one.problem_hash for one in train}
    numbers = {_number(one) for one in train} - {None}
    both = [
        one
        for one in held_out
        if one.key in keys or one.problem_hash in texts or _number(one) in numbers
    ]
    if both:
        listed = ", ".join(f"{one.problem_id}" for one in both[:_LISTED])
        more = " …" if len(both) > _LISTED else ""
        raise RequestError(
            f"the splits overlap: {learns} held-out problems ({listed}{more}); leave "
            "them out on one side"
        )


def _number(problem: Problem) -> tuple[int, int] | None:
    """KernelBench's level and number; None for other suites' problems."""
    kind, _, argument = problem.suite.partition(":")
    kernelbench = kind in ("embedded", "kernelbench") or "kernelbench" in argument.lower()
    return (problem.level, problem.problem_id) if kernelbench else None
