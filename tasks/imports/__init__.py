"""Bring your own results: a table of draws becomes a run like any other."""

from tasks.imports.names import parse_columns
from tasks.imports.results import import_results

__all__ = ["import_results", "parse_columns"]
