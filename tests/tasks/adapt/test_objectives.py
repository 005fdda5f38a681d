"""Advantages of single groups, and the names that users write."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.adapt.group import Group, Verdicts
from tasks.adapt.objectives import Teacher, objective_names, parse_objective
from tasks.adapt.objectives.entropic_adaptive import adaptive_beta
from tasks.errors import RequestError
from tasks.statistics.arrays import Floats

CENTRED = [
    *("centred", "rloo", "grpo", "max@1", "max@3", "pass@3", "fast@3", "paper"),
    *("placebo", "placebo:max@3", "placebo:paper"),
]


def judged(speedups: list[float | None], sd: float = 0.01) -> Group:
    """Speedup None: incorrect. sd: of log speedup, in every interval."""
    speedup = np.array([np.nan if one is None else one for one in speedups])
    correct = np.isfinite(speedup)
    low, high = speedup * math.exp(-1.96 * sd), speedup * math.exp(1.96 * sd)
    verdicts = Verdicts(correct, correct & (low > 1), speedup, low, high)
    return Group(np.where(correct, speedup, 0.0), verdicts, seed=3)


def advantages(name: str, *groups: Group) -> list[Floats]:
    return parse_objective(name).advantages(groups)


def tied(sd: float, n: int = 32) -> Group:
    """So many kernels of one speed, timed with this noise."""
    rng = np.random.default_rng(7)
    return judged([float(one) for one in np.exp(rng.normal(0, sd, n))], sd)


@pytest.mark.parametrize("name", CENTRED)
@given(st.lists(st.none() | st.floats(0.1, 900), min_size=5, max_size=12))
def test_advantages_sum_to_zero(name: str, speedups: list[float | None]) -> None:
    (found,) = advantages(name, judged(speedups))
    assert found.shape == (len(speedups),)
    assert abs(found.sum()) <= 1e-9 * (1 + np.abs(found).sum())


def test_penalties_sum_to_zero() -> None:
    rng = np.random.default_rng(1)
    tokens = [rng.normal(size=n) for n in (3, 1, 6)]
    base = [rng.normal(size=n) for n in (3, 1, 6)]
    group = Group(np.array([0.0, 1.0, 5.0]), sampled=tokens, base=base)
    (plain,) = parse_objective("centred").token_advantages([group])
    (found,) = parse_objective("centred+kl:0.3").token_advantages([group])
    more = [one - other for one, other in zip(found, plain, strict=True)]
    assert sum(float(one.sum()) for one in more) == pytest.approx(0, abs=1e-12)
    assert more[0][1] - more[2][4] == pytest.approx(
        -0.3 * ((tokens[0] - base[0])[1] - (tokens[2] - base[2])[4])
    )


@pytest.mark.parametrize("name", ["max@3-loo", "entropic", "entropic-adaptive"])
def test_and_some_do_not(name: str) -> None:
    (found,) = advantages(name, judged([0.5, 1.0, 2.0, 4.0, None]))
    assert abs(found.sum()) > 1e-3


@pytest.mark.parametrize("name", [*CENTRED, "entropic", "entropic-adaptive", "entropic-noise"])
def test_equal_rewards_move_nothing(name: str) -> None:
    for group in (judged([None] * 6), judged([1.5] * 6)):
        if name in ("paper", "placebo:paper") and group.judged.correct.all():
            continue  # a running median sees differences where there are none
        (found,) = advantages(name, group)
        assert found == pytest.approx(np.zeros(6), abs=1e-12)


def test_noise_is_no_signal() -> None:
    """32 kernels that are equally fast, timed to 1 %."""
    (adaptive,) = parse_objective("entropic-adaptive").advantages(
        [Group(np.log(tied(0.01).judged.speedup))]
    )
    (noise,) = advantages("entropic-noise", tied(0.01))
    assert adaptive.max() > 4
    assert noise.max() < 0.3


def test_real_differences_are_taken_as_sharply_as_by_adaptive() -> None:
    group = judged([0.2, 0.3, 1.0, 1.1, 3.0, 20.0, None, None], sd=0.001)
    (noise,) = advantages("entropic-noise", group)
    (adaptive,) = parse_objective("entropic-adaptive").advantages(
        [Group(np.log([0.2, 0.3, 1.0, 1.1, 3.0, 20.0, 1 / 16, 1 / 16]))]
    )
    assert noise == pytest.approx(adaptive, rel=1e-9)


def test_rewards_that_differ_by_rounding_give_no_signal() -> None:
    for nearly in ([0.0, 2.3e-308, 2.3e-311], [0.1 + 0.2, 0.3, 0.3], [-4.0, -4.0 - 1e-15, -4.0]):
        assert adaptive_beta(np.array(nearly)) == 0.0


@given(
    st.lists(
        st.floats(-5, 5).map(lambda reward: round(reward, 9)), min_size=3, max_size=20, unique=True
    )
)
def test_adaptive_beta_diverges_by_ln_2(rewards: list[float]) -> None:
    reward = np.array(rewards)
    scores = adaptive_beta(reward) * reward
    q = np.exp(scores - scores.max())
    q /= q.sum()
    divergence = math.log(len(q)) + float(np.sum(q[q > 0] * np.log(q[q > 0])))
    assert divergence == pytest.approx(math.log(2), abs=1e-6)


@pytest.mark.parametrize("rewards", [[0.0, 1.0], [1.0, 1.0, 1.0, 0.0], [3.0, 3.0, 3.0]])
def test_adaptive_stays_finite_where_ln_2_is_out_of_reach(rewards: list[float]) -> None:
    (found,) = advantages("entropic-adaptive", Group(np.array(rewards)))
    assert np.isfinite(found).all()
    assert found.max() < 100


def test_rloo_is_a_multiple_of_centred() -> None:
    group = judged([0.5, 1.0, 2.0, None])
    (rloo,), (centred,) = advantages("rloo", group), advantages("centred", group)
    assert rloo == pytest.approx(centred * 4 / 3)


def test_paper_divides_by_the_median_before_and_mixes_problems() -> None:
    first, second = judged([2.0, None, 4.0]), judged([10.0, 10.0])
    found = np.concatenate(advantages("paper", first, second))
    rewards = np.array([2.0, 0.0, 4.0 / 2.0, 10.0, 10.0 / 10.0])
    expected = (rewards - rewards.mean()) / rewards.std(ddof=1)
    assert found == pytest.approx(expected)
    known = Group(first.reward, first.verdicts, history=np.array([8.0, 2.0, 5.0]))
    later = np.array([2 / 5, 0, 4 / 3.5])
    (found,) = advantages("paper", known)
    assert found == pytest.approx((later - later.mean()) / later.std(ddof=1))


def test_pass_and_fast_count_other_things() -> None:
    group = judged([0.5, 2.0, None, None])
    (passed,), (fast,) = advantages("pass@1", group), advantages("fast@1", group)
    assert passed == pytest.approx(np.array([1, 1, -1, -1]) / 6)
    assert fast == pytest.approx(np.array([-1, 3, -1, -1]) / 12)


def test_placebo_deals_out_the_same_advantages() -> None:
    group = judged([0.5, 1.0, 2.0, 4.0, 8.0, None])
    (real,), (found,) = advantages("centred", group), advantages("placebo", group)
    assert sorted(found) == sorted(real)
    assert list(found) != list(real)
    (again,) = advantages("placebo", group)
    assert list(again) == list(found)
    other = Group(group.reward, group.verdicts, seed=4)
    assert list(advantages("placebo", other)[0]) != list(found)


def test_sdpo_clips_and_skips() -> None:
    group = judged([2.0, None])
    tokens = [np.array([-1.0, -9.0]), np.array([-9.0, -1.0, -1.0])]
    teacher = [np.array([-2.0, -1.0]), np.array([-1.0, -9.0, -1.5])]
    full = Group(group.reward, group.verdicts, sampled=tokens, teacher=teacher)
    (own,) = parse_objective("sdpo").token_advantages([full])
    assert own[0] == pytest.approx([0, 0])
    assert own[1] == pytest.approx([5, -5, -0.5])
    (told,) = parse_objective("sdpo-prompt").token_advantages([full])
    assert told[0] == pytest.approx([-1, 5])
    assert parse_objective("sdpo:base").teacher == Teacher(feedback=True, weights="base")
    assert parse_objective("sdpo-prompt").teacher == Teacher(feedback=False, weights="live")
    assert parse_objective("centred").teacher is None


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("maximum", "no objective 'maximum'; known: centred, "),
        ("max@k", "no objective 'max@k'"),
        ("max@0", "k must be 1 or more, not 0"),
        ("max@1-loo", "k must be 2 or more, not 1; max@1-loo would be rloo"),
        ("centred:2", "centred takes no parameter"),
        ("paper:2", "paper takes no parameter"),
        ("entropic:-1", "write entropic:BETA with a number above 0"),
        ("entropic-noise:nan", "write entropic-noise:C"),
        ("centred+kl:0", "as in +kl:0.1"),
        ("centred+entropy:1", "behind + stands kl:LAMBDA"),
        ("sdpo:peer", "the teacher's weights are live, base, ema"),
        ("placebo:sdpo", "only advantages of draws can be permuted"),
        ("placebo:nobody", "no objective 'nobody'"),
    ],
)
def test_wrong_names_are_said_in_one_line(name: str, says: str) -> None:
    with pytest.raises(RequestError) as raised:
        parse_objective(name)
    assert says in str(raised.value)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(("name", "least"), [("max@8", 9), ("pass@8", 9), ("max@8-loo", 8)])
def test_k_above_the_group_is_refused(name: str, least: int) -> None:
    objective = parse_objective(name)
    objective.check(least)
    with pytest.raises(RequestError, match=f"needs groups of {least} draws or more, not 7"):
        objective.check(7)
    with pytest.raises(RequestError, match="raise -g or lower k"):
        objective.advantages([judged([1.0] * 7)])


def test_all_are_listed() -> None:
    assert {name.partition("[")[0].replace("K", "2") for name in objective_names()} >= {
        *("paper", "centred", "grpo", "rloo", "entropic", "entropic-adaptive", "entropic-noise"),
        *("max@2", "max@2-loo", "pass@2", "fast@2", "sdpo", "sdpo-prompt", "placebo"),
    }
    for name in objective_names():
        assert parse_objective(name.partition("[")[0].replace("K", "2"))
