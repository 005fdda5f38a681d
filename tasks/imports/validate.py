"""What an imported table must be, beyond its types: each breach is one line that names a row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import get_args

import duckdb

from tasks.errors import RequestError
from tasks.imports.columns import LOGPROBS, VERDICT
from tasks.policies.base import LogprobMode
from tasks.policies.logprobs import LEAST, ROUNDING

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
    """`{mean_logprob}` and the like stand for what --columns says to turn that column's sign."""


_SLACK = 1e-3
"""Of an interval's ends: numbers are printed with few digits."""

_ABSURD = 1e9
"""No kernel is so many times faster, or slower: a second against a nanosecond."""

_TWICE_MEASURED = 1.5
"""A speedup may differ by this factor from the quotient of two times: medians of other trials."""


_MODES = get_args(LogprobMode)

_SENTINELS = (-999, -9999, -99999, -999999)
"""Written for "unknown". A sum may be as low as one of them, but is not equal to it."""


def _logprob_rules(name: str) -> tuple[Rule, ...]:
    unknown = "leave it empty if unknown"
    alone = "true" if name == "mean_logprob" else "mean_logprob IS NULL"
    least = LEAST if name == "mean_logprob" else f"{LEAST} * coalesce(greatest(n_tokens, 1), 1e6)"
    return (
        Rule(f"NOT isfinite({name})", f"{name} is infinite", unknown),
        Rule(
            f"{name} > {ROUNDING}",
            f"{name} is positive, and a log-probability is at most 0",
            f"if its sign is the other one, turn it: --columns {{{name}}}",
        ),
        Rule(
            f"{name} < {least} OR ({name} IN {_SENTINELS} AND {alone})",
            f"{name} is a sentinel, no log-probability",
            unknown,
        ),
    )


DRAWN = (
    Rule("n_tokens < 0", "n_tokens is negative", "leave it empty if unknown"),
    *(rule for name in LOGPROBS for rule in _logprob_rules(name)),
    Rule(
        "abs(sum_logprob - mean_logprob * n_tokens) "
        "> greatest(0.02 * abs(sum_logprob), 2 * abs(mean_logprob), 1e-3)",
        "sum_logprob is not mean_logprob times n_tokens",
        "mend or leave out one of the three",
    ),
    Rule(
        "n_tokens = 0 AND (mean_logprob < 0 OR sum_logprob < 0)",
        "n_tokens is 0, and yet there is a log-probability",
        "mend one of the two",
    ),
    Rule(
        f"logprob_mode NOT IN {_MODES}",
        "logprob_mode is unknown",
        f"take one of {', '.join(_MODES)}, or leave it empty",
    ),
)
"""Of every draw, judged or not."""

CLAIMED = tuple(
    Rule(
        f"{name} < 0 AND {name} <> -1",
        f"{name} is negative",
        "leave it empty if unknown (0 and -1 are read so, too)",
    )
    for name in ("claimed_speedup", "claimed_runtime_ms")
)
"""Of what others say of a kernel."""

RULES = (
    *(
        Rule(f"{name} IS NULL", f"{name} is empty", "fill it in")
        for name in ("problem_id", "sample_index")
    ),
    Rule(
        f"correct IS NULL AND coalesce({', '.join(f'{name}::VARCHAR' for name in VERDICT)}) "
        "IS NOT NULL",
        f"correct is empty, and yet there is one of {', '.join(VERDICT)}",
        "fill it in, or empty them all: a draw without a verdict",
    ),
    *(
        Rule(f"{name} < 0", f"{name} is negative", "number from 0")
        for name in ("level", "problem_id", "sample_index")
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
    *DRAWN,
    *CLAIMED,
    *(
        Rule(
            f"correct AND NOT ({name} > 0 AND isfinite({name}))",
            f"{name} is not a positive, finite number where correct",
            "leave it empty if unknown",
        )
        for name in ("speedup_low", "speedup_high", "runtime_ms", "reference_ms")
    ),
    *(
        Rule(
            f"correct AND {name} NOT BETWEEN {1 / _ABSURD} AND {_ABSURD}",
            f"{name} is above {_ABSURD:,.0f} or below its inverse, which no kernel's is",
            "give reference time over candidate time, or set correct to false",
        )
        for name in ("speedup", "speedup_low", "speedup_high")
    ),
    Rule(
        "correct AND speedup_low > speedup_high",
        "speedup_low is above speedup_high",
        "give the interval's lower and upper end",
    ),
    Rule(
        f"correct AND (speedup < speedup_low * {1 - _SLACK} "
        f"OR speedup > speedup_high * {1 + _SLACK})",
        "speedup lies outside of speedup_low and speedup_high",
        "mend one of the three",
    ),
    Rule("fast_1 AND NOT correct", "fast_1 is true where correct is false", "mend one of the two"),
    Rule(
        "fast_1 AND coalesce(speedup_low, speedup) <= 1",
        "fast_1 is true, and speedup (or speedup_low) is not above 1",
        "mend one of the two, or leave fast_1 out",
    ),
    Rule(
        "correct AND NOT fast_1 AND coalesce(speedup_low, speedup) > 1",
        "fast_1 is false, and speedup (or speedup_low) is above 1",
        "mend one of the two, or leave fast_1 out",
    ),
    Rule(
        f"correct AND abs(ln(speedup * runtime_ms / reference_ms)) > ln({_TWICE_MEASURED})",
        f"speedup is not reference_ms over runtime_ms, by more than a factor of {_TWICE_MEASURED}",
        "mend one of the three",
    ),
    Rule(
        f"status NOT IN {STATUSES}",
        "status is unknown",
        f"take one of {', '.join(STATUSES)}",
    ),
    Rule("(status = 'correct') <> correct", "status and correct disagree", "mend one of the two"),
)


def validate(
    connection: duckdb.DuckDBPyConnection, file: str, names: Mapping[str, str] | None = None
) -> None:
    """Raise RequestError for the first breach in the table `imported` of the connection.

    names: as in `check_rules`.
    """
    check_rules(connection, file, RULES, names)
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


def check_rules(
    connection: duckdb.DuckDBPyConnection,
    file: str,
    rules: Sequence[Rule],
    names: Mapping[str, str] | None = None,
) -> None:
    """Raise RequestError for the first of the rules that the table `imported` breaks.

    names: the turned sign of a log-probability's column, as --columns takes it (`Given.turned`).
    """
    turned = {name: f"{name}=-{name}" for name in LOGPROBS} | dict(names or {})
    for rule in rules:
        found = connection.execute(
            "SELECT problem_id, sample_index, row, count(*) OVER () FROM "
            "(SELECT *, row_number() OVER () AS row FROM imported) "
            f"WHERE {rule.breach} ORDER BY row LIMIT 1"
        ).fetchone()
        if found:
            problem_id, sample_index, row, rows = found
            where = f"row {row}: problem_id {problem_id}"
            where += "" if sample_index is None else f", sample_index {sample_index}"
            more = f", and {rows - 1:,} further rows" if rows > 1 else ""
            mend = rule.mend.format_map(turned)
            raise RequestError(f"{file}: {rule.what} ({where}{more}); {mend}")
