"""The report: a page, a terminal table and a Markdown summary that answer the same question."""

from tasks.report.build import build_report
from tasks.report.document import report_document
from tasks.report.summary import summary, summary_markdown

__all__ = ["build_report", "report_document", "summary", "summary_markdown"]
