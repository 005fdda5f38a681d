"""Suites in KernelBench's format. Importing this package registers the built-in ones.

`embedded[:SIZE]` this repository's own 20 operators · `kernelbench:PATH` a checkout · `hf:REPO` its
dataset, from the hub or from Parquet · `dir:PATH` problem files of one's own. Behind any of them,
`#level=1,split=eval42` takes a part. Adding one is one file with `@register_suite`.
"""

from __future__ import annotations

from tasks.problems import directory, embedded, hub, kernelbench
from tasks.problems.base import Problem, Suite, load_suite, register_suite

__all__ = [
    "Problem",
    "Suite",
    "directory",
    "embedded",
    "hub",
    "kernelbench",
    "load_suite",
    "register_suite",
]
