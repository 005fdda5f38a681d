"""A user's Python file that registers strategies of its own."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

from tasks.errors import RequestError
from tasks.strategies.base import strategies


def load_plugin(path: Path) -> list[str]:
    """Run the file and return the names that it registered (see `register_strategy`).

    It is the user's own code and runs with the user's rights. Raises RequestError if it is missing,
    fails, or registers nothing.
    """
    if not path.is_file():
        raise RequestError(f"no file {path}; name a Python file that registers strategies")
    before = {one.name: one for one in strategies(exploratory=True)}
    name = f"bon_plugin_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise RequestError(f"{path} is no Python file; its name must end in .py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        raise RequestError(f"{path} failed: {type(error).__name__}: {error}; mend it") from error
    added = [one.name for one in strategies(exploratory=True) if before.get(one.name) is not one]
    if not added:
        raise RequestError(
            f"{path} registers no strategy; put @register_strategy(NAME) from tasks.strategies "
            "on a function from Draws to scores"
        )
    return added
