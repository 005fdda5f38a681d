"""How a reference's outputs are arranged, and a candidate's outputs found by the same positions and
names.

A tuple may stand for a list. What has names is known by them: a dictionary in another order is the
same, and a tuple in a dictionary's place is not.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import torch

from kernels_eval.tree import Leaf, children, is_object

_NAMED = 8
"""Names that a message lists at most."""


@dataclass(frozen=True, slots=True)
class Positions:
    """A list or a tuple."""

    inside: tuple[Any, ...]
    names: tuple[str, ...] = ()
    """Of a named tuple."""


@dataclass(frozen=True, slots=True)
class Names:
    """A dictionary, or an object's attributes."""

    inside: dict[Any, Any]


class StructureError(Exception):
    """Outputs that are not arranged like the reference's; the message says where and how."""


def structure_of(nesting: Any) -> Any:
    """Of what `flatten` made of the reference's outputs: Leaf, Positions, Names or None."""
    inside = children(nesting)
    if inside is None:
        return nesting
    parts = {key: structure_of(value) for key, value in inside.items()}
    if isinstance(nesting, list | tuple):
        return Positions(tuple(parts.values()), tuple(getattr(nesting, "_fields", ())))
    return Names(parts)


def arranged(structure: Any, outputs: Any) -> list[torch.Tensor]:
    """The tensors of `outputs`, in the reference's order. Raises StructureError."""
    if isinstance(structure, Leaf) and isinstance(outputs, torch.Tensor):
        return [outputs]
    found: list[torch.Tensor] = []
    _collect(structure, outputs, "the output", found)
    return found


def _collect(wanted: Any, output: Any, where: str, found: list[torch.Tensor]) -> None:
    if isinstance(wanted, Leaf):
        if not isinstance(output, torch.Tensor):
            raise StructureError(f"{where} is {_kind(output)}, wanted a tensor")
        found.append(output)
    elif isinstance(wanted, Positions):
        names = wanted.names or range(len(wanted.inside))
        parts = _positions(wanted, output, where)
        for name, part, child in zip(names, parts, wanted.inside, strict=True):
            _collect(child, part, f"{where}[{name!r}]", found)
    elif isinstance(wanted, Names):
        parts_by_name = _by_name(output)
        if parts_by_name is None:
            raise StructureError(f"{where} is {_kind(output)}, wanted {_listed(wanted.inside)}")
        _check_names(parts_by_name, wanted.inside, where)
        for key, child in wanted.inside.items():
            _collect(child, parts_by_name[key], f"{where}[{key!r}]", found)
    elif output is not None:
        raise StructureError(f"{where} is {_kind(output)}, wanted None")


def _positions(wanted: Positions, output: Any, where: str) -> list[Any]:
    """What stands at each of the wanted positions."""
    named = _by_name(output) if wanted.names else None
    if named is not None:
        _check_names(named, wanted.names, where)
        return [named[name] for name in wanted.names]
    count = len(wanted.inside)
    if not isinstance(output, list | tuple):
        raise StructureError(f"{where} is {_kind(output)}, wanted a tuple or list of {count}")
    if len(output) != count:
        raise StructureError(f"{where} has {len(output)} parts, wanted {count}")
    return list(output)


def _by_name(output: Any) -> dict[Any, Any] | None:
    """What an output holds by name; None if it has no names."""
    if isinstance(output, Mapping):
        return dict(output)
    if isinstance(output, tuple) and hasattr(output, "_fields"):
        return dict(zip(output._fields, output, strict=True))
    return children(output) if is_object(output) else None


def _check_names(there: Iterable[Any], wanted: Iterable[Any], where: str) -> None:
    if set(there) != set(wanted):
        raise StructureError(f"{where} has {_listed(there)}, wanted {_listed(wanted)}")


def _listed(names: Iterable[Any]) -> str:
    shown = [repr(name) for name in names]
    more = f" and {len(shown) - _NAMED} more" if len(shown) > _NAMED else ""
    return f"the names {', '.join(shown[:_NAMED])}{more}" if shown else "no names"


def _kind(output: Any) -> str:
    if isinstance(output, torch.Tensor):
        return "a tensor"
    if isinstance(output, list | tuple):
        return f"a {type(output).__name__} of {len(output)}"
    return "None" if output is None else f"a {type(output).__name__}"
