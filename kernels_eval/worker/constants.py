"""Parameters that a constructor leaves at one value are drawn around it, on both sides alike.

A scale of ones and a shift of zeros are the identity, and a branch that weighs 1e-6 is nothing: a
kernel without them would be right. So each such tensor gets numbers that follow from the seed, its
shape and the value alone, whatever its name and whenever it is made: while the constructor runs,
as soon as it holds the value (`nn.init`, `nn.Parameter`, `register_buffer`, a batch norm's
statistics).
What a candidate makes of them in its own constructor (folded, joined, transposed) is right then.
What the reference does not hold is left alone: a workspace of zeros stays one.
"""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

Constant = tuple[str, tuple[int, ...], float, bool]
"""Parameter or buffer, its shape without ones, and the value; whether that stands on a diagonal (a
parameter that is an identity), with zeros elsewhere."""

_PARAMETER, _BUFFER = "parameter", "buffer"
_NEGLIGIBLE = 1e-2
"""What is smaller is drawn as large as a weight is: 1e-6 and half as much are both nothing."""
_MASK = "mask"
_NORM = "running_mean", "running_var"
_INITS = ("ones_", "zeros_", "constant_", "eye_", "dirac_")


@dataclass(frozen=True)
class Redraw:
    """Which constants are drawn, and from which seed."""

    constants: frozenset[Constant] = frozenset()
    seed: int = 0

    def __bool__(self) -> bool:
        return bool(self.constants)

    def values(self, constant: Constant, like: torch.Tensor) -> torch.Tensor:
        """What a tensor that is such a constant is to hold."""
        kind, shape, value, diagonal = constant
        text = f"{self.seed} {kind} {shape} {value!r} {diagonal}"
        number = int.from_bytes(hashlib.sha256(text.encode()).digest()[:7], "big")
        generator = torch.Generator().manual_seed(number)
        parts = torch.rand(shape, generator=generator, dtype=torch.float64)
        drawn = around(value, parts)
        if diagonal:
            drawn = like.cpu().double().reshape(shape) + value * (parts - 0.5) / shape[0] ** 0.5
        return drawn.reshape(like.shape).to(like.device, like.dtype)

    def of(self, tensor: torch.Tensor, kind: str) -> torch.Tensor | None:
        """What a tensor is to hold instead; None if it is none of the constants."""
        shape = _squeezed(tensor)
        if not any(kind == known[0] and shape == known[1] for known in self.constants):
            return None
        found = _constant(tensor, kind)
        return self.values(found, tensor) if found in self.constants and found else None


def around(value: float, parts: torch.Tensor) -> torch.Tensor:
    """Numbers around a value, and of its sign: half of it to one and a half; where that is next to
    nothing, up to 0.75 of one; around zero, of either sign. `parts`: drawn from [0, 1)."""
    if abs(value) >= _NEGLIGIBLE:
        return value * (0.5 + parts)
    if value:
        return (0.25 + 0.5 * parts) * (1.0 if value > 0 else -1.0)
    return parts - 0.5


_active = Redraw()


def constants_of(model: Any) -> dict[str, Constant]:
    """The floating parameters and buffers that hold one value each, by name; masks are none."""
    found = {
        name: _constant(value, kind)
        for name, value, kind in _held(model)
        if not value.is_meta and _MASK not in name.lower()
    }
    return {name: constant for name, constant in found.items() if constant is not None}


def impose(model: Any, redraw: Redraw, names: Iterable[str] = ()) -> None:
    """Draw what still holds a constant: it came to that on another way.

    `names`: of the reference's state, under which a candidate may hold a plain tensor. One of
    another name is drawn as well unless it is zero: it may be a workspace then.
    """
    if not redraw:
        return
    with torch.no_grad():
        for _, value, kind in _held(model):
            _draw_in_place(value, kind, redraw)
        for name in names:
            plain: Any = model
            for part in name.split("."):
                plain = getattr(plain, part, None)
            _draw_plain(plain, redraw)
        for module in model.modules() if names and isinstance(model, nn.Module) else ():
            for value in vars(module).values():
                if type(value) is torch.Tensor and bool((value != 0).all()):
                    _draw_plain(value, redraw)


@contextlib.contextmanager
def redrawing(redraw: Redraw) -> Iterator[None]:
    """Around an import and a constructor. Names bound meanwhile do nothing afterwards."""
    global _active
    before, _active = _active, redraw
    try:
        with contextlib.ExitStack() as undo:
            for owner, name, replacement in _replacements():
                saved = vars(owner)[name]
                setattr(owner, name, replacement)
                undo.callback(setattr, owner, name, saved)
            yield
    finally:
        _active = before


def _replacements() -> Iterator[tuple[Any, str, Any]]:
    for name in _INITS:
        yield nn.init, name, _drawing_init(getattr(nn.init, name))
    yield nn.Parameter, "__new__", staticmethod(_drawing_new(nn.Parameter.__new__))
    yield nn.Module, "register_buffer", _drawing_buffer(nn.Module.register_buffer)
    norm = torch.nn.modules.batchnorm._NormBase
    yield norm, "reset_running_stats", _drawing_statistics(norm.reset_running_stats)


def _drawing_init(original: Callable[..., Any]) -> Callable[..., Any]:
    def init(tensor: torch.Tensor, *arguments: Any, **keywords: Any) -> Any:
        result = original(tensor, *arguments, **keywords)
        kind = _PARAMETER if isinstance(tensor, nn.Parameter) else _BUFFER
        _draw_in_place(tensor, kind, _active)
        return result

    return init


def _drawing_new(original: Callable[..., Any]) -> Callable[..., Any]:
    def new(cls: Any, data: Any = None, *arguments: Any, **keywords: Any) -> Any:
        if _active and type(data) in (torch.Tensor, nn.Parameter):
            drawn = _active.of(data.detach(), _PARAMETER)
            data = data if drawn is None else drawn
        return original(cls, data, *arguments, **keywords)

    return new


def _drawing_buffer(original: Callable[..., Any]) -> Callable[..., Any]:
    def register(self: Any, name: str, tensor: Any, *arguments: Any, **keywords: Any) -> Any:
        if _active and type(tensor) is torch.Tensor:
            drawn = _active.of(tensor, _BUFFER)
            tensor = tensor if drawn is None else drawn
        return original(self, name, tensor, *arguments, **keywords)

    return register


def _drawing_statistics(original: Callable[..., Any]) -> Callable[..., Any]:
    def reset(self: Any) -> None:
        original(self)
        for name in _NORM:
            _draw_in_place(getattr(self, name, None), _BUFFER, _active)

    return reset


def _draw_in_place(tensor: Any, kind: str, redraw: Redraw) -> None:
    if not redraw or not isinstance(tensor, torch.Tensor):
        return
    drawn = redraw.of(tensor.detach(), kind)
    if drawn is not None:
        with torch.no_grad():
            tensor.copy_(drawn)


def _draw_plain(value: Any, redraw: Redraw) -> None:
    if type(value) is torch.Tensor:
        _draw_in_place(value, _PARAMETER, redraw)
        _draw_in_place(value, _BUFFER, redraw)


def _held(model: Any) -> Iterator[tuple[str, torch.Tensor, str]]:
    """State by name, and which of both it is."""
    if not isinstance(model, nn.Module):
        return
    parameters = dict(model.named_parameters(remove_duplicate=False))
    for name, value in model.state_dict().items():
        if isinstance(value, torch.Tensor):
            yield name, value, _PARAMETER if name in parameters else _BUFFER


def _squeezed(tensor: torch.Tensor) -> tuple[int, ...]:
    return tuple(extent for extent in tensor.shape if extent != 1)


def _constant(tensor: torch.Tensor, kind: str) -> Constant | None:
    if not tensor.is_floating_point() or not tensor.numel() or tensor.layout is not torch.strided:
        return None
    first = tensor.reshape(-1)[0]
    if not bool(first.isfinite()):
        return None
    value, shape = float(f"{float(first):.3g}"), _squeezed(tensor)
    if bool((tensor == first).all()):
        return kind, shape, value, False
    if kind is not _PARAMETER or len(shape) != 2 or not value:
        return None
    matrix = tensor.reshape(shape)
    identity = first * torch.eye(*shape, dtype=tensor.dtype, device=tensor.device)
    return (kind, shape, value, True) if torch.equal(matrix, identity) else None
