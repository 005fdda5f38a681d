"""The command line `bon`, one file per family of commands; heavy imports wait for the command."""

from __future__ import annotations

from flows.cli import ask, doctor, judge, problems, rescore, results, strategies, sweep  # noqa: F401  (register)
from flows.cli.app import app

__all__ = ["app"]
