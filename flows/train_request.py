"""A training's request: what steps learn from, and what is held out from them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Self

from pydantic import BaseModel, ConfigDict, Field, StrictInt, model_validator

from flows.adapt_request import AdaptRequest
from flows.errors import RequestError
from storage import Lake
from tasks.adapt.lineage import learned_from
from tasks.adapt.numbering import MOST_STEPS
from tasks.adapt.outer import OuterRounds
from tasks.problems import Problem, load_suite
from tasks.problems.split import check_apart, other_side, whole


class Training(BaseModel):
    """What one step learns from, and what checkpoints are looked at on."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    batch: int = Field(ge=1)
    """Problems of one step."""
    checkpoint_every: int = Field(ge=1, le=MOST_STEPS)
    """Steps from one checkpoint that is evaluated to the next."""
    eval_suite: str | None = None
    """Held out; None: the other side of the suite's split, or the suite itself."""
    eval_problems: tuple[StrictInt, ...] | None = None
    """Of it; None: all."""


class TrainRequest(AdaptRequest):
    """Everything that decides what a training draws, measures and learns: `problems` of `suite` are
    learned from. `k`, and `adapt.confirm`, are the draws of a held-out problem at a checkpoint."""

    command: ClassVar[str] = "train"
    default_profile: ClassVar[str] = "train-demo"
    identity: ClassVar[tuple[str, ...]] = (
        *AdaptRequest.identity,
        *("train.batch", "train.eval_suite", "train.eval_problems"),
    )

    train: Training

    @classmethod
    def fitting(cls, base: dict[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
        """What is held out belongs to its suite, and that to the suite or the side of it."""
        dropped = set()
        if given.get("suite", base.get("suite")) != base.get("suite"):
            dropped = {"eval_suite", "eval_problems"}
        elif (given.get("train") or {}).get("eval_suite") is not None:
            dropped = {"eval_problems"}
        kept = {name: one for name, one in dict(base["train"]).items() if name not in dropped}
        return super().fitting(base, given) | {"train": kept}

    @model_validator(mode="after")
    def _base_draws(self) -> Self:
        object.__setattr__(self, "k", max(1, self.adapt.confirm))
        return self

    def held_out(self) -> tuple[Problem, ...]:
        """The problems that no step learns from. Raises RequestError if nothing says which."""
        suite, ids = self.train.eval_suite, self.train.eval_problems
        if suite is None:
            suite = other_side(self.suite) if ids is None else whole(self.suite)
        if suite is None:
            raise RequestError(
                f"suite {self.suite!r}: which problems are held out? take a side of a split, as in "
                "--split train42, or name them with --eval-problems or --eval-suite"
            )
        return load_suite(suite).select(ids)

    def train_problems(self) -> tuple[Problem, ...]:
        """The problems that steps learn from: those that were named, or all that are not held out
        of a suite that was not split.

        Raises RequestError if one of them is held out.
        """
        named, held_out = load_suite(self.suite).select(self.problems), self.held_out()
        if self.problems is None and other_side(self.suite) is None:
            keys = {one.key for one in held_out}
            named = tuple(one for one in named if one.key not in keys)
        check_apart(named, held_out)
        return named

    def check_lake(self, lake: Lake) -> None:
        """Raise RequestError, too, for a checkpoint to begin with that has learned from what is
        held out."""
        super().check_lake(lake)
        learned = learned_from(lake, self.policy)
        check_apart(learned, self.held_out(), f"policy {self.policy!r} has learned from")

    def selected(self) -> tuple[Problem, ...]:
        """All problems of the run, those that are held out last."""
        return (*self.train_problems(), *self.held_out())

    def _check_problems(self) -> None:
        adapt, problems = self.adapt, len(self.train_problems())
        if problems < 2:
            raise RequestError(
                f"there are {problems} problems to learn from, and it takes two; name more with "
                "--problems, or hold fewer out"
            )
        if problems < self.train.batch:
            raise RequestError(
                f"--batch {self.train.batch}: there are {problems} problems to learn from; name "
                "more with --problems, hold fewer out, or lower --batch"
            )
        if adapt.unit != "batch":
            raise RequestError(
                f"unit {adapt.unit!r}: a training makes one adapter for all problems; set unit = "
                '"batch", or take `bon adapt`'
            )
        if adapt.tail:
            raise RequestError(
                f"tail {adapt.tail}: a training searches no further on its problems; leave it out"
            )
        if not adapt.confirm:
            raise RequestError(
                "--confirm 0: checkpoints are evaluated by their draws of held-out problems; take "
                "1 or more"
            )
        if adapt.budget is not None and adapt.budget < self._paid:
            raise RequestError(
                f"--budget {adapt.budget}: a step learns from {self._paid} draws "
                f"({adapt.group} of each of {self.train.batch} problems); give so many or more, or "
                "lower -g or --batch"
            )

    def last_step(self, problems: int) -> int:
        """How many steps are made, within the budget. problems: of no matter here."""
        del problems
        steps, budget = self.adapt.steps, self.adapt.budget
        return steps if budget is None else min(steps, budget // self._paid)

    @property
    def _paid(self) -> int:
        """Draws that one step learns from."""
        return self.adapt.group * self.train.batch

    def rounds(self) -> OuterRounds:
        """What is drawn in which round."""
        train, held_out = self.train_problems(), self.held_out()
        return OuterRounds(
            problems=(*train, *held_out),
            units=self.units(train),
            method=self.method(),
            last=self.last_step(len(train)),
            train=train,
            held_out=held_out,
            batch=self.train.batch,
            every=self.train.checkpoint_every,
            seed=self.seed,
        )
