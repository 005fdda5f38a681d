"""What a problem file changed of the process that it shares with the judge, and the judge lacks."""

from __future__ import annotations

import resource
import sys
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any

import torch

_OURS = {"torch", "numpy", "kernels_eval"} | set(sys.stdlib_module_names)
"""Whose functions the judge uses."""
_TORCH = Path(torch.__file__).parent
_NAMED = 3


class ProcessState:
    """Limits, search paths, and what the modules that the judge uses hold; made before a problem is
    loaded."""

    def __init__(self) -> None:
        self._limits = _limits()
        self._paths = _paths()
        self._held = {
            name: (module, {key: one for key, one in vars(module).items() if _used(one)})
            for name, module in list(sys.modules.items())
            if isinstance(module, ModuleType) and name.partition(".")[0] in _OURS
        }
        self._classes = {
            f"{one.__module__}.{one.__qualname__}": (one, dict(vars(one))) for one in _classes()
        }

    def changed(self) -> str:
        """Names of what is not as it was, a few of them; empty if all is."""
        found = [name for name, limit in _limits().items() if limit != self._limits[name]]
        now = _paths()
        found += [
            name for name, path in self._paths.items() if any(one not in now[name] for one in path)
        ]
        for name, (module, held) in self._held.items():
            if sys.modules.get(name) is not module:
                found.append(name)
                continue
            holds: dict[str, Any] = vars(module)
            found += [
                f"{name}.{key}"
                for key, one in held.items()
                if holds.get(key) is not one and not _wrapped_by_torch(holds.get(key), one)
            ]
        for name, (one, held) in self._classes.items():
            members = vars(one)
            found += [f"{name}.{key}" for key in held if members.get(key) is not held[key]]
            found += [f"{name}.{key}" for key in members.keys() - held.keys()]
        more = f" and {len(found) - _NAMED} more" if len(found) > _NAMED else ""
        return ", ".join(found[:_NAMED]) + more


def _wrapped_by_torch(now: object, before: object) -> bool:
    """Whether torch put a function of its own around it: torch._dynamo does, whoever imports it."""
    if not (type(now) is FunctionType and vars(now).get("__wrapped__") is before):
        return False
    return Path(now.__code__.co_filename).is_relative_to(_TORCH)


def _used(held: object) -> bool:
    """Whether it is a function, a class or a module: not one of the module's own variables."""
    return callable(held) or issubclass(type(held), ModuleType)  # asks the object nothing


def _classes() -> list[type]:
    """Those whose methods all of the judge's work goes through."""
    return [torch.Tensor, torch.nn.Module, torch.nn.Parameter, Path]


def _limits() -> dict[str, tuple[int, int]]:
    """The process's limits by name."""
    names = [name for name in dir(resource) if name.startswith("RLIMIT_")]
    return {name: resource.getrlimit(getattr(resource, name)) for name in names}


def _paths() -> dict[str, list[Any]]:
    return {"sys.path": [*sys.path], "sys.meta_path": [*sys.meta_path]}
