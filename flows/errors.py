"""Errors of the flows, and all rooms' request errors in one place for the command line."""

from __future__ import annotations

from collections.abc import Iterable

_SHOWN = 200
"""Characters of a text that a message quotes."""


class FlowsError(Exception):
    """Base of everything this room raises on purpose."""


class RequestError(FlowsError):
    """The request was wrong. One line: what is wrong, and how to mend it."""


class UnavailableError(FlowsError):
    """Something that a command needs is not there, or went away. One line, exit status 1."""


def check_names(names: Iterable[str]) -> None:
    """Raise RequestError for a name or a text that is not UTF-8: files may be called so, records
    keep none."""
    for name in names:
        if any("\ud800" <= sign <= "\udfff" for sign in name):
            shown = repr(name) if len(name) <= _SHOWN else f"{name[:_SHOWN]!r}…"
            raise RequestError(
                f"{shown} is not UTF-8; write it so, or, if it is a file's name, rename the file "
                "or name a link to it (ln -s)"
            )


def is_request_error(error: BaseException) -> bool:
    """Whether the command line answers `error` with one line and exit status 2.

    The rooms are imported only now: most commands need no torch, and should not wait for it.
    """
    from kernels_eval.errors import RequestError as JudgeRequestError
    from storage.errors import LakeError
    from tasks.errors import RequestError as TaskRequestError

    return isinstance(error, (RequestError, TaskRequestError, JudgeRequestError, LakeError))


def is_unavailable(error: BaseException) -> bool:
    """Whether the command line answers `error` with one line and exit status 1."""
    from tasks.errors import (
        NightChangedError,
        PolicyUnavailableError,
        RayLostError,
        TrainerLostError,
        TrainingError,
    )

    lost = (PolicyUnavailableError, RayLostError, TrainerLostError, TrainingError)
    return isinstance(error, (UnavailableError, NightChangedError, *lost))


def in_a_line(error: BaseException) -> tuple[str, int] | None:
    """The line and the exit status that answer `error`; None if it was not raised on purpose."""
    from kernels_eval.errors import HarnessError

    if is_request_error(error):
        return str(error), 2
    if is_unavailable(error):
        return str(error), 1
    if isinstance(error, HarnessError):
        return f"the judge failed: {error}", 1
    return None
