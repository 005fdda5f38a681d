"""A problem's own objects, on their way into workers.

Each construction of a model gets a fresh copy, so what a constructor does to its arguments is its
own affair. Objects of classes that the problem file defines can be read wherever that is imported.
"""

from __future__ import annotations

import pickle
from typing import Any

from kernels_eval.errors import ProblemError
from kernels_eval.words import one_line


def pack(value: Any, what: str) -> bytes:
    """Raises ProblemError for what no other process can have, naming it as `what`."""
    try:
        packed = pickle.dumps(value, protocol=pickle.HIGHEST_PROTOCOL)
        pickle.loads(packed)  # what it refuses is refused here, not in a worker
    except Exception as error:
        raise ProblemError(
            f"{what} what cannot be handed to another process: {one_line(error)}"
        ) from error
    return packed


def same(one: Any, other: Any) -> bool:
    """Whether two values are equal; those whose equality is identity, by what they hold."""
    try:
        if bool(one == other):
            return True
    except Exception:
        pass  # arrays, for example
    try:
        return pickle.dumps(one) == pickle.dumps(other)
    except Exception:
        return False
