"""Rules that pick among the correct candidates of a problem, and their exact curves over K."""

# Importing a module registers its strategies, in the order in which they are listed to users.
from tasks.strategies import oracle, surprisal, confidence, random  # noqa: F401, I001
from tasks.strategies import total, length, tail, code_span  # noqa: F401
from tasks.strategies.base import (
    LEAST_SPREAD,
    Applicability,
    Draws,
    Strategy,
    register_strategy,
    strategies,
    strategy,
)

__all__ = [
    "LEAST_SPREAD",
    "Applicability",
    "Draws",
    "Strategy",
    "register_strategy",
    "strategies",
    "strategy",
]
