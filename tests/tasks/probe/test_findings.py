"""What a probe comes to, from rows whose answers are known."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from flows.errors import in_a_line
from storage import Lake
from tasks.adapt.checkpoint import Checkpoint
from tasks.errors import RequestError
from tasks.probe.draws import Draws, fixed_draws
from tasks.probe.findings import Weights, findings
from tasks.probe.scores import Scores, check_reproduced
from tasks.probe.step import divergence, parts_of
from tasks.problems import load_suite

PROBLEMS = load_suite("embedded").select((12, 14))
KEYS = [(one.suite, one.level, one.problem_id) for one in PROBLEMS]
AFTER = Checkpoint("after", "base", "t", 1, Path("/nowhere"), "", "", 0)
N = 8
DRAWS = (*range(N + 1), 1_010_000, 1_010_001)


def row(index: int, **more: Any) -> dict[str, Any]:
    place = {"arm": "base", "step": 0, "checkpoint_id": None, "unit": None}
    return {
        "sample_index": index,
        "source_hash": f"h{index}",
        "status": "correct",
        "correct": True,
        "speedup": 1.0 + index,
        "sum_logprob": -1.0 * 5,
        "mean_logprob": -1.0,
        "logprob_mode": "raw_logprobs",
        "token_ids": [1] * 5,
        **place,
        **more,
    }


def fixed() -> Draws:
    """Of either problem 8 correct draws, draw i at speedup 1 + i, and one that is incorrect."""
    wrong = row(N, status="incorrect", correct=False, speedup=None)
    return Draws("r", {key: [*(row(i) for i in range(N)), wrong] for key in KEYS})


def score(
    lake: Lake, checkpoint: str, surprise: Callable[[int], float], *, draws: Sequence[int] = DRAWS
) -> None:
    """`surprise`: from a draw's number to its −log p per token."""
    rows = [
        {
            "suite": suite,
            "level": level,
            "problem_id": problem,
            "checkpoint_id": checkpoint,
            "draws_run": "r",
            "sample_index": index,
            "logprob_mode": "raw_logprobs",
            "n_prompt_tokens": 3,
            "n_tokens": 5,
            "sum_logprob": -5.0 * surprise(index),
            "mean_logprob": -1.0 * surprise(index),
            "divergence": 0.5,
            "seconds": 0.1,
            "scored_at": datetime.now(UTC),
        }
        for suite, level, problem in KEYS
        for index in draws
    ]
    lake.append("probes", rows, run_id="r")


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    """Under the base model fast ones are surprising; after a step it is the reverse."""
    lake = Lake.open(tmp_path / "lake", create=True)
    score(lake, "base", lambda _: 9.0)  # an earlier attempt's
    score(lake, "base", lambda i: 1.0 + i / 10 if i < N else 3.0)
    score(lake, "after", lambda i: 2.0 - i / 10 if i < N else 0.5)
    return lake


def own() -> Draws:
    """Two draws of either problem after a step: one text; one of the four is rejected."""
    place = {"arm": "centred", "step": 1, "checkpoint_id": "after", "unit": "batch"}
    mine = [row(1_010_000 + i, source_hash="same", sum_logprob=-2.5, **place) for i in range(2)]
    hacked = [mine[0], mine[1] | {"status": "rejected", "correct": False}]
    return Draws("r", {KEYS[0]: [row(i) for i in range(N)] + mine, KEYS[1]: hacked})


def test_every_step_is_measured_on_fixed_draws_and_on_its_own(lake: Lake) -> None:
    weights = [Weights("centred", 1, dict.fromkeys(KEYS, AFTER))]
    base, centred = findings(weights, fixed(), own(), Scores(lake, "r"))
    assert (base.arm, base.step, base.moved) == ("base", 0, 0)
    assert (centred.arm, centred.step, centred.problems, centred.moved) == ("centred", 1, 2, 2)
    most = math.tanh(math.atanh(1 - 6 / (8 * 63)))  # 8 draws in perfect order
    assert base.rho.rho == pytest.approx(most)
    assert centred.rho.rho == pytest.approx(-most)
    assert (base.rho.problems, base.rho.draws) == (2, 2 * N)
    assert math.isnan(base.quarter.rho)  # two draws of a problem are too few
    # All draws at once: the incorrect ones, at speedup 0, are the most surprising at first.
    surprise = np.r_[[1.0 + i / 10 for i in range(N)], 3.0]
    assert base.surprise == pytest.approx(surprise.mean())
    assert base.paper_rho < 1
    assert centred.paper_rho == pytest.approx(-base.paper_rho, abs=0.5)
    assert base.kl_from_base == 0
    assert centred.kl_from_base == pytest.approx(4 * 0.5 / (4 * 5))
    assert centred.entropy == pytest.approx(0.5)
    assert centred.distinct == 0.5
    assert centred.hack_rate == 0.25
    assert centred.pass_at_k == {1: pytest.approx(0.75), 2: 1.0}
    assert base.pass_at_k == {1: 1.0, 2: 1.0, 4: 1.0, 8: 1.0}


def test_a_quarter_is_that_of_the_base_model_under_any_weights(lake: Lake) -> None:
    """Of 16 draws the four that the base model finds least likely are the four fastest."""
    many = Draws("r", {key: [row(i) for i in range(16)] for key in KEYS})
    score(lake, "base", lambda i: 2.0 + i / 10, draws=range(16))
    score(lake, "after", lambda i: 2.0 + i / 10 if i < 12 else 5.0 - i / 10, draws=range(16))
    weights = [Weights("centred", 1, dict.fromkeys(KEYS, AFTER))]
    base, centred = findings(weights, many, Draws("r", {}), Scores(lake, "r"))
    assert base.quarter.problems == centred.quarter.problems == 2
    assert base.quarter.draws == centred.quarter.draws == 8
    assert base.quarter.rho == pytest.approx(0.9)  # four draws in perfect order
    assert centred.quarter.rho == pytest.approx(-0.9)
    assert centred.rho.rho > 0


def test_a_problem_that_has_ended_is_no_part_of_a_step(lake: Lake) -> None:
    weights = [Weights("centred", 1, {KEYS[0]: AFTER})]
    _, centred = findings(weights, fixed(), own(), Scores(lake, "r"))
    assert (centred.problems, centred.rho.problems, centred.draws) == (1, 1, 2)


def test_the_base_model_must_reproduce_its_draws(lake: Lake) -> None:
    with pytest.raises(RequestError, match=r"-1\.5333 .* -1\.0000 .*0\.5333, 0\.001") as found:
        check_reproduced(Scores(lake, "r"), "base", fixed())
    assert in_a_line(found.value)[0] == str(found.value)
    score(lake, "base", lambda _: 1.0009)
    assert check_reproduced(Scores(lake, "r"), "base", fixed()) == pytest.approx(0.0009)


def test_only_what_is_missing_is_scored(lake: Lake) -> None:
    done = Scores(lake, "r").scored()
    assert parts_of(None, fixed(), PROBLEMS, done) == []
    other = Draws("other", fixed().rows)
    parts = parts_of(AFTER, other, PROBLEMS[:1], done)
    assert [(one.checkpoint_id, len(one.rows)) for one in parts] == [("after", N + 1)]


def test_divergence_is_the_divergence() -> None:
    """Over the four outcomes of a policy, as often as it draws each."""
    p, q = np.array([0.1, 0.2, 0.3, 0.4]), np.array([0.4, 0.3, 0.2, 0.1])
    terms = [divergence([float(np.log(a))], [float(np.log(b))]) for a, b in zip(p, q, strict=True)]
    assert min(terms) >= 0
    assert p @ terms == pytest.approx(float(p @ np.log(p / q)))
    assert divergence([-1.0, -2.0], [-1.0, -2.0]) == 0


def test_a_run_without_draws_to_score_is_one_line(lake: Lake) -> None:
    with pytest.raises(RequestError, match="name another run with --draws") as found:
        fixed_draws(lake, "r", KEYS)
    assert in_a_line(found.value)[0] == str(found.value)
