"""What may be said of an arm, and what may not: one place decides."""

from __future__ import annotations

import re

import numpy as np
import pytest

from tasks.adapt.anchors import AnchorShift
from tasks.frontier.compute import study_document
from tasks.frontier.document import FrontierDocument
from tasks.frontier.stages import Run
from tasks.frontier.study import Study, is_placebo
from tests.tasks.frontier.make import Floats, keys, run_of, speeds

STILL = [AnchorShift(1, ("s", 1, 1), 0, "correct", 0.001, 0.02, 0.02)]
GROUP, STAGES = 8, 3


def draws(rng: np.random.Generator, rate: float, problems: int, stages: int) -> Floats:
    return speeds(rng, np.full(problems, rate), stages, GROUP)


def study(
    rates: dict[str, float], *, base: float = 0.0, problems: int = 12, seed: int = 0
) -> FrontierDocument:
    rng = np.random.default_rng(seed)
    first = draws(rng, base, problems, STAGES)
    arms = {name: draws(rng, rate, problems, STAGES - 1) for name, rate in rates.items()}
    return study_document(Study((run_of(first, arms, trained_tokens=50.0),)), STILL)


def test_an_arm_that_finds_what_nothing_else_does_is_better() -> None:
    found = study({"centred": 0.4, "placebo": 0.0})
    assert found.arms["centred"].finding == "better"
    said = found.verdict
    assert re.match(r"centred beats Best-of-N at 24 rollouts of each of 12 problems: \+", said)
    assert re.search(r"\(95 % interval \+[\d.]+ to \+[\d.]+, p = [\d.e−-]+ adjusted", said)
    assert "against the same, placebo +0.0 points" in said
    assert "it pays at every price in the box" in said
    assert "not checked" not in said


def test_a_placebo_that_does_as_well_forbids_any_claim() -> None:
    found = study({"centred": 0.4, "placebo": 0.4})
    (first, *_) = found.arms["centred"].comparisons
    assert first.p_holm is not None
    assert first.p_holm < 0.01
    assert found.arms["centred"].finding == "as placebo"
    assert found.verdict.startswith("nothing is shown: centred is ahead of Best-of-N")
    assert "a placebo, which learns from nothing, may do as well" in found.verdict
    assert found.arms["placebo"].finding == "control"
    assert "nothing is claimed" in found.arms["placebo"].verdict


def test_every_placebo_has_to_be_beaten() -> None:
    found = study({"centred": 0.4, "placebo": 0.0, "placebo:max@4": 0.4})
    assert found.placebos == ["placebo", "placebo:max@4"]
    assert found.arms["centred"].finding == "as placebo"


def test_without_a_placebo_or_anchors_that_is_said() -> None:
    rng = np.random.default_rng(0)
    run = run_of(draws(rng, 0.0, 12, STAGES), {"centred": draws(rng, 0.4, 12, STAGES - 1)})
    said = study_document(Study((run,))).verdict
    assert "centred beats Best-of-N" in said
    assert "no placebo ran beside it" in said
    assert said.endswith("not checked whether the evaluator stood still: no anchors")


def test_the_same_is_no_difference_and_no_claim() -> None:
    found = study({"centred": 0.0, "placebo": 0.0})
    assert found.arms["centred"].finding in ("alike", "open")
    assert found.verdict.startswith("nothing is shown")


def test_a_small_gain_is_open_and_says_what_would_settle_it() -> None:
    found = study({"centred": 0.04, "grpo": 0.02, "placebo": 0.02}, base=0.02, seed=4)
    assert found.arms["centred"].finding == "open"
    assert re.search(r"about [\d,]+ such problems would settle a gap", found.verdict)
    assert found.verdict.endswith("nor is any other arm shown to beat Best-of-N")


def test_an_arm_that_loses_is_said_to_lose() -> None:
    found = study({"centred": 0.0, "placebo": 0.4}, base=0.4, problems=20)
    assert found.arms["centred"].finding == "worse"
    assert found.verdict.startswith("centred does worse than Best-of-N at 24 rollouts")


@pytest.mark.parametrize("problems", [1, 2, 5])
def test_with_few_problems_nothing_is_tested(problems: int) -> None:
    found = study({"centred": 0.9, "placebo": 0.0}, problems=problems)
    assert found.arms["centred"].finding == "few"
    assert "too few for any test (6 at least)" in found.verdict
    assert all(one.p is None and one.p_holm is None for one in found.arms["centred"].comparisons)


def test_a_drifting_evaluator_forbids_every_verdict() -> None:
    rng = np.random.default_rng(0)
    base = np.where(np.arange(3)[None, :, None] < 1, 0.5, 0.4) * np.ones((12, 3, GROUP))
    run = run_of(
        base * rng.uniform(0.99, 1.01, base.shape), {"centred": draws(rng, 0.9, 12, STAGES - 1)}
    )
    found = study_document(Study((run,)), STILL)
    assert found.guards["stages"].passed is False
    assert found.verdict.startswith("the evaluator drifted; no verdict: stages of the base arm")
    assert {one.finding for one in found.arms.values()} == {None, "drifted"}
    moved = [AnchorShift(2, ("s", 1, 1), 0, "correct", 0.5, 0.01, 0.01)]
    still = run_of(draws(rng, 0.0, 12, 3), {"centred": draws(rng, 0.9, 12, 2)})
    found = study_document(Study((still,)), moved)
    assert found.verdict.startswith("the evaluator drifted; no verdict: anchors moved")


def test_an_unfinished_run_has_no_verdict() -> None:
    rng = np.random.default_rng(0)
    arms = {"centred": draws(rng, 0.9, 12, STAGES - 1)}
    run = run_of(draws(rng, 0.0, 12, STAGES), arms, unjudged=3)
    found = study_document(Study((run,)), STILL)
    assert found.verdict.startswith("no verdict: the study is unfinished")
    assert "3 of run r" in found.verdict


def batch(number: int, rng: np.random.Generator, *, seed: int = 1, of: int | None = None) -> Run:
    first = 10 * (number if of is None else of)
    return run_of(
        draws(rng, 0.02, 4, STAGES),
        {"centred": draws(rng, 0.5, 4, STAGES - 1)},
        run_id=f"r{number}",
        seed=seed,
        unit="batch",
        names=[("s", 1, first + i) for i in range(4)],
    )


def test_a_batch_is_one_unit() -> None:
    rng = np.random.default_rng(0)
    one = study_document(Study((batch(1, rng),)), STILL)
    assert (one.units, one.problems) == (1, 4)
    assert "the batch is the unit, and 1 batch is too few" in one.verdict
    seeds = study_document(Study((batch(1, rng), batch(2, rng, seed=2, of=1))), STILL)
    assert seeds.units == 1
    assert seeds.arms["base"].fast_1.low is None
    several = study_document(Study(tuple(batch(i, rng) for i in range(8))), STILL)
    assert (several.units, several.problems) == (8, 32)
    assert several.arms["centred"].finding == "better"
    assert several.arms["centred"].budget == 4 * GROUP * STAGES


def test_seeds_are_averaged_within_the_unit() -> None:
    rng = np.random.default_rng(6)
    runs = [
        run_of(
            draws(rng, 0.05, 8, STAGES),
            {"centred": draws(rng, 0.1, 8, STAGES - 1)},
            run_id=f"r{i}",
            seed=i,
        )
        for i in range(3)
    ]
    alone = [study_document(Study((run,)), STILL) for run in runs]
    found = study_document(Study(tuple(runs)), STILL)
    assert found.units == 8
    for name in ("base", "centred"):
        for what in ("naive", "cross_fitted"):
            each = [getattr(one.arms[name].boa, what) for one in alone]
            assert getattr(found.arms[name].boa, what) == pytest.approx(np.mean(each))
        each = [one.arms[name].fast_1.mean for one in alone]
        assert found.arms[name].fast_1.mean == pytest.approx(np.mean(each))
    assert found.arms["centred"].comparisons[0].units == 8


def test_best_of_n_is_worth_itself_and_ends_are_censored() -> None:
    found = study({"centred": 0.4, "placebo": 0.0}, base=0.05)
    whole = GROUP * STAGES
    assert found.arms["centred"].equivalent_k.censored == "above"
    assert found.arms["centred"].equivalent_k.mean == whole
    placebo = found.arms["placebo"].equivalent_k
    assert placebo.mean is not None
    assert placebo.mean < whole
    none = study({"placebo": 0.0}, base=0.0)
    assert none.arms["placebo"].equivalent_k.mean == 1


def test_holm_is_over_arms_budgets_and_endpoints_and_over_no_placebo() -> None:
    rng = np.random.default_rng(1)
    arms = {name: draws(rng, 0.2, 12, STAGES - 1) for name in ("a", "b", "placebo")}
    run = run_of(draws(rng, 0.05, 12, STAGES), arms)
    found = study_document(Study((run,)), STILL, tested_at=[16, 24])
    assert found.family == 2 * 2 * 2
    own = [one for name in "ab" for one in found.arms[name].comparisons if one.against == "base"]
    assert len(own) == found.family
    least = min(own, key=lambda one: one.p or 0)
    assert least.p_holm == pytest.approx(min(1.0, 8 * (least.p or 0)))
    assert all(one.p_holm is None for one in found.arms["placebo"].comparisons)


def test_what_is_a_placebo() -> None:
    assert is_placebo("placebo")
    assert is_placebo("placebo:max@4")
    assert is_placebo("placebo+kl:0.1")
    assert not is_placebo("centred")


def test_no_arm_beside_the_base_arm_shows_nothing() -> None:
    rng = np.random.default_rng(1)
    found = study_document(Study((run_of(draws(rng, 0.1, 6, 2), {}),)))
    assert found.verdict.startswith("nothing is shown: no arm but the base arm")
    assert keys(6) == [("s", 1, n) for n in range(1, 7)]
