"""Suites in KernelBench's format. Importing this package registers the built-in ones."""

from __future__ import annotations

from tasks.problems import embedded as _embedded  # noqa: F401  (registers)
from tasks.problems.base import Problem, Suite, load_suite, register_suite

__all__ = ["Problem", "Suite", "load_suite", "register_suite"]
