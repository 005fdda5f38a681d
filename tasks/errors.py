"""Errors of the steps. Each is one line for the user: what is wrong, and how to mend it."""


class TasksError(Exception):
    """Base of everything this room raises on purpose."""


class RequestError(TasksError):
    """The request was wrong (unknown suite, policy, problem, strategy; K < 1). Exit status 2."""


class PolicyUnavailableError(TasksError):
    """What samples are drawn from failed for longer than it may. What was drawn is kept."""


class AdapterError(RequestError):
    """An adapter does not fit, or does not do where it is used what it did where it was trained."""


class TrainingError(TasksError):
    """A step of adaptation failed; nothing moved."""


class StepRefusedError(TrainingError):
    """Sampler and trainer disagree by more than a step may be built on."""


class DivergedError(TrainingError):
    """The step led to no numbers, or too far from the base model."""


class TrainerLostError(TasksError):
    """The process that trains keeps dying. What was made is kept."""


class RayLostError(TasksError):
    """The private Ray did not start, or a process went away that it cannot do without."""


class TokenBudgetError(TasksError):
    """The token budget of the run is used up: it stops here, on purpose."""


class ProblemRefusedError(TasksError):
    """The judge cannot judge this problem, whatever the candidate. The message says why."""


class TooFewNightsError(RequestError):
    """Fewer than two runs were measured on one device: there is nothing to compare."""


class NightChangedError(TasksError):
    """A night differs from those before by more than nights do. What it measured is kept."""


class NoJudgeError(TasksError):
    """No judge could be had for as long as one is waited for. What has no verdict can get one."""


def in_one_line(error: BaseException) -> str:
    """What happened, in 300 characters at most: of Ray's many lines the one with the cause."""
    words = " ".join(str(error).split()) or type(error).__name__
    at = words.find("The actor is dead because")
    words = words[max(at, 0) :]
    return words if len(words) <= 300 else f"{words[:300]}…"
