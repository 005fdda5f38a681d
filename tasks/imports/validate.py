"""What an imported table must be, beyond its types: each breach is one line that names a row."""

from __future__ import annotations

from dataclasses import dataclass

import duckdb

from tasks.errors import RequestError
from tasks.imports.limits import LARGEST_ID

STATUSES = (
    "correct",
    "incorrect",
    "compile_error",
    "runtime_error",
    "timeout",
    "out_of_memory",
    "rejected",
    "harness_error",
)


@dataclass(frozen=True, slots=True)
class Rule:
    """Rows for which `breach` (SQL over the table) is true are wrong."""

    breach: str
    what: str
    mend: str


RULES = (
    *(
        Rule(f"{name} IS NULL", f"{name} is empty", "fill it in")
        for name in ("problem_id", "sample_index", "correct")
    ),
    *(
        Rule(f"{name} < 0", f"{name} is negative", "number from 0")
        for name in ("level", "problem_id", "sample_index")
    ),
    *(
        Rule(f"{name} > {LARGEST_ID}", f"{name} is above {LARGEST_ID}", "number from 0")
        for name in ("problem_id", "sample_index")
    ),
    Rule(
        "correct AND speedup IS NULL",
        "speedup is empty or NaN where correct",
        "give reference time over candidate time, or set correct to false",
    ),
    Rule(
        "correct AND NOT (speedup > 0 AND isfinite(speedup))",
        "speedup is not a positive, finite number where correct",
        "give reference time over candidate time, or set correct to false",
    ),
    *(
        Rule(f"NOT isfinite({name})", f"{name} is infinite", "leave it empty if unknown")
        for name in ("mean_logprob", "sum_logprob")
    ),
    Rule(
        f"status NOT IN {STATUSES}",
        "status is unknown",
        f"take one of {', '.join(STATUSES)}",
    ),
    Rule("(status = 'correct') <> correct", "status and correct disagree", "mend one of the two"),
)


def validate(connection: duckdb.DuckDBPyConnection, file: str) -> None:
    """Raise RequestError for the first breach in the table `imported` of the connection."""
    for rule in RULES:
        found = connection.execute(
            "SELECT problem_id, sample_index, row FROM "
            "(SELECT *, row_number() OVER () AS row FROM imported) "
            f"WHERE {rule.breach} ORDER BY row LIMIT 1"
        ).fetchone()
        if found:
            problem_id, sample_index, row = found
            where = f"row {row}: problem_id {problem_id}, sample_index {sample_index}"
            raise RequestError(f"{file}: {rule.what} ({where}); {rule.mend}")
    twice = connection.execute(
        "SELECT level, problem_id, sample_index, count(*) FROM imported "
        "GROUP BY ALL HAVING count(*) > 1 ORDER BY ALL LIMIT 1"
    ).fetchone()
    if twice:
        level, problem_id, sample_index, times = twice
        raise RequestError(
            f"{file}: level {level}, problem_id {problem_id}, sample_index {sample_index} occurs "
            f"{times} times; number the samples of each problem afresh"
        )
