"""The one place where commands print: nothing that they were given steers the terminal.

Names, errors and sources come from models, files and servers. Control characters and escape
sequences in them are shown escaped (kernels_eval.printable), `:smile:` and `[red]` stay what they
are, and only colours and lines of our own tables reach the terminal as such. Into a file or a pipe
JSON and CSV go as they are: they are data there.
"""

from __future__ import annotations

import io
import json
import logging
import sys
import traceback
import warnings
from collections.abc import Iterable
from contextlib import AbstractContextManager, nullcontext, suppress
from typing import TYPE_CHECKING, Any

import typer

from flows.steps import steps_told
from kernels_eval.printable import printable, printable_line

if TYPE_CHECKING:
    import pyarrow as pa
    from rich.console import Console, RenderableType

_UNCUT = 100_000
"""Columns of a table in a pipe or a file."""


def shield_terminal() -> None:
    """For what others print in this process: log records, warnings, tracebacks."""
    made, formatted = logging.getLogRecordFactory(), warnings.formatwarning

    def record(*arguments: Any, **options: Any) -> logging.LogRecord:
        one = made(*arguments, **options)
        with suppress(Exception):  # of a message that does not fit; the handler reports it
            one.msg, one.args = printable(one.getMessage()), ()
        if one.exc_info and one.exc_info[0] is not None:
            one.exc_text = printable("".join(traceback.format_exception(*one.exc_info)).rstrip())
        return one

    def warning(*arguments: Any, **options: Any) -> str:
        return printable(formatted(*arguments, **options))

    def unexpected(*raised: Any) -> None:
        sys.stderr.write(printable("".join(traceback.format_exception(*raised))))

    logging.setLogRecordFactory(record)
    warnings.formatwarning = warning
    sys.excepthook = unexpected


def say(text: str = "", *, err: bool = False) -> None:
    """Lines for a person, on stdout or stderr."""
    typer.echo(printable(text), err=err)


def telling_steps(*, unless: bool) -> AbstractContextManager[None]:
    """Within the block a line on stderr for whatever is waited for, `unless` nobody wants it."""
    return nullcontext() if unless else steps_told(lambda line: say(line, err=True))


def complain(message: str) -> None:
    """One line on stderr, whatever the message holds."""
    typer.echo(f"bon: {printable_line(' '.join(message.split()))}", err=True)


def say_json(document: str) -> None:
    """A JSON document that has been written already. DEL is all that JSON leaves as it is."""
    typer.echo(document.replace("\x7f", r"\u007f"))


def print_json(document: Any) -> None:
    """One JSON document on stdout. NaN and infinity, which JSON lacks, become null."""
    say_json(json.dumps(_finite(document), indent=2, default=str, allow_nan=False))


def print_csv(rows: pa.Table) -> None:
    """CSV with a header. Lists and structures are written as JSON, bytes as hexadecimal digits."""
    from pyarrow.csv import write_csv

    written = io.BytesIO()
    write_csv(_flat(rows), written)
    text = written.getvalue().decode()
    sys.stdout.write(printable(text) if sys.stdout.isatty() else text)


def print_table(rows: pa.Table) -> None:
    """`rows` as a table; in a terminal, long cells are cut to one line."""
    from rich.table import Table
    from rich.text import Text

    table = Table()
    for name in rows.column_names:
        table.add_column(Text(printable_line(name)), overflow="ellipsis", no_wrap=True)
    columns = [column.to_pylist() for column in rows.columns]  # two may have one name
    for row in zip(*columns, strict=True):
        table.add_row(*(Text(printable_line(_cell(value))) for value in row))
    print_rich(table)


def print_rich(*shown: RenderableType) -> None:
    """Tables and lines of text, laid out by rich. Texts in them are taken literally."""
    console = _console()
    for one in shown:
        console.print(one, soft_wrap=isinstance(one, str))


def _console() -> Console:
    from rich.console import Console
    from rich.segment import Segment

    class Literal(Console):
        """What rich adds itself, colours and frames, beside text as a terminal may see it."""

        def render(self, *arguments: Any, **options: Any) -> Iterable[Segment]:
            for one in super().render(*arguments, **options):
                yield one if one.control else Segment(printable(one.text), one.style)

    width = None if sys.stdout.isatty() else _UNCUT
    return Literal(markup=False, emoji=False, highlight=False, width=width)


def _flat(rows: pa.Table) -> pa.Table:
    """With text in place of what CSV has no words for."""
    import pyarrow as pa

    columns: list[Any] = []
    for column in rows.columns:
        if pa.types.is_nested(column.type) or column.type in (pa.month_day_nano_interval(),):
            texts = [None if value is None else _json(value) for value in column.to_pylist()]
            columns.append(pa.array(texts, pa.string()))
        elif pa.types.is_binary(column.type) or pa.types.is_large_binary(column.type):
            texts = [None if value is None else value.hex() for value in column.to_pylist()]
            columns.append(pa.array(texts, pa.string()))
        else:
            columns.append(column)
    return pa.Table.from_arrays(columns, names=rows.column_names)


def _json(value: object) -> str:
    return json.dumps(_finite(value), default=str)


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
