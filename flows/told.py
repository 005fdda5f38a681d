"""What the log of `bon serve` says of a run that has ended: its id, and where its report lies."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

from flows.cli.printing import complain
from flows.deployed import deployed
from flows.errors import in_a_line
from flows.summary import SweepSummary


def tell_of(summary: SweepSummary) -> None:
    """One line on stderr in a deployment's flow run; a command prints the summary itself."""
    if not deployed():
        return
    found = f"{summary.candidates} candidates, {summary.correct} correct, {summary.fast_1} faster than 1x"
    if summary.unfinished:
        found += f"; {summary.unfinished} without a verdict, {_goes_on(summary.run_id)}"
    complain(f"run {summary.run_id} has ended: {found}; report: {absolute(summary.report)}")


@contextmanager
def early_end_told(run_id: str) -> Iterator[None]:
    """One line on stderr if the block raises, unless the error is told in a line itself."""
    try:
        yield
    except BaseException as error:
        if deployed() and in_a_line(error) is None:
            complain(f"run {run_id} was ended before it was done: {_goes_on(run_id)}")
        raise


def absolute(place: str) -> str:
    """A path as it is named from everywhere; an address (`s3://…`) is that already."""
    return place if "://" in place else os.path.abspath(place)  # noqa: PTH100


def _goes_on(run_id: str) -> str:
    return f"asked for with `-p run={run_id}` it goes on where it stopped"
