"""The step size at which a divergence has a wanted value."""

from __future__ import annotations

import math
from collections.abc import Callable

from tasks.errors import TrainingError

_FIRST = 1e-3
_FACTOR = 4.0
_CLOSE = 0.05
_TRIALS = 16


def size_of_divergence(divergence: Callable[[float], float], wanted: float) -> float:
    """A size s at which divergence(s) is `wanted` to 5 %: by its square root, and by bisection of
    log s where that leaves the bracket.

    divergence: 0 at 0 and growing; what is no number counts as too much. Raises TrainingError if
    16 trials do not find it.
    """
    low, high, size = 0.0, math.inf, _FIRST
    for _ in range(_TRIALS):
        found = divergence(size)
        if math.isnan(found):
            found = math.inf
        if abs(found - wanted) <= _CLOSE * wanted:
            return size
        if found < wanted:
            low = size
        else:
            high = size
        # Near 0 a divergence grows with the square of the size.
        guess = math.sqrt(wanted / found) if found > 0 else _FACTOR
        size *= min(max(guess, 1 / _FACTOR), _FACTOR)
        if not low < size < high:
            size = math.sqrt(low * high)
    raise TrainingError(
        f"no step size moves the model by {wanted:g} nats per token ({_TRIALS} trials ended "
        f"between {low:.3g} and {high:.3g}); set another kl:X, or lr:X"
    )
