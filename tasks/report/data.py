"""Everything that the page tells, gathered from the lake in one pass."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from kernels_eval.scratch import scratch_directory
from tasks.errors import RequestError
from tasks.frontier.trained import Trained, trainings
from tasks.report import rows
from tasks.report.adaptation import Adaptation, adaptation_of
from tasks.report.formats import count
from tasks.report.query import Query, query
from tasks.report.statistics import Statistics, statistics_of
from tasks.strategies.compute import strategies_document
from tasks.strategies.document import StrategiesDocument

if TYPE_CHECKING:
    import duckdb
    from _typeshed import DataclassInstance

    from storage import Lake

    Row = TypeVar("Row", bound=DataclassInstance)


_HELD_DRAWS = 2_000_000
_MEMORY = "1500MB"

SHOWN = 300
"""Problems that the page shows one by one, at most: KernelBench's levels have 270."""

NAMED = 100
"""Of the refused problems, those among them."""


@dataclass(frozen=True, slots=True)
class ReportData:
    """The rows behind every exhibit, the statistics over them, and the SQL that made each."""

    run_ids: tuple[str, ...]
    lake: str
    """Where it lies."""
    runs: tuple[rows.RunRow, ...]
    coverage: tuple[rows.CoverageRow, ...]
    problems: tuple[rows.ProblemRow, ...]
    shown: tuple[rows.ProblemRow, ...]
    """Those that are shown one by one, in the same order: all, or `SHOWN`."""
    refusals: tuple[rows.RefusalRow, ...]
    statuses: tuple[rows.StatusRow, ...]
    surprisals: tuple[rows.SurprisalRow, ...]
    quartiles: tuple[rows.QuartileRow, ...]
    costs: tuple[rows.CostRow, ...]
    findings: tuple[rows.FindingRow, ...]
    failures: tuple[rows.FailureRow, ...]
    claims: tuple[rows.ClaimRow, ...]
    suspicious: tuple[rows.SuspiciousRow, ...]
    picks: tuple[rows.PickRow, ...]
    references: tuple[rows.ReferenceRow, ...]
    fast_p: tuple[rows.FastPRow, ...]
    by_run: tuple[rows.ByRunRow, ...]
    next: tuple[rows.NextRow, ...]
    draws: tuple[rows.DrawRow, ...]
    document: StrategiesDocument
    statistics: Statistics
    """The document as the page reads it."""
    adaptation: Adaptation | None
    """None where no run has arms."""
    steps: tuple[rows.StepRow, ...]
    regime: tuple[rows.RegimeRow, ...]
    trainings: dict[str, Trained]
    """By run."""
    trained: tuple[rows.TrainedRow, ...]
    training_cost: tuple[rows.TrainingCostRow, ...]

    def sql(self, name: str) -> Query:
        """The query of that name as it was run for this report."""
        few = len(self.shown) < len(self.problems)
        return query(name, self.run_ids, [one.key for one in self.shown] if few else None)

    @property
    def targets(self) -> dict[str, str]:
        """Where a click on a problem's mark leads: label → anchor."""
        return {problem.label: problem.key.anchor for problem in self.shown}

    @property
    def sampled(self) -> list[str]:
        """That not all problems are shown one by one, as a paragraph; none where they are."""
        if len(self.shown) == len(self.problems):
            return []
        return [
            f"Of {count(len(self.problems))} problems {count(len(self.shown))} are shown one by "
            "one: those that this page names elsewhere, and others taken by hash as a fair sample. "
            "Every number above is of all; `bon sql` has each."
        ]

    @property
    def refused_draws(self) -> int:
        """Draws without a verdict, since the judge refused their problems."""
        return sum(refusal.draws for refusal in self.refusals)

    def sum_of(self, column: str) -> int:
        """A column of the coverage, over all runs."""
        return sum(int(getattr(row, column)) for row in self.coverage)


def _hold_results(connection: duckdb.DuckDBPyConnection, scratch: Path) -> None:
    """Have `results` computed once for all queries, unless there are so many that disks mind.

    What does not fit into its share of the memory is laid aside in `scratch`.
    """
    connection.execute(f"SET memory_limit = '{_MEMORY}'")
    connection.execute("SET temp_directory = $place", {"place": str(scratch)})
    ((draws,),) = connection.execute("SELECT count(*) FROM candidates").fetchall()
    if draws <= _HELD_DRAWS:
        connection.execute("CREATE TABLE held_results AS SELECT * FROM results")
        connection.execute("CREATE OR REPLACE VIEW results AS SELECT * FROM held_results")


def _shown(
    problems: tuple[rows.ProblemRow, ...], named: Collection[rows.ProblemKey]
) -> tuple[rows.ProblemRow, ...]:
    """All, or the named ones and a fair sample of the others."""
    if len(problems) <= SHOWN:
        return problems
    drawn = sorted(
        (one.key for one in problems),
        key=lambda key: (key not in named, hashlib.sha256(repr(tuple(key)).encode()).digest()),
    )
    kept = set(drawn[:SHOWN])
    return tuple(one for one in problems if one.key in kept)


def gather(lake: Lake, run_ids: Sequence[str]) -> ReportData:
    """Compute the statistics and run every query of the report, each run counted once.

    Raises RequestError for no run, storage's RunUnknownError and QueryError.
    """
    if not run_ids:
        raise RequestError("a report needs at least one run; `bon runs` lists them")
    run_ids = tuple(dict.fromkeys(run_ids))
    lake.check_runs(run_ids)
    document = strategies_document(lake, run_ids)
    arms, learned = adaptation_of(lake, run_ids), dict(trainings(lake, run_ids))
    with scratch_directory("bon-report-") as scratch, lake.connect(run_ids) as connection:
        _hold_results(connection, scratch)
        keys: list[rows.ProblemKey] | None = None

        def fetch(name: str, kind: type[Row]) -> tuple[Row, ...]:
            wanted = [field.name for field in fields(kind)]
            found = connection.sql(query(name, run_ids, keys).text).to_arrow_table().select(wanted)
            return tuple(kind(**row) for row in found.to_pylist())

        problems = fetch("problems", rows.ProblemRow)
        refusals = fetch("refusals", rows.RefusalRow)
        suspicious = fetch("suspicious", rows.SuspiciousRow)
        following = fetch("next", rows.NextRow)
        named = {one.key for one in (*refusals[:NAMED], *suspicious, *following)}
        shown = _shown(problems, named)
        if len(shown) < len(problems):
            keys = [one.key for one in shown]
        return ReportData(
            run_ids=run_ids,
            lake=str(lake.root),
            runs=fetch("runs", rows.RunRow),
            coverage=fetch("coverage", rows.CoverageRow),
            problems=problems,
            shown=shown,
            refusals=refusals,
            statuses=fetch("status", rows.StatusRow),
            surprisals=fetch("surprisal", rows.SurprisalRow),
            quartiles=fetch("quartiles", rows.QuartileRow),
            costs=fetch("cost", rows.CostRow),
            findings=fetch("findings", rows.FindingRow),
            failures=fetch("failures", rows.FailureRow),
            claims=fetch("claims", rows.ClaimRow),
            suspicious=suspicious,
            picks=fetch("picks", rows.PickRow),
            references=fetch("references", rows.ReferenceRow),
            fast_p=fetch("fast_p", rows.FastPRow),
            by_run=fetch("by_run", rows.ByRunRow) if len(run_ids) > 1 else (),
            next=following,
            draws=fetch("draws", rows.DrawRow),
            document=document,
            statistics=statistics_of(document),
            adaptation=arms,
            steps=fetch("steps", rows.StepRow) if arms else (),
            regime=fetch("regime", rows.RegimeRow) if arms else (),
            trainings=learned,
            trained=fetch("trained", rows.TrainedRow) if learned else (),
            training_cost=fetch("training_cost", rows.TrainingCostRow) if learned else (),
        )
