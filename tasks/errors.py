"""Errors of the steps. Each is one line for the user: what is wrong, and how to mend it."""


class TasksError(Exception):
    """Base of everything this room raises on purpose."""


class RequestError(TasksError):
    """The request was wrong (unknown suite, policy, problem, strategy; K < 1). Exit status 2."""


class PolicyUnavailableError(TasksError):
    """What samples are drawn from failed for longer than it may. What was drawn is kept."""


class TokenBudgetError(TasksError):
    """The token budget of the run is used up: it stops here, on purpose."""


class ProblemRefusedError(TasksError):
    """The judge cannot judge this problem, whatever the candidate. The message says why."""


class NoJudgeError(TasksError):
    """No judge could be had for as long as one is waited for. What has no verdict can get one."""
