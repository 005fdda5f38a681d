"""The report: a page, a terminal table and a Markdown summary that answer the same question."""

from tasks.report.build import Report, build_report
from tasks.report.data import gather
from tasks.report.document import report_document
from tasks.report.summary import Summary, as_markdown, as_table, summary

__all__ = [
    "Report",
    "Summary",
    "as_markdown",
    "as_table",
    "build_report",
    "gather",
    "report_document",
    "summary",
]
