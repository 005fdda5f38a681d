"""Problems that the judge refuses: said once, kept as a row each, and asked about no more."""

from __future__ import annotations

import uuid
from threading import Lock

from prefect.logging import get_logger

from storage import Lake
from storage.ledger import ProblemKey
from tasks.evaluate.rows import refusal_row
from tasks.problems import Problem

_logger = get_logger("judge")


class Refusals:
    """Of one sweep. Safe to use from several threads.

    A later sweep of the run asks the judge again: another machine, or a quieter one, may hold what
    this one does not.
    """

    def __init__(self) -> None:
        self._problems: set[ProblemKey] = set()
        self._lock = Lock()

    def __contains__(self, problem: ProblemKey) -> bool:
        with self._lock:
            return problem in self._problems

    def record(
        self, lake: Lake, run_id: str, harness_id: str, problem: Problem, reason: str
    ) -> None:
        """Write the first refusal of a problem in this sweep, and say it."""
        key = problem.key
        with self._lock:
            if key in self._problems:
                return
            self._problems.add(key)
        _logger.warning(
            "problem %d (%s, level %d) is refused, the others go on: %s",
            problem.problem_id,
            problem.name,
            problem.level,
            reason,
        )
        row = refusal_row(problem, harness_id, reason)
        lake.append("refusals", [row], run_id=run_id, part=uuid.uuid4().hex)
