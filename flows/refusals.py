"""Errors that a user can mend are told in one line: no log of Prefect's repeats them at length."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import ParamSpec, TypeVar, cast

from flows.errors import in_a_line

_FLOW_RUNS = "prefect.flow_runs"
_TASK_RUNS = "prefect.task_runs"
_ENGINE = "prefect.engine"

P = ParamSpec("P")
R = TypeVar("R")


def failing_in_a_line(flow: Callable[P, R]) -> Callable[P, R]:
    """A flow's function whose run, started by a deployment, fails with one line.

    That line is in the log and is the message of the run's state. A command's own flow raises the
    error as it is: the command says the line.
    """

    @wraps(flow)
    def run(*arguments: P.args, **options: P.kwargs) -> R:
        from flows.deployed import deployed

        try:
            return flow(*arguments, **options)
        except Exception as error:
            answer = in_a_line(error)
            if answer is None or not deployed():
                raise
            return cast("R", _failed(" ".join(answer[0].split()), error))

    return run


def _failed(line: str, error: Exception) -> object:
    from prefect.logging import get_run_logger
    from prefect.states import Failed

    get_run_logger().error("%s", line)
    for name in (_FLOW_RUNS, _ENGINE):  # of this run's own process, which ends now
        logging.getLogger(name).addFilter(_nothing)
    return Failed(message=line, data=error)


def _nothing(record: logging.LogRecord) -> bool:
    del record
    return False


_RAISED_BY_THE_FLOW = {"probe", "report", "train"}
"""Tasks whose error is the flow's own, so the command says it."""


class _Refusals(logging.Filter):
    """Lets nothing of a flow through once it has raised an error that the command says in a line.

    Of a task that raises such an error, which the command may not repeat, one line is kept.
    """

    def __init__(self) -> None:
        super().__init__()
        self._told: set[str] = set()
        """Runs of which nothing more is to be said."""

    def filter(self, record: logging.LogRecord) -> bool:
        of = getattr(record, "task_run_id", record.name)
        if of in self._told:
            return False
        error = record.exc_info[1] if record.exc_info else None
        if error is None or in_a_line(error) is None:
            return True
        record.exc_info = record.exc_text = None
        self._told.add(of)
        repeated = getattr(record, "task_name", "") in _RAISED_BY_THE_FLOW
        return record.name != _FLOW_RUNS and not repeated


@contextmanager
def refusals_unlogged() -> Iterator[None]:
    """Within the block Prefect does not log what the command is about to say."""
    loggers = [(logging.getLogger(name), _Refusals()) for name in (_FLOW_RUNS, _TASK_RUNS)]
    for logger, refusals in loggers:
        logger.addFilter(refusals)
    try:
        yield
    finally:
        for logger, refusals in loggers:
            logger.removeFilter(refusals)
