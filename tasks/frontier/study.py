"""All arms on one table: units below each other, budgets beside each other."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from storage.ledger import ProblemKey
from tasks.adapt.units import BASE_ARM
from tasks.frontier.costs import Costs, arm_costs
from tasks.frontier.curves import (
    budget_grid,
    pooled_curve,
    pooled_gain,
    staged_curve,
    staged_gain,
    table,
)
from tasks.frontier.stages import KINDS, Run
from tasks.statistics.arrays import Floats, Ints

PLACEBO = "placebo"


@dataclass(frozen=True, eq=False)
class Arm:
    """One arm over the units of a study; (units, budgets), by the rollouts of one problem.

    success: P(some draw is fast_1). gain: E[log of the delivered speedup].
    staged_…: of the base arm, as a run of that budget would have made them, stage by stage: the
        law of a trained arm that learns nothing. Of trained arms the same tables.
    """

    name: str
    success: Floats
    gain: Floats
    staged_success: Floats
    staged_gain: Floats
    costs: Costs
    """Over all problems, the mean of the runs; (budgets,)."""
    rollouts: int
    """What it drew with a verdict, of all problems; the mean of the runs."""


@dataclass(frozen=True, eq=False)
class Study:
    """Runs that are one study: of the same problems with other seeds, or of other batches."""

    runs: tuple[Run, ...]

    @property
    def first(self) -> Run:
        return self.runs[0]

    @cached_property
    def budgets(self) -> Ints:
        """Rollouts of one problem."""
        return budget_grid(self.first.group, min(run.last for run in self.runs))

    @property
    def whole(self) -> int:
        return int(self.budgets[-1])

    def problems(self, run: Run) -> list[ProblemKey]:
        """Those that every arm of the run has verdicts on."""
        return list(run.arms[BASE_ARM])

    @cached_property
    def units(self) -> list[frozenset[ProblemKey]]:
        """What may differ from one another: problems, or batches of problems."""
        found = [frozenset(self.problems(run)) for run in self.runs]
        if self.first.unit != "batch":
            found = [frozenset([one]) for one in self.problems(self.first)]
        return list(dict.fromkeys(found))

    @property
    def split_budgets(self) -> Ints:
        """Rollouts of "s steps, then search", by s."""
        run, last = self.first, min(run.last for run in self.runs)
        return (run.group - run.tail) * np.arange(last + 1) + run.group

    def by_unit(self, values: Callable[[Run, ProblemKey], Floats]) -> Floats:
        """Of each problem of each run → runs averaged within each unit; (units, columns)."""
        rows = []
        for unit in self.units:
            own = [
                np.mean([values(run, one) for one in self.problems(run) if one in unit], axis=0)
                for run in self.runs
                if unit <= frozenset(self.problems(run))
            ]
            rows.append(np.mean(own, axis=0))
        return np.array(rows, np.float64) if rows else table(rows, self.budgets)

    @cached_property
    def arms(self) -> dict[str, Arm]:
        """By name, the base arm first."""
        return {name: self._arm(name) for name in self.first.arms}

    def _arm(self, name: str) -> Arm:
        budgets = self.budgets
        staged_s = self.by_unit(lambda r, p: staged_curve(r.arms[name][p], r.group, budgets))
        staged_g = self.by_unit(lambda r, p: staged_gain(r.arms[name][p], r.group, budgets))
        success, gain = staged_s, staged_g
        if name == BASE_ARM:
            success = self.by_unit(lambda r, p: pooled_curve(r.arms[name][p], budgets))
            gain = self.by_unit(lambda r, p: pooled_gain(r.arms[name][p], budgets))
        each = [arm_costs(run, name, self.problems(run), budgets) for run in self.runs]
        drawn = [sum(track.draws for track in run.arms[name].values()) for run in self.runs]
        return Arm(
            name,
            success,
            gain,
            staged_s,
            staged_g,
            {kind: np.mean([one[kind] for one in each], axis=0) for kind in KINDS},
            round(float(np.mean(drawn))),
        )

    @property
    def trained(self) -> list[str]:
        return [name for name in self.first.arms if name != BASE_ARM]

    @property
    def placebos(self) -> list[str]:
        """Controls: their advantages are those of an objective, dealt out at random."""
        return [name for name in self.trained if is_placebo(name)]

    @property
    def contenders(self) -> list[str]:
        """Arms that something is claimed of."""
        return [name for name in self.trained if not is_placebo(name)]


def is_placebo(arm: str) -> bool:
    """Whether an arm's name, an objective, is a control's."""
    return arm.split(":")[0].split("+")[0] == PLACEBO
