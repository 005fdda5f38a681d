"""Commands as a user without rights: this one, or for root an id that nobody else has."""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from kernels_eval.sandbox.user_ids import claim_user_ids

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class OrdinaryUser:
    """How to run Python as one; `environment` has places that this user may write."""

    prefix: tuple[str, ...]
    environment: dict[str, str]

    def python(self, *arguments: str) -> list[str]:
        return [*self.prefix, sys.executable, *arguments]


def ordinary_environment(home: Path) -> dict[str, str]:
    """With every place that is written to below `home`."""
    return {
        **os.environ,
        "HOME": str(home),
        "TMPDIR": str(home),
        "XDG_CACHE_HOME": str(home / "cache"),
        "PYTHONPATH": str(ROOT),
        "PYTHONDONTWRITEBYTECODE": "1",
    }


@contextlib.contextmanager
def ordinary_user(home: Path) -> Iterator[OrdinaryUser]:
    """Root's becomes one that may read everything, as Python often lies below root's home."""
    environment = ordinary_environment(home)
    if os.geteuid() != 0:
        yield OrdinaryUser((), environment)
        return
    setpriv = shutil.which("setpriv")
    if setpriv is None:
        pytest.skip("needs setpriv")
    with claim_user_ids(1) as ids:
        os.chown(home, ids.base, ids.base)
        for place in home.parents:
            if place.is_relative_to(tempfile.gettempdir()) and place.stat().st_uid == 0:
                place.chmod(place.stat().st_mode | 0o055)
        user = (f"--reuid={ids.base}", f"--regid={ids.base}", "--clear-groups")
        reads = ("--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search")
        yield OrdinaryUser((setpriv, *user, *reads), environment)
