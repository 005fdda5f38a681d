"""The command line `bon`, one file per family of commands; heavy imports wait for the command."""

from __future__ import annotations

from flows.cli import (  # noqa: F401  (register)
    adapt,
    ask,
    bring,
    doctor,
    drift,
    frontier,
    judge,
    judging,
    probe,
    problems,
    rescore,
    results,
    strategies,
    sweep,
    train,
)
from flows.cli.app import app

__all__ = ["app"]
