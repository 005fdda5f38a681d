"""Expected updates by enumeration: every group that a policy with four outcomes can draw.

The gradient of the loss (autograd, through the loss that trainers use) and the sum over scores
e_x − π (closed form) have to be the same number, and where the objective is the unbiased gradient
of something, the gradient of that.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import combinations, permutations, product

import numpy as np
import pytest
import torch
from torch import Tensor

from tasks.adapt.correction import Correction
from tasks.adapt.group import Group, Verdicts
from tasks.adapt.loss import importance_loss
from tasks.adapt.objectives import parse_objective
from tasks.statistics.arrays import Floats

G = 4
LOGITS = np.array([0.3, -0.7, 0.1, 0.9])
BASE = np.array([0.1, 0.2, -0.4, 0.5])
TEACHER = np.array([-0.2, 0.6, 0.3, -0.1])
PI = np.exp(LOGITS) / np.exp(LOGITS).sum()

CORRECT = np.array([False, True, True, True])
SPEEDUP = np.array([np.nan, 0.8, 1.4, 2.6])
REWARD = np.array([0.0, 0.8, 1.4, 2.6])
FAST = np.array([False, False, True, True])

NAMES = [
    *("centred", "rloo", "grpo", "entropic", "entropic:0.7", "entropic-adaptive"),
    *("entropic-noise", "max@1", "max@2", "max@3", "max@2-loo", "max@4-loo"),
    *("pass@2", "fast@3", "paper", "sdpo", "sdpo-prompt", "placebo", "placebo:max@2"),
    *("centred+kl:0.1", "max@3+kl:0.5", "sdpo+kl:0.2"),
]


def log_softmax(logits: Floats) -> Floats:
    return np.asarray(logits - np.log(np.exp(logits).sum()))


def group(outcomes: np.ndarray) -> Group:
    """One draw has one token, the outcome itself."""

    def tokens(logits: Floats) -> list[Floats]:
        return [log_softmax(logits)[[x]] for x in outcomes]

    verdicts = Verdicts(
        CORRECT[outcomes],
        FAST[outcomes],
        SPEEDUP[outcomes],
        SPEEDUP[outcomes] * 0.9,
        SPEEDUP[outcomes] * 1.1,
    )
    return Group(
        REWARD[outcomes],
        verdicts,
        seed=5,
        sampled=tokens(LOGITS),
        base=tokens(BASE),
        teacher=tokens(TEACHER),
    )


def every_group() -> Iterator[tuple[float, np.ndarray]]:
    """(its probability, its outcomes)"""
    for outcomes in product(range(4), repeat=G):
        drawn = np.array(outcomes)
        yield float(PI[drawn].prod()), drawn


def token_advantages(name: str, drawn: np.ndarray) -> Floats:
    (per_draw,) = parse_objective(name).token_advantages([group(drawn)])
    return np.concatenate(per_draw)


def expected_update(name: str) -> Floats:
    """E[Σ A_i s_i] in the logits, with the scores s_i = e_{x_i} − π."""
    total = np.zeros(4)
    for chance, drawn in every_group():
        total += chance * (token_advantages(name, drawn) @ (np.eye(4)[drawn] - PI))
    return total


def gradient(of: Callable[[Tensor], Tensor]) -> Floats:
    """∇ of a function of log π, by autograd in the logits."""
    logits = torch.tensor(LOGITS, requires_grad=True)
    of(logits.log_softmax(0)).backward()  # type: ignore[no-untyped-call]
    assert logits.grad is not None
    return logits.grad.numpy()


@pytest.mark.parametrize("name", NAMES)
def test_the_loss_has_the_expected_update_as_its_gradient(name: str) -> None:
    def loss(log_pi: Tensor) -> Tensor:
        total = torch.zeros((), dtype=torch.float64)
        for chance, drawn in every_group():
            now = log_pi[torch.tensor(drawn)][:, None]
            advantages = torch.tensor(token_advantages(name, drawn))[:, None]
            kept = torch.ones_like(now, dtype=torch.bool)
            of_group = importance_loss(now, now.detach(), advantages, kept, G, Correction())
            total = total + chance * of_group
        return -G * total

    expected = expected_update(name)
    assert gradient(loss) == pytest.approx(expected, abs=1e-6)
    assert np.abs(expected).max() > 1e-3, "a comparison of nothing with nothing"


def mean(values: Floats) -> Callable[[Tensor], Tensor]:
    return lambda log_pi: (log_pi.exp() * torch.tensor(values)).sum()


def best_of(values: Floats, k: int) -> Callable[[Tensor], Tensor]:
    def of(log_pi: Tensor) -> Tensor:
        outcomes = list(product(range(4), repeat=k))
        best = torch.tensor([max(values[x] for x in drawn) for drawn in outcomes])
        return (log_pi[torch.tensor(outcomes)].sum(dim=1).exp() * best).sum()

    return of


def divergence(other: Floats) -> Callable[[Tensor], Tensor]:
    """KL(π ‖ other)"""
    return lambda log_pi: (log_pi.exp() * (log_pi - torch.tensor(log_softmax(other)))).sum()


@pytest.mark.parametrize(
    ("name", "goal", "factor"),
    [
        ("rloo", mean(REWARD), G),
        ("centred", mean(REWARD), G - 1),
        ("max@1", mean(REWARD), 1),
        ("max@2", best_of(REWARD, 2), 1),
        ("max@3", best_of(REWARD, 3), 1),
        ("max@2-loo", best_of(REWARD, 2), 1),
        ("max@4-loo", best_of(REWARD, 4), 1),
        ("pass@2", best_of(CORRECT.astype(float), 2), 1),
        ("fast@3", best_of(FAST.astype(float), 3), 1),
        ("sdpo-prompt", divergence(TEACHER), -G),
    ],
)
def test_it_is_the_gradient_of_what_it_says(
    name: str, goal: Callable[[Tensor], Tensor], factor: float
) -> None:
    assert expected_update(name) == pytest.approx(factor * gradient(goal), abs=1e-6)


def test_the_penalty_is_the_gradient_of_the_divergence() -> None:
    """With the mean over the group as its baseline, so less by 1/G, as `centred` is."""
    more = expected_update("centred+kl:0.1") - expected_update("centred")
    assert more == pytest.approx(-0.1 * (G - 1) * gradient(divergence(BASE)), abs=1e-6)


def test_entropic_points_where_the_tilted_mean_grows() -> None:
    """E[Σ A_i s_i] = G·E[1/mean of the others' weights]·∇E[e^{βr}]."""
    weight = np.exp(0.7 * REWARD)
    others = sum(
        float(PI[list(drawn)].prod()) / weight[list(drawn)].mean()
        for drawn in product(range(4), repeat=G - 1)
    )
    expected = G * others * gradient(mean(weight))
    assert expected_update("entropic:0.7") == pytest.approx(expected, abs=1e-6)


def test_grpo_of_two_rewards_is_a_weighted_gradient_of_success() -> None:
    """With c of G correct, (c/G)(1 − c/G)/s between the mean scores of the two."""
    name = "grpo"
    rewards = np.array([0.0, 0.0, 1.0, 1.0])
    p = float(PI @ rewards)
    weight = 0.0
    for outcomes in product([0.0, 1.0], repeat=G):
        drawn = np.array(outcomes)
        chance = float(np.where(drawn == 1, p, 1 - p).prod())
        share = drawn.mean()
        weight += chance * share * (1 - share) / (drawn.std(ddof=1) + 1e-6)
    expected = G * weight * (1 / p + 1 / (1 - p)) * gradient(mean(rewards))
    total = np.zeros(4)
    for chance, drawn in every_group():
        (found,) = parse_objective(name).advantages([Group(rewards[drawn])])
        total += chance * (found @ (np.eye(4)[drawn] - PI))
    assert total == pytest.approx(expected, abs=1e-6)


def test_sdpo_leaves_successes_alone() -> None:
    """What is left is the gradient of the others' part alone."""
    apart = np.where(FAST, 0.0, log_softmax(TEACHER) - log_softmax(LOGITS))
    expected = G * (PI * apart) @ (np.eye(4) - PI)
    assert expected_update("sdpo") == pytest.approx(expected, abs=1e-6)


def test_placebo_expects_nothing() -> None:
    """Over all permutations every draw's advantage is the mean, 0."""
    total = np.zeros(4)
    for chance, drawn in every_group():
        (found,) = parse_objective("centred").advantages([group(drawn)])
        for order in permutations(range(G)):
            total += chance * (found[list(order)] @ (np.eye(4)[drawn] - PI))
    assert total == pytest.approx(np.zeros(4), abs=1e-9)


@pytest.mark.parametrize("k", [1, 2, 3, 5, 7])
def test_max_at_k_by_listing_subsets(k: int) -> None:
    rng = np.random.default_rng(k)
    rewards = np.round(rng.normal(size=8), 1)  # with ties
    (found,) = parse_objective(f"max@{k}").advantages([Group(rewards)])
    for i in range(8):
        subsets = list(combinations(range(8), k))
        with_i = np.mean([rewards[list(s)].max() for s in subsets if i in s])
        without = np.mean([rewards[list(s)].max() for s in subsets if i not in s])
        assert found[i] == pytest.approx(k / 8 * (with_i - without), abs=1e-12)


@pytest.mark.parametrize("k", [2, 3, 5, 8])
def test_max_at_k_loo_by_listing_subsets(k: int) -> None:
    rng = np.random.default_rng(k)
    rewards = np.round(rng.normal(size=8), 1)
    (found,) = parse_objective(f"max@{k}-loo").advantages([Group(rewards)])
    for i in range(8):
        others = [rewards[j] for j in range(8) if j != i]
        gains = [max(rewards[i] - max(s), 0.0) for s in combinations(others, k - 1)]
        assert found[i] == pytest.approx(k / 8 * np.mean(gains), abs=1e-12)
