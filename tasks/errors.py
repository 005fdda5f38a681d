"""Errors of the steps. Each is one line for the user: what is wrong, and how to mend it."""


class TasksError(Exception):
    """Base of everything this room raises on purpose."""


class RequestError(TasksError):
    """The request was wrong (unknown suite, policy, problem, strategy; K < 1). Exit status 2."""
