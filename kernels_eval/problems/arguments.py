"""What `get_init_inputs` returns, as arguments of a constructor.

KernelBench has a list of positional arguments. Its forks also have a dictionary of keyword
arguments, and a list or tuple of both.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from kernels_eval.errors import ProblemError

Arguments = tuple[list[Any], dict[str, Any]]


def as_arguments(model: Callable[..., Any], drawn: Any) -> Arguments:
    """Positional and keyword arguments for `model`. Raises ProblemError for anything else."""
    if _names(drawn):
        return [], dict(drawn)
    if not isinstance(drawn, list | tuple):
        raise ProblemError(
            f"get_init_inputs() returns {type(drawn).__name__}; it must return a list of "
            "arguments, a dictionary of keyword arguments, or [arguments, keyword arguments]"
        )
    if len(drawn) == 2 and isinstance(drawn[0], list | tuple) and _names(drawn[1]):
        arguments, keywords = list(drawn[0]), dict(drawn[1])
        if _takes(model, arguments, keywords):
            return arguments, keywords
    return list(drawn), {}


def _names(value: Any) -> bool:
    return isinstance(value, dict) and all(isinstance(key, str) for key in value)


def _takes(model: Callable[..., Any], arguments: list[Any], keywords: dict[str, Any]) -> bool:
    """Whether a model has parameters of all these names beside the positional arguments."""
    try:
        signature = inspect.signature(model)
        signature.bind(*arguments, **keywords)
    except (TypeError, ValueError):
        return False
    gathers = any(one.kind is one.VAR_KEYWORD for one in signature.parameters.values())
    known = gathers or keywords.keys() <= signature.parameters.keys()
    return known and bool(keywords or not arguments)
