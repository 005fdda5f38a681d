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
import math
import os
import sys
import traceback
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import typer

from flows.errors import UnavailableError
from flows.steps import steps_told
from kernels_eval.printable import printable, printable_line

if TYPE_CHECKING:
    import pyarrow as pa
    from rich.console import Console, RenderableType
    from rich.table import Table

_UNCUT = 100_000
"""Columns of a table in a pipe or a file."""

_READABLE = 12
"""Signs of a cell that tell it from others."""


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


@contextmanager
def answering() -> Iterator[None]:
    """Stdout is written in the block. Raises UnavailableError if it takes no more.

    BrokenPipeError passes: a reader who has seen enough is no failure.
    """
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        raise lost_stdout(error) from error


def lost_stdout(error: OSError) -> UnavailableError:
    """The line for a stdout that takes no more; what it has not taken is dropped."""
    with suppress(OSError):  # Python's end would fail on it again
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return UnavailableError(f"cannot write to stdout: {error.strerror}; send the answer elsewhere")


def flush() -> None:
    """Send what stdout still holds. Raises UnavailableError."""
    with answering():
        sys.stdout.flush()


def say(text: str = "", *, err: bool = False) -> None:
    """Lines for a person, on stdout or stderr."""
    with nullcontext() if err else answering():
        typer.echo(printable(text), err=err)


def telling_steps(*, unless: bool) -> AbstractContextManager[None]:
    """Within the block a line on stderr for whatever is waited for, `unless` nobody wants it.

    In a file or a pipe nobody waits, and a refusal is one line there.
    """
    if unless or not sys.stderr.isatty():
        return nullcontext()
    return steps_told(lambda line: say(line, err=True))


def complain(message: str) -> None:
    """One line on stderr, whatever the message holds."""
    typer.echo(f"bon: {printable_line(' '.join(message.split()))}", err=True)


def say_json(document: str) -> None:
    """A JSON document that has been written already. DEL is all that JSON leaves as it is."""
    with answering():
        typer.echo(document.replace("\x7f", r"\u007f"))


def print_json(document: Any) -> None:
    """One JSON document on stdout. NaN and infinity, which JSON lacks, become null."""
    say_json(json.dumps(_plain(document), indent=2, default=str, allow_nan=False))


def print_rows(rows: pa.Table) -> None:
    """One JSON object per row. Of columns with one name the second is called `name_1`."""
    names = _unlike(rows.column_names)
    columns = [column.to_pylist() for column in rows.columns]
    print_json([dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)])


def print_csv(rows: pa.Table) -> None:
    """CSV with a header. Lists and structures are written as JSON, bytes as hexadecimal digits."""
    from pyarrow.csv import write_csv

    written = io.BytesIO()
    write_csv(_flat(rows), written)
    text = written.getvalue().decode()
    with answering():
        sys.stdout.write(printable(text) if sys.stdout.isatty() else text)


def print_table(rows: pa.Table) -> None:
    """`rows` as a table; in a terminal, long cells are cut to one line.

    With more columns than the terminal has room for, each row is a list of its own, one column a
    line.
    """
    from rich.table import Table
    from rich.text import Text

    names = [printable_line(name) for name in rows.column_names]
    columns = [column.to_pylist() for column in rows.columns]  # two may have one name
    lines = [[printable_line(_cell(value)) for value in row] for row in zip(*columns, strict=True)]
    if len(lines) and _least_width(names, lines) > _console().width:
        for number, line in enumerate(lines, 1):
            print_rich(Text(f"row {number}", style="bold"), _record(names, line))
        return
    table = Table()
    for name in names:
        table.add_column(Text(name), overflow="ellipsis", no_wrap=True)
    for line in lines:
        table.add_row(*map(Text, line))
    print_rich(table)


def print_rich(*shown: RenderableType) -> None:
    """Tables and lines of text, laid out by rich. Texts in them are taken literally."""
    console = _console()
    with answering():
        for one in shown:
            console.print(one, soft_wrap=isinstance(one, str))


def _least_width(names: list[str], lines: list[list[str]]) -> int:
    """Columns of a terminal that a table of these cells needs to be read."""
    widths = (max(map(len, cells)) for cells in zip(names, *lines, strict=True))
    return 1 + sum(min(width, _READABLE) + len("│  ") for width in widths)


def _record(names: list[str], line: list[str]) -> Table:
    from rich.table import Table
    from rich.text import Text

    record = Table(box=None, show_header=False, padding=(0, 1))
    record.add_column(no_wrap=True, overflow="ellipsis")
    record.add_column(no_wrap=True, overflow="ellipsis")
    for name, cell in zip(names, line, strict=True):
        record.add_row(Text(name, style="dim"), Text(cell))
    return record


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
        write = _as_text(column.type)
        if write is None:
            columns.append(column)
        else:
            texts = [None if value is None else write(value) for value in column.to_pylist()]
            columns.append(pa.array(texts, pa.string()))
    return pa.Table.from_arrays(columns, names=rows.column_names)


def _as_text(kind: pa.DataType) -> Callable[[Any], str] | None:
    import pyarrow as pa

    if pa.types.is_nested(kind) or pa.types.is_dictionary(kind):
        return _json
    if pa.types.is_binary(kind) or pa.types.is_large_binary(kind):
        return bytes.hex
    return _cell if kind == pa.month_day_nano_interval() else None


def _json(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(_plain(value), default=str)


def _cell(value: object) -> str:
    import pyarrow as pa

    if value is None:
        return ""
    if isinstance(value, pa.MonthDayNano):
        return f"{value.months} months {value.days} days {value.nanoseconds / 1e9:.3f} s"
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, list | dict | tuple | bytes):
        return _json(_plain(value))
    return str(value).split("\n", 1)[0]


def _plain(value: Any) -> Any:
    """With what JSON has words for: numbers as numbers, bytes as hexadecimal digits."""
    if isinstance(value, dict):
        return {str(key): _plain(one) for key, one in value.items()}
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, list | tuple) and not hasattr(value, "nanoseconds"):
        return [_plain(one) for one in value]
    return _cell(value) if isinstance(value, tuple) else value


def _unlike(names: list[str]) -> list[str]:
    found: list[str] = []
    for name in names:
        other, number = name, 0
        while other in found or (number and other in names):
            number += 1
            other = f"{name}_{number}"
        found.append(other)
    return found
