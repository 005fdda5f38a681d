"""The `bon` application, the options that commands share, and how they print."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    import pyarrow as pa

app = typer.Typer(
    name="bon",
    help="Best-of-N sweeps over GPU-kernel problems: where should test-time compute go?",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

LakeOption = Annotated[
    str | None,
    typer.Option("--lake", help="A directory or s3://…; default $BON_LAKE, then ./lake."),
]
JsonOption = Annotated[
    bool, typer.Option("--json", help="One JSON document on stdout, nothing else there.")
]
RunsArgument = Annotated[list[str], typer.Argument(help="Run ids; `bon runs` lists them.")]


def print_json(document: Any) -> None:
    """One JSON document on stdout. NaN and infinity, which JSON lacks, become null."""
    json.dump(_finite(document), sys.stdout, indent=2, default=str, allow_nan=False)
    sys.stdout.write("\n")


def print_table(rows: pa.Table, *, title: str | None = None) -> None:
    """`rows` as a table in the terminal; long cells are cut to one line."""
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    table = Table(title=title)
    for name in rows.column_names:
        table.add_column(name, overflow="ellipsis", no_wrap=True)
    for row in rows.to_pylist():
        table.add_row(*(escape(_cell(value)) for value in row.values()))
    # Into a pipe or a file nothing is cut.
    console = Console() if sys.stdout.isatty() else Console(width=100_000)
    console.print(table)


def _cell(value: object) -> str:
    import pyarrow as pa

    if value is None:
        return ""
    if isinstance(value, pa.MonthDayNano):
        return f"{value.months} months {value.days} days {value.nanoseconds / 1e9:.3f} s"
    if isinstance(value, float):
        return f"{value:.4g}"
    return str(value).split("\n", 1)[0]


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _finite(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(one) for one in value]
    if isinstance(value, float) and (value != value or value in (float("inf"), float("-inf"))):
        return None
    return value
