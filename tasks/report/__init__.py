"""The report: a page, a terminal table and a Markdown summary that answer the same question."""

from tasks.report.build import build_report
from tasks.report.summary import summary, summary_markdown

__all__ = ["build_report", "summary", "summary_markdown"]
