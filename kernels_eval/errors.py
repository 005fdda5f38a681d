"""Failures of the request or of the harness; a candidate's failures are verdicts instead."""

OWN_FAILURE = "the judge failed"
"""How the error of a `harness_error` begins that is a defect of ours."""


class KernelsEvalError(Exception):
    """Base of everything this room raises on purpose."""


class RequestError(KernelsEvalError):
    """The request was wrong. The message is one line: what is wrong, and how to mend it."""


class ProblemError(RequestError):
    """The problem file cannot be judged: not in KernelBench's format, or ill-posed."""


class UnforeseenProblemError(ProblemError):
    """The judge met what it does not expect of a problem file."""


class OutOfRoomError(ProblemError):
    """The device does not hold a problem's inputs and answers beside what else is there."""


class HarnessError(KernelsEvalError):
    """The judge itself failed. Never recorded as a candidate's failure."""


def refused(failure: BaseException) -> HarnessError:
    """What to raise where the system refuses the judge a process, a file, memory or room."""
    return HarnessError(f"the system refused the judge what it needs: {failure!r}")
