"""What the steps of one adaptation share while it runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from storage import Lake
from storage.ledger import ProblemKey
from tasks.adapt.adapters import at_hand
from tasks.adapt.method import Method
from tasks.adapt.numbering import Purpose
from tasks.adapt.rounds import Drawing, Rounds
from tasks.adapt.standing import Made, Standing
from tasks.adapt.turns import Turns
from tasks.adapt.units import BASE_ARM, Unit
from tasks.errors import AdapterError
from tasks.problems import Problem
from tasks.sample.actor import PolicyHandle
from tasks.sweep import Sweep

_UNJUDGED = """
    SELECT count(*) AS n FROM results
    ANTI JOIN refused_problems USING (run_id, suite, level, problem_id)
    WHERE arm IS NOT NULL AND step = $step AND status IS NULL
"""

_TRAJECTORY = """
    SELECT arm, unit, step, draws, correct, fast_1, best_speedup, step_status, kl_from_base
    FROM trajectory ORDER BY arm, unit, step
"""


@dataclass(frozen=True, kw_only=True)
class Adaptation:
    """One run in progress: base arm and judges (`sweep`), and who draws, judges and trains when
    (`turns`)."""

    sweep: Sweep
    policy_spec: str
    """What loads the policy that steps begin from."""
    turns: Turns
    rounds: Rounds
    prompts: dict[ProblemKey, tuple[int, ...]] = field(default_factory=dict)
    """That are known already, in tokens."""

    @property
    def method(self) -> Method:
        return self.rounds.method

    @property
    def problems(self) -> Sequence[Problem]:
        return self.rounds.problems

    @property
    def units(self) -> Sequence[Unit]:
        return self.rounds.units

    @property
    def lake(self) -> Lake:
        return self.sweep.lake

    @property
    def run_id(self) -> str:
        return self.sweep.run_id

    def made(self) -> Made:
        """The steps that the run holds by now."""
        return Made(self.lake, self.run_id, self.method.patience)

    def drawings(self, step: int) -> list[Drawing]:
        """What is drawn in a round: by the base arm, and by each unit that goes on."""
        found, made = self.rounds.drawings(None, step), self.made()
        for unit in self.units if step else ():
            standing = made.at(unit, step)
            if standing is not None and not standing.ended:
                found += self.rounds.drawings(unit, step)
        return found

    def together(self, units: Sequence[Unit]) -> list[Sequence[Unit]]:
        """Units that go through the stages of a step side by side: one by one, so that each is
        written before the next begins; where policy and trainer take turns all of them, so that
        each is loaded once."""
        return [units] if {"policy", "trainer"} <= self.turns.in_turns else [[u] for u in units]

    def prompt(self, problem: Problem) -> tuple[int, ...]:
        """In tokens. Asks the policy only once."""
        if problem.key not in self.prompts:
            self.prompts[problem.key] = self.drawn_by(None).encode_prompt(problem)
        return self.prompts[problem.key]

    def unjudged(self, step: int) -> int:
        """Draws of a step that no judge has looked at; those of refused problems do not count."""
        found = self.lake.sql(_UNJUDGED, [self.run_id], {"step": step})
        return int(found["n"][0].as_py())

    def trajectory(self) -> list[dict[str, Any]]:
        """What every arm's steps drew and how they were made."""
        return self.lake.sql(_TRAJECTORY, [self.run_id]).to_pylist()

    def base(self, stage: int, purpose: Purpose) -> Sweep:
        """Draws of the base arm in a stage."""
        place = {"arm": BASE_ARM, "step": stage, "purpose": purpose}
        return replace(self.sweep, policy=self.turns.policy(), arm=place)

    def drawn_by(self, adapter: Path | None) -> PolicyHandle:
        """The policy's process under an adapter; under None as it was loaded."""
        return self.turns.policy().wearing(adapter)

    def drawing(self, unit: Unit, step: int, standing: Standing, purpose: Purpose) -> Sweep:
        """Draws of a unit after `step` steps.

        Raises AdapterError for a checkpoint that is not as it was saved, or that the policy takes
        for another than it did then.
        """
        place = {"arm": unit.arm, "unit": unit.name, "step": step, "purpose": purpose}
        checkpoint = standing.checkpoint
        if checkpoint is None or standing.policy_id is None:
            return replace(self.sweep, policy=self.turns.policy(), arm=place)
        at_hand(self.lake, checkpoint)
        policy = self.drawn_by(checkpoint.folder)
        if (now := policy.policy_id) != standing.policy_id:
            raise AdapterError(
                f"checkpoint {checkpoint.checkpoint_id} in {checkpoint.folder} was "
                f"{standing.policy_id} when it was made, and is {now} now (another "
                "adapter_config.json?); restore the folder, or remove it, and its step is done "
                "again"
            )
        return replace(
            self.sweep,
            policy=policy,
            policy_id=standing.policy_id,
            arm=place | {"checkpoint_id": checkpoint.checkpoint_id},
        )
