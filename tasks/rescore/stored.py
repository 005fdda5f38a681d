"""What a run holds that a policy can score, and what it has not scored yet."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from itertools import groupby

from storage import Lake
from tasks.errors import RequestError
from tasks.plan import SHARD_SIZE, Shard
from tasks.policies.rescore import Written
from tasks.problems import Problem


@dataclass(frozen=True)
class Stored:
    """Completions of one problem, in the order of the shard's sample indices."""

    shard: Shard
    written: tuple[Written, ...]
    texts: tuple[str, ...]
    """What each one is: `completion`, or `source` where only the judged module is stored."""


def unscored(
    lake: Lake, run_id: str, policy_id: str, problems: Sequence[Problem] | None = None
) -> list[Stored]:
    """The run's draws without scores of this policy, by problem and up to 64 at a time.

    problems: where the run's own rows do not hold the problems' sources (an imported run).

    Raises RequestError for a run without any text, or with a problem whose source is nowhere.
    """
    query = files("tasks.rescore").joinpath("stored.sql").read_text(encoding="utf-8")
    with lake.connect([run_id]) as connection:
        rows = connection.execute(query, {"policy_id": policy_id}).fetchall()
        held = connection.execute(
            "SELECT suite, level, problem_id, any_value(name), any_value(source) "
            "FROM problems GROUP BY ALL"
        ).fetchall()
        texts = connection.execute("SELECT count(coalesce(completion, source)) FROM candidates")
        if texts.fetchall()[0][0] == 0:
            raise RequestError(
                f"run {run_id!r} holds neither completions nor sources, so there is nothing to "
                "score; import it again with a column `source`"
            )
    known = {(suite, level, number): (name, source) for suite, level, number, name, source in held}
    given = {(problem.level, problem.problem_id): problem for problem in problems or ()}
    stored: list[Stored] = []
    for (suite, level, number), of_problem in groupby(rows, key=lambda row: row[:3]):
        name, source = known.get((suite, level, number), ("", ""))
        if (level, number) in given:
            one = given[level, number]
            name, source = one.name, one.source
        if not source:
            raise RequestError(
                f"run {run_id!r} does not hold the source of problem {number} (level {level}), "
                "which the prompt shows; name the suite that does with --suite"
            )
        problem = Problem(suite, level, number, name, source)
        draws = list(of_problem)
        for start in range(0, len(draws), SHARD_SIZE):
            part = draws[start : start + SHARD_SIZE]
            stored.append(
                Stored(
                    Shard(problem, tuple(row[3] for row in part)),
                    tuple(Written(row[4], tuple(row[6]), row[7]) for row in part),
                    tuple("completion" if row[5] else "source" for row in part),
                )
            )
    return stored
