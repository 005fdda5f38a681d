"""Judge the sources of one shard that have no verdict yet, and write the verdicts as they come."""

from __future__ import annotations

import shlex
import uuid
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TypeVar

from prefect import State, task
from prefect.cache_policies import NO_CACHE
from prefect.logging import get_logger
from prefect.states import Completed

from kernels_eval import Status
from storage import ledger
from storage.commit import commit
from storage.ledger import SourceKey
from tasks.errors import NoJudgeError, ProblemRefusedError
from tasks.evaluate.pool import Judged
from tasks.evaluate.rows import Row, verdict_rows
from tasks.plan import Shard
from tasks.problems import Problem
from tasks.sweep import Sweep

_logger = get_logger("judge")

K = TypeVar("K", bound=SourceKey | int)

ATTEMPTS = 2

FLUSH_EVERY = 16
"""Verdicts per write: what a kill can cost at most is this many measurements, to be made again."""


@dataclass(frozen=True)
class Again:
    """A source that is measured whatever the run holds. keep: gets its verdict."""

    source: str
    keep: Callable[[Judged], None]


_NOTHING: Mapping[int, Again] = {}


def evaluate_shard(sweep: Sweep, shard: Shard, again: Mapping[int, Again] = _NOTHING) -> None:
    """Judge every distinct source among the shard's draws that the run has no verdict on.

    Equal sources are measured once, in this shard or another. What is to be done is read from the
    lake, so a retry and a resumed run do exactly what is missing. again: by numbers of the shard
    that are no draws, what is measured in their place. Raises ProblemRefusedError.
    """
    problem = shard.problem
    key = shard.problem_key
    if key in sweep.refusals:
        sweep.progress.advance("evaluate", len(shard.sample_indices))
        return
    draws = ledger.draws(sweep.lake, sweep.run_id, key, shard.sample_indices)
    sources = {(*key, digest): source for digest, source in draws.values()}
    copies = Counter((*key, digest) for digest, _ in draws.values())
    with sweep.claims.take(set(sources)) as mine:
        done = ledger.evaluated(sweep.lake, sweep.run_id, sweep.judges.harness_id, key)
        todo = mine - done
        queue: dict[SourceKey | int, str] = {}
        for index in shard.sample_indices:
            if index in again:
                queue[index] = again[index].source
            elif index in draws and (one := (*key, draws[index][0])) in todo:
                queue[one] = sources[one]
        sweep.progress.advance("evaluate", sum(copies[one] for one in sources.keys() - todo))
        waiting = sum(copies[one] for one in todo)
        evaluations: list[Row] = []
        timings: list[Row] = []
        try:
            for asked, found in judged(sweep, problem, queue):
                if isinstance(asked, int):
                    again[asked].keep(found)
                    continue
                verdict = found.verdict
                evaluation, timing = verdict_rows(problem, asked[-1], verdict, found.place)
                evaluations.append(evaluation)
                timings.extend([timing] if verdict.trials else [])
                sweep.progress.advance("evaluate", copies[asked])
                waiting -= copies[asked]
                if len(evaluations) >= FLUSH_EVERY:
                    flush(sweep, evaluations, timings)
        except ProblemRefusedError:
            sweep.progress.advance("evaluate", waiting)
            raise
        finally:
            flush(sweep, evaluations, timings)


def judged(sweep: Sweep, problem: Problem, sources: Mapping[K, str]) -> Iterator[tuple[K, Judged]]:
    """(key, verdict with its place) of every source, as they are reached.

    A failure of the judge itself is tried again, by a judge started anew, before it is a verdict.
    """
    again = dict(sources)
    for attempt in range(ATTEMPTS):
        if not again:
            return  # before a judge is asked: it would prepare the problem for nothing
        keys = list(again)
        for found in sweep.judges.evaluate_many(problem.source, list(again.values())):
            verdict, index = found.verdict, found.index
            if verdict.status is not Status.HARNESS_ERROR or attempt + 1 == ATTEMPTS:
                again.pop(keys[index])
                yield keys[index], found
            else:
                _logger.warning(
                    "problem %d: the judge failed on %s and starts anew for it: %s",
                    problem.problem_id,
                    _named(keys[index]),
                    verdict.error,
                )


def _named(key: SourceKey | int) -> str:
    return "an anchor" if isinstance(key, int) else key[-1][:12]


def flush(sweep: Sweep, evaluations: list[Row], timings: list[Row]) -> None:
    """Write the rows in one commit, and empty both lists."""
    allowed: Row = {"timeout_s": sweep.judges.timeout_s}
    tables = {"evaluations": [row | allowed for row in evaluations], "timings": list(timings)}
    commit(sweep.lake, sweep.run_id, uuid.uuid4().hex, tables)
    evaluations.clear()
    timings.clear()


def _evaluate(
    sweep: Sweep, shard: Shard, again: Mapping[int, Again] = _NOTHING
) -> State[None] | None:
    try:
        evaluate_shard(sweep, shard, again)
    except ProblemRefusedError as error:
        return refused(sweep, shard.problem, error)
    except NoJudgeError as error:
        return unjudged(sweep, error)
    return None


def refused(sweep: Sweep, problem: Problem, error: ProblemRefusedError) -> State[None]:
    """The end of a task whose problem the judge refused: no failure, and nothing to try again."""
    harness_id = sweep.judges.harness_id
    sweep.refusals.record(sweep.lake, sweep.run_id, harness_id, problem, str(error))
    return Completed(name="Refused", message=str(error))


def unjudged(sweep: Sweep, error: NoJudgeError) -> State[None]:
    """The end of a task that got no judge: said once per sweep, since all tasks end so.

    No failure that a retry could mend. The run is not complete, which its summary says.
    """
    if sweep.judges.first_to_tell():
        lake = shlex.quote(str(sweep.lake.root))
        _logger.error(
            "%s; draws without a verdict are kept, and `bon %s --run %s --lake %s` judges them",
            error,
            sweep.command,
            sweep.run_id,
            lake,
        )
    return Completed(name="Unjudged", message=str(error))


evaluate = task(name="evaluate", retries=1, cache_policy=NO_CACHE, persist_result=False)(_evaluate)
