"""Whether a reference keeps state from one call to the next."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch

from kernels_eval.errors import ProblemError

Call = Callable[[Any], Sequence[torch.Tensor]]


def check_stateless(
    model: Any, build: Callable[[], Any], first: Sequence[torch.Tensor], call: Call
) -> None:
    """`first`: what the model's first call returned, of which `call` is the same once more.

    Raises ProblemError if the second call returns something else, and a fresh model does not.
    """
    before = _held(model)
    if _alike(first, call(model)) or not _alike(first, call(build())):
        return  # a function of its inputs; or random, which is told elsewhere
    changed = [name for name, mark in _held(model).items() if before.get(name) != mark]
    named = f" ({', '.join(sorted(changed)[:3])})" if changed else ""
    raise ProblemError(
        f"Model keeps state from one call to the next{named}: its output is not a function of its "
        "inputs alone"
    )


def _alike(ones: Sequence[torch.Tensor], others: Sequence[torch.Tensor]) -> bool:
    """Up to what sums in another order make of it."""
    return all(
        torch.allclose(one, other, rtol=1e-3, atol=1e-6, equal_nan=True)
        if one.is_floating_point() or one.is_complex()
        else torch.equal(one, other)
        for one, other in zip(ones, others, strict=True)
    )


def _held(model: Any) -> dict[str, tuple[int, int]]:
    """Every tensor that a model holds, by name: which one it is, and how often it was changed."""
    modules = model.named_modules() if isinstance(model, torch.nn.Module) else [("", model)]
    return {
        f"{path}.{name}".lstrip("."): (id(value), value._version)
        for path, module in modules
        for kind in ("__dict__", "_buffers")
        for name, value in getattr(module, kind, {}).items()
        if isinstance(value, torch.Tensor)
    }
