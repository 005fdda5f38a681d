"""Whether a reference answers the same question alike: it keeps no state, and draws no numbers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

import torch

from kernels_eval.errors import ProblemError


class Call(Protocol):
    """A model's outputs for the same inputs each time."""

    def __call__(self, model: Any, *, seed: int = 0) -> Sequence[torch.Tensor]: ...


def check_repeatable(
    model: Any,
    first: Sequence[torch.Tensor],
    call: Call,
    anew: Callable[[], Sequence[torch.Tensor]],
) -> None:
    """`first`: what the model's first call returned, of which `call` is the same once more.

    `anew`: what another model returns, of the problem file imported once more. Raises ProblemError
    if another call, or that model, returns something else.
    """
    before, again = _held(model), anew()
    if not _alike(first, call(model)) and _alike(first, again):
        changed = [name for name, mark in _held(model).items() if before.get(name) != mark]
        named = f" ({', '.join(sorted(changed)[:3])})" if changed else ""
        raise ProblemError(
            f"Model keeps state from one call to the next{named}: its output is not a function of "
            "the inputs alone"
        )
    if not _alike(first, call(model, seed=1)):
        raise ProblemError(
            "Model.forward draws random numbers: its output is not a function of the inputs alone"
        )
    if not _alike(first, again):
        raise ProblemError(
            "Model computes with numbers that are others each time the file is imported (of an "
            "unseeded generator, or the time): no candidate can know them; seed the generator, or "
            "draw them with torch's"
        )


def _alike(ones: Sequence[torch.Tensor], others: Sequence[torch.Tensor]) -> bool:
    """Up to what sums in another order make of it."""
    return all(
        torch.allclose(one, other, rtol=1e-3, atol=1e-6, equal_nan=True)
        if one.is_floating_point() or one.is_complex()
        else torch.equal(one, other)
        for one, other in zip(ones, others, strict=True)
    )


def _held(model: Any) -> dict[str, Any]:
    """What changes if a tensor or number that a model holds does, by name."""
    modules = model.named_modules() if isinstance(model, torch.nn.Module) else [("", model)]
    return {
        f"{path}.{name}".lstrip("."): (
            (id(value), value._version) if isinstance(value, torch.Tensor) else value
        )
        for path, module in modules
        for kind in ("__dict__", "_buffers")
        for name, value in getattr(module, kind, {}).items()
        if isinstance(value, torch.Tensor | int | float)
    }
