"""Studies of a known population, and the first screen that they give."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from scipy.special import ndtri

from tasks.report import rows
from tasks.report.answer import Answer, answer
from tasks.report.data import ReportData
from tasks.report.statistics import statistics_of
from tasks.statistics import Resampling
from tasks.statistics.arrays import Floats
from tasks.strategies import Draws, strategies
from tasks.strategies.compute import document_of
from tasks.strategies.document import StrategiesDocument

RUN = "simulated"


@dataclass(frozen=True)
class Kind:
    """A kind of problem: how its draws come out."""

    correct: float
    """Chance of a correct draw."""
    fast: float
    """Chance that a correct draw is faster than the reference."""
    rho: float = 0.0
    """Correlation, in normal scores, of surprisal with log speedup among correct draws."""
    through_length: bool = False
    """Whether that correlation is length's: surprisal goes with length, and length with speed."""


def sample(kind: Kind, n: int, rng: np.random.Generator) -> tuple[Floats, Floats, Floats]:
    """Surprisal as a normal score, log speedup (NaN where incorrect) and tokens of n draws."""
    score, hidden, length = rng.normal(size=(3, n))
    if kind.through_length:
        # Surprisal and speed both go with length, as √|ρ| each, and beyond it not with each other.
        root = float(np.sqrt(abs(kind.rho)))
        score = root * length + np.sqrt(1 - root**2) * score
        speed = np.sign(kind.rho) * root * length + np.sqrt(1 - root**2) * hidden
    else:
        speed = kind.rho * score + np.sqrt(1 - kind.rho**2) * hidden
    log_speedup = 0.4 * (speed + ndtri(np.clip(kind.fast, 1e-9, 1 - 1e-9)))
    right = rng.random(n) < kind.correct
    return score, np.where(right, log_speedup, np.nan), np.round(200 * np.exp(0.4 * length))


def problem(
    kind: Kind,
    n: int,
    rng: np.random.Generator,
    problem_id: int,
    *,
    ties: bool = False,
    run_id: str = RUN,
) -> Draws:
    """One problem's draws. `ties`: scores are rounded to a few values."""
    score, log_speedup, tokens = sample(kind, n, rng)
    if ties:
        score = np.round(score)
    logprob = -(1.0 + 0.2 * (score + 4))
    correct = ~np.isnan(log_speedup)
    speedup = np.exp(log_speedup)
    return Draws(
        run_id=run_id,
        suite="s",
        level=1,
        problem_id=problem_id,
        sample_index=np.arange(n, dtype=np.int64),
        n_tokens=tokens,
        sum_logprob=logprob * tokens,
        mean_logprob=logprob,
        correct=correct,
        fast_1=correct & (np.nan_to_num(speedup) > 1),
        speedup=speedup,
    )


def document(draws: list[Draws]) -> StrategiesDocument:
    """Intervals of curves by fewer replicates than a report's: there are many studies."""
    return document_of([RUN], draws, strategies(), None, Resampling(repetitions=400))


def screen(told: StrategiesDocument, draws: list[Draws]) -> Answer:
    """The first screen as the report words it."""
    judged = sum(one.n for one in draws)
    coverage = _blank(
        rows.CoverageRow,
        run_id=RUN,
        problems=told.problems,
        draws=judged,
        judged=judged,
        correct=int(sum(one.correct.sum() for one in draws)),
        fast_1=int(sum(one.fast_1.sum() for one in draws)),
        with_logprob=judged,
    )
    problems = tuple(
        _blank(
            rows.ProblemRow,
            suite="s",
            level=1,
            problem_id=one.problem_id,
            name=None,
            judged=one.n,
            draws=one.n,
            spread=one.logprob_std,
        )
        for one in draws
    )
    empty: dict[str, Any] = {field.name: () for field in fields(ReportData)}
    known = {
        "run_ids": (RUN,),
        "coverage": (coverage,),
        "problems": problems,
        "document": told,
        "statistics": statistics_of(told),
        "adaptation": None,
    }
    return answer(ReportData(**(empty | known)))


def _blank(kind: Any, **known: Any) -> Any:
    return kind(**({field.name: 0 for field in fields(kind)} | known))
