"""Where Ray's workers look for modules: nowhere that this process does not.

Ray would have them look into the current directory first: a `storage/` or `json.py` of the user's
would take the place of ours, or of Python's own.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable

from ray.job_config import JobConfig


class _OurPaths(list[str]):
    def extend(self, paths: Iterable[str]) -> None:
        super().extend(path for path in paths if path in sys.path)


def job_config() -> JobConfig:
    """For `ray.init`. Ray extends the list of paths by what it would add, once."""
    made = JobConfig()
    made._py_driver_sys_path = _OurPaths()
    return made
