"""The page: one HTML file that asks no host for anything."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from importlib.resources import files

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape
from plotly.offline import get_plotlyjs

from tasks.report.answer import Answer
from tasks.report.data import ReportData
from tasks.report.exhibits.browser import Shelf
from tasks.report.exhibits.exhibit import Exhibit
from tasks.report.figures.style import keys
from tasks.report.formats import TIED, plural

_ASSETS = files("tasks.report") / "page"


def render(
    data: ReportData,
    answer: Answer,
    first: Exhibit,
    sections: Sequence[Exhibit],
    shelves: Sequence[Shelf],
    browsable: str,
    lake: str,
) -> str:
    """The whole document. Everything from the lake is escaped; scripts run by nonce alone.

    The words come before the plotting library, so that a reader can start while it loads.
    """
    return (
        _environment()
        .get_template("report.html.jinja")
        .render(
            runs=data.run_ids,
            subtitle=_subtitle(data),
            answer=answer,
            first=first,
            sections=sections,
            shelves=shelves,
            sampled=data.sampled,
            draws_sql=data.sql("draws").text,
            draws=_inside_script(browsable),
            figures={
                name: _inside_script(str(figure.to_json()))
                for exhibit in [first, *sections]
                for name, figure in exhibit.drawn.items()
            },
            plotly=get_plotlyjs(),
            script=_asset("report.js"),
            css=_asset("report.css") + _asset("print.css"),
            nonce=secrets.token_urlsafe(18),
            made=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
            version=_version(),
            lake=lake,
        )
    )


def _subtitle(data: ReportData) -> str:
    policies = sorted({row.policy for row in data.runs if row.policy})
    parts = [
        ", ".join(data.run_ids),
        plural(len(data.problems), "problem"),
        plural(data.sum_of("draws"), "draw"),
        *policies,
        *sorted({row.devices for row in data.coverage if row.devices}),
        *sorted({row.created_utc[:10] for row in data.runs}),
    ]
    return " · ".join(parts)


def _inside_script(json: str) -> str:
    # Inside a script element only "<" could end it; JSON knows it by its code as well.
    return json.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("tasks.report", "page"),
        autoescape=select_autoescape(["html.jinja"], default=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["keys"] = keys
    environment.filters["kind"] = lambda value: type(value).__name__
    environment.filters["tied"] = lambda text: text.replace(" %", f"{TIED}%")
    return environment


@cache
def _asset(name: str) -> str:
    return (_ASSETS / name).read_text(encoding="utf-8")


def _version() -> str:
    try:
        return version("bon-sweep")
    except PackageNotFoundError:
        return "(not installed)"
