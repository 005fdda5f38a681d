"""A run as other tools read it."""

from tasks.exports.run import FORMATS, export_run

__all__ = ["FORMATS", "export_run"]
