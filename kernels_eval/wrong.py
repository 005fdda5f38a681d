"""What a verdict says of an answer that is wrong: where, by how much, and a likely cause."""

from __future__ import annotations

import math

from kernels_eval.screening.arithmetic import draws, halves, multiplies
from kernels_eval.timing.runner import Wrong
from kernels_eval.types import Difference

REDUCED = (3e-5, 3e-3)
"""Relative distances, by norm, of products in TF32 and of results in float16 or bfloat16."""


def precision(source: str, *, norm: float, on_gpu: bool) -> str | None:
    """`tf32` or `half` for a distance that either explains, and a source that uses it."""
    if not REDUCED[0] <= norm <= REDUCED[1]:
        return None
    if halves(source):
        return "half"
    return "tf32" if on_gpu and multiplies(source) else None


def said(distance: float, difference: Difference | None) -> str:
    """In one line. No distance is finite of integers, and beside what is not a number."""
    text = "wrong result"
    if math.isfinite(distance):
        text += f": {distance:.3g} times as far from the float64 result as is allowed"
    if difference is None:
        return text
    place = ", ".join(map(str, difference.index))
    output = f" of output {difference.output}" if difference.output else ""
    return (
        f"{text}; first wrong at [{place}]{output}: {difference.candidate:.6g} instead of "
        f"{difference.expected:.6g}; largest difference {difference.absolute:.3g}, relative "
        f"{difference.relative:.3g}"
    )


def hint(source: str, wrong: Wrong, overwritten: str, reduced: str | None) -> str:
    """A likely cause, or nothing."""
    if wrong.one_memory:
        return (
            "every call returned the same memory: an output that is kept in the model is "
            "overwritten by the next call; allocate it in forward"
        )
    if overwritten:
        return (
            f"the reference's weights took the place of what __init__ had made of them "
            f"({overwritten[:200]}): store what is transformed under a name of its own"
        )
    if draws(source):
        return (
            "random numbers drawn on import or in forward are the reference's only if both draw "
            "the same, first thing: make constants of them in __init__, as the reference does"
        )
    if reduced == "tf32":
        return 'TF32? tl.dot wants input_precision="ieee", and torch no allow_tf32'
    return "half precision?" if reduced == "half" else ""
