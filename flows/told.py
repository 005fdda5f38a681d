"""What the log of `bon serve` says of a run that has ended: its id, and where its report lies."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from flows.adapt_summary import AdaptSummary
from flows.cli.printing import complain
from flows.deployed import deployed
from flows.errors import in_a_line
from flows.summary import SweepSummary
from flows.train_summary import TrainSummary
from storage import Lake, default_lake


def tell_where_runs_go() -> None:
    """Two lines on stderr: the lake that deployments write to, and where reports are in it."""
    lake = Lake(default_lake()).root
    page = lake / "reports" / "ID.html"
    complain(f"runs go to the lake {lake}, unless `-p lake=DIR` names another for one of them")
    complain(f"when one ends, a line here says its id; its report is {page}")


def tell_of(summary: SweepSummary) -> None:
    """One line on stderr in a deployment's flow run; a command prints the summary itself."""
    if not deployed():
        return
    faster = f"{summary.fast_1} faster than 1x"
    found = f"{summary.candidates} candidates, {summary.correct} correct, {faster}"
    if summary.unfinished:
        found += f"; {summary.unfinished} without a verdict, {_goes_on(summary.run_id)}"
    complain(f"run {summary.run_id} has ended: {found}; report: {summary.report}")


def tell_of_adaptation(summary: AdaptSummary | TrainSummary) -> None:
    """The same for an adaptation, or a training."""
    if not deployed():
        return
    found = f"{summary.candidates} candidates of {len(summary.arms)} arms; {summary.verdict}"
    if summary.unfinished:
        found += f"; {summary.unfinished} without a verdict, {_goes_on(summary.run_id)}"
    complain(f"run {summary.run_id} has ended: {found}")


@contextmanager
def early_end_told(run_id: str) -> Iterator[None]:
    """One line on stderr if the block raises, unless the error is told in a line itself."""
    try:
        yield
    except BaseException as error:
        if deployed() and in_a_line(error) is None:
            complain(f"run {run_id} was ended before it was done: {_goes_on(run_id)}")
        raise


def _goes_on(run_id: str) -> str:
    return f"asked for with `-p run={run_id}` it goes on where it stopped"
