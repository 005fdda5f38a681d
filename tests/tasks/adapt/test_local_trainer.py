"""The local trainer on the embedded model: what a step is made of, and that nothing else moves."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tasks.adapt.correction import Correction, parse_correction
from tasks.adapt.group import Group
from tasks.adapt.items import TrainItem
from tasks.adapt.objectives import parse_objective
from tasks.adapt.step_size import parse_step_size
from tasks.adapt.trainers.base import StepSpec
from tasks.adapt.trainers.local import LocalSettings, LocalTrainer
from tasks.adapt.trainers.local import trainer as trainer_module
from tasks.adapt.trainers.local.gradient import batch_gradient
from tasks.adapt.trainers.local.measure import logprobs_now
from tasks.adapt.trainers.local.pieces import pieces_of
from tasks.adapt.trainers.local.search import size_of_divergence
from tasks.adapt.trainers.mismatch import mismatch
from tasks.errors import DivergedError, RequestError, StepRefusedError, TrainingError
from tasks.policies.causal_lm import CausalLMPolicy
from tasks.policies.embedded import WEIGHTS
from tests.tasks.adapt.conftest import Drawn, draw, embedded, problem

SPEC = StepSpec()
Hashes = Callable[[], tuple[str, str]]


def shifted(items: list[TrainItem], by: float) -> list[TrainItem]:
    """As a sampler would tell them that is so far off."""
    return [replace(one, behaviour=tuple(b + by for b in one.behaviour)) for one in items]


@pytest.mark.parametrize("temperature", [1.0, 0.5])
def test_sampler_and_trainer_agree(trainer: LocalTrainer, temperature: float) -> None:
    """So the ratio at the first step is 1, and the loss the sum of advantages."""
    drawn = draw(embedded(temperature=temperature), problem(), 8)
    items = drawn.items()
    report = trainer.step(items, replace(SPEC, temperature=temperature))
    assert report.mismatch_max < 1e-4
    assert report.ess == pytest.approx(1, abs=1e-4)
    expected = -sum(sum(one.advantages) for one in items) / len(items)
    assert report.loss == pytest.approx(expected, rel=1e-4)
    assert report.n_tokens == sum(len(one.tokens) for one in items)


def test_they_agree_on_the_demos_problems(trainer: LocalTrainer) -> None:
    """Whole modules, as long as they come, of all problems in one batch."""
    sampler = embedded(mode="module", max_tokens=512)
    items = [one for i in (12, 14, 89, 98) for one in draw(sampler, problem(i), 4).items()]
    pieces = list(pieces_of(items, SPEC.micro_tokens, torch.device("cpu")))
    for piece, found in zip(pieces, logprobs_now(trainer._model, pieces, 1.0), strict=True):
        for item, logprobs in zip(piece.items, found, strict=True):
            assert logprobs == pytest.approx(item.behaviour, abs=1e-4)


def test_what_a_gpu_does_otherwise(trainer: LocalTrainer, drawn: Drawn) -> None:
    """Activations computed twice, weights as saved (bfloat16): a CPU can do that, too."""
    items = drawn.items()
    pieces = list(pieces_of(items, SPEC.micro_tokens, torch.device("cpu")))

    def gradient(of: LocalTrainer) -> torch.Tensor:
        batch_gradient(of._model, pieces, SPEC, len(items))
        grads = [one.grad for one in of._model.parameters.values() if one.grad is not None]
        assert len(grads) == 84
        return torch.cat([one.flatten() for one in grads])

    expected = gradient(trainer)
    twice = LocalTrainer(LocalSettings(WEIGHTS, checkpointing=True))
    assert twice._model.model.training
    assert torch.allclose(gradient(twice), expected, rtol=1e-5, atol=1e-8)
    short = LocalTrainer(LocalSettings(WEIGHTS, dtype="as-saved", checkpointing=True))
    assert short._model.dtype == "bfloat16"
    assert {one.dtype for one in short._model.parameters.values()} == {torch.float32}
    found = gradient(short)
    assert torch.cosine_similarity(found, expected, dim=0) > 0.99
    report = short.step(items, SPEC)
    assert 1e-4 < report.mismatch_mean < 0.02
    assert len({one.trainer_id for one in (trainer, twice, short)}) == 3


def test_another_temperature_is_seen(
    trainer: LocalTrainer, drawn: Drawn, adapter_hash: Hashes
) -> None:
    before = adapter_hash()
    with pytest.raises(StepRefusedError, match="differ by"):
        trainer.step(drawn.items(), replace(SPEC, temperature=0.5))
    assert adapter_hash() == before


def plain_gradient(trainer: LocalTrainer, items: list[TrainItem]) -> dict[str, torch.Tensor]:
    """Text by text, unpadded, every logit, in words of torch alone."""
    model: Any = trainer._model.model
    model.zero_grad(set_to_none=True)
    for item in items:
        ids = torch.tensor([[*item.prompt, *item.tokens]])
        logprobs = model(ids).logits[0, :-1].log_softmax(dim=-1)
        total = torch.zeros(())
        for i, token in enumerate(item.tokens):
            ratio = (logprobs[len(item.prompt) - 1 + i, token] - item.behaviour[i]).exp()
            total = total - ratio * item.advantages[i]
        (total / len(items)).backward()
    return {name: one.grad.clone() for name, one in trainer._model.parameters.items()}


@pytest.mark.parametrize("micro_tokens", [1, 200, 10**6])
def test_pieces_padding_and_prompts_change_nothing(
    trainer: LocalTrainer, policy: CausalLMPolicy, drawn: Drawn, micro_tokens: int
) -> None:
    """Prompts of different lengths, in one piece or in many, against text by text."""
    trainer.step(drawn.items(), SPEC)  # so that no matrix of the adapter is 0
    longer = draw(policy, problem(5), 4)
    longer = replace(longer, prompt=[*drawn.prompt, *longer.prompt, 7, 9])
    # What else the prompt would have made of the draws is not asked here.
    items = shifted(drawn.items() + longer.items(), 0.3)
    expected = plain_gradient(trainer, items)
    pieces = list(pieces_of(items, micro_tokens, torch.device("cpu")))
    assert (len(pieces) == len(items)) == (micro_tokens == 1)
    assert (len(pieces) == 1) == (micro_tokens == 10**6)
    assert sum(len(piece.items) for piece in pieces) == len(items)
    batch_gradient(trainer._model, pieces, SPEC, len(items))
    scale = max(float(one.abs().max()) for one in expected.values())
    assert scale > 1e-3
    for name, parameter in trainer._model.parameters.items():
        assert parameter.grad is not None
        assert (parameter.grad - expected[name]).abs().max() < 1e-5 * scale


def test_the_same_items_make_the_same_bytes(
    trainer: LocalTrainer, drawn: Drawn, adapter_hash: Hashes
) -> None:
    items = drawn.items()
    trainer.step(items, SPEC)
    first = adapter_hash()
    trainer.start(None)
    random.Random(3).shuffle(items)
    torch.set_num_threads(2)  # what else runs in the process plays no part
    trainer.step(items, SPEC)
    assert torch.get_num_threads() == 2
    torch.set_num_threads(1)
    assert adapter_hash() == first


def test_rloo_is_centred_under_adam(trainer: LocalTrainer, drawn: Drawn) -> None:
    reward = np.random.default_rng(4).normal(size=len(drawn.samples))
    moved = []
    spec = replace(SPEC, epsilon=1e-20)  # Adam's own would weigh in the smallest gradients
    for name in ("centred", "rloo", "grpo", "entropic-adaptive"):
        (advantages,) = parse_objective(name).advantages([Group(reward)])
        trainer.start(None)
        trainer.step(drawn.items(advantages.tolist()), spec)
        after = trainer._model.copy()
        moved.append(torch.cat([one.flatten() for one in after.values()]))
    fresh = torch.cat([one.flatten() for one in trainer._model.fresh.values()])
    way = float((moved[0] - fresh).abs().max())

    def elsewhere(other: torch.Tensor) -> float:
        """The share of parameters that moved otherwise. Where a gradient is nothing but rounding,
        Adam's first step makes a whole step of its sign: one in 100,000 may be such a one."""
        return float(((other - moved[0]).abs() > 1e-2 * way).double().mean())

    assert elsewhere(moved[1]) < 1e-4
    assert elsewhere(moved[2]) < 1e-4  # one group: a multiple as well
    assert elsewhere(moved[3]) > 1e-2


@pytest.mark.parametrize("wanted", [0.0005, 0.01])
def test_steps_of_a_wanted_divergence(trainer: LocalTrainer, drawn: Drawn, wanted: float) -> None:
    spec = replace(SPEC, step_size=parse_step_size(f"kl:{wanted}"))
    report = trainer.step(drawn.items(), spec)
    assert report.kl_from_parent == pytest.approx(wanted, rel=0.05)
    assert report.kl_from_base > 0
    trainer.start(None)
    same = trainer.step(drawn.items(), replace(SPEC, step_size=parse_step_size(f"lr:{report.lr}")))
    assert same.kl_from_parent == pytest.approx(report.kl_from_parent, rel=0.02)


def test_divergences_are_of_whole_vocabularies(trainer: LocalTrainer, drawn: Drawn) -> None:
    """KL(base ‖ after), against a loop over positions."""
    report = trainer.step(drawn.items(), SPEC)
    total, tokens = 0.0, 0
    with torch.no_grad():
        for item in drawn.items():
            ids = torch.tensor([[*item.prompt, *item.tokens]])
            now = trainer._model.model(ids).logits[0].log_softmax(-1)
            with trainer._model.base():
                base = trainer._model.model(ids).logits[0].log_softmax(-1)
            for i in range(len(item.prompt) - 1, ids.shape[1] - 1):
                total += float((base[i].exp() * (base[i] - now[i])).sum())
                tokens += 1
    assert report.kl_from_parent == pytest.approx(total / tokens, rel=1e-3)


def test_a_search_ends() -> None:
    assert 5 * size_of_divergence(lambda s: 5 * s, 0.01) == pytest.approx(0.01, rel=0.05)
    steep = size_of_divergence(lambda s: math.nan if s > 1e-6 else 1e9 * s**2, 1e-4)
    assert 1e9 * steep**2 == pytest.approx(1e-4, rel=0.05)
    jump = size_of_divergence(lambda s: 1e-9 if s < 0.3 else 0.3 * s, 0.1)
    assert 0.3 * jump == pytest.approx(0.1, rel=0.05)
    with pytest.raises(TrainingError, match=r"set another kl:X, or lr:X"):
        size_of_divergence(lambda _: 0.0, 0.01)


def test_without_signal_nothing_moves(
    trainer: LocalTrainer, drawn: Drawn, adapter_hash: Hashes
) -> None:
    trainer.step(drawn.items(), SPEC)
    before = adapter_hash()
    report = trainer.step(drawn.items([0.0] * 12), SPEC)
    assert report.status == "no_signal"
    assert adapter_hash() == before, "not even by Adam's momentum"


@pytest.mark.parametrize(("mode", "works"), [("none", False), ("token_tis:2", True)])
def test_outside_the_trust_region(
    trainer: LocalTrainer, drawn: Drawn, adapter_hash: Hashes, mode: str, works: bool
) -> None:
    items, before = shifted(drawn.items(), 0.1), adapter_hash()
    spec = replace(SPEC, mismatch=parse_correction(mode))
    if works:
        assert trainer.step(items, spec).mismatch_mean == pytest.approx(0.1, abs=1e-4)
        return
    with pytest.raises(StepRefusedError) as raised:
        trainer.step(items, spec)
    assert "differ by 0.1 nats per token" in str(raised.value)
    assert "set mismatch=token_tis:2 or mismatch=seq_mis:2" in str(raised.value)
    assert "\n" not in str(raised.value)
    assert adapter_hash() == before


def test_few_draws_must_not_carry_all_the_weight(trainer: LocalTrainer, drawn: Drawn) -> None:
    """Close per token, but one draw of them far away."""
    first, *others = drawn.items()
    far = replace(first, behaviour=(first.behaviour[0] - 4.0, *first.behaviour[1:]))
    with pytest.raises(StepRefusedError, match="of the draws' weight"):
        trainer.step([far, *others], replace(SPEC, max_apart=1.0))


def test_another_model_is_beyond_correction(trainer: LocalTrainer, drawn: Drawn) -> None:
    spec = replace(SPEC, mismatch=Correction("token_tis", 2.0))
    with pytest.raises(StepRefusedError, match="no correction helps"):
        trainer.step(shifted(drawn.items(), 1.0), spec)


def test_mismatch_in_numbers() -> None:
    found = mismatch([np.array([0.1, -0.3]), np.array([0.0, 0.0])])
    assert (found.mean, found.most) == pytest.approx((0.1, 0.3))
    weights = np.array([math.exp(-0.2), 1.0])
    assert found.ess == pytest.approx(weights.sum() ** 2 / (2 * (weights**2).sum()))


@pytest.mark.parametrize(
    ("items", "spec", "says"),
    [
        ("far", replace(SPEC, step_size=parse_step_size("lr:3")), "nats per token from the base"),
        ("endless", SPEC, "no numbers to step along"),
        ("far", replace(SPEC, step_size=parse_step_size("kl:1e9")), "no step size moves"),
    ],
)
def test_a_step_to_nowhere_is_undone(
    trainer: LocalTrainer,
    drawn: Drawn,
    adapter_hash: Hashes,
    items: str,
    spec: StepSpec,
    says: str,
) -> None:
    trainer.step(drawn.items(), SPEC)
    before = adapter_hash()
    now = [
        replace(
            one,
            behaviour=tuple(logprobs_of(trainer, one)),
            advantages=tuple(a * (1e38 if items == "endless" else 1.0) for a in one.advantages),
        )
        for one in drawn.items()[:5]
    ]
    with pytest.raises((DivergedError, TrainingError), match=says):
        trainer.step(now, spec)
    assert adapter_hash() == before
    again = trainer.step(drawn.items(), replace(SPEC, mismatch=Correction("token_tis")))
    assert again.status == "done"


@torch.no_grad()
def logprobs_of(trainer: LocalTrainer, item: TrainItem) -> list[float]:
    """Log-probabilities under the weights as they are."""
    ids = torch.tensor([[*item.prompt, *item.tokens]])
    logprobs = trainer._model.model(ids).logits[0].log_softmax(-1)
    start = len(item.prompt) - 1
    return [float(logprobs[start + i, token]) for i, token in enumerate(item.tokens)]


def test_memory_that_does_not_suffice(
    trainer: LocalTrainer, drawn: Drawn, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Pieces of half the size, as often as it takes; a CPU cannot show it otherwise."""
    real, sizes = trainer_module.batch_gradient, list[int]()

    def short_of_memory(model: Any, pieces: Any, spec: StepSpec, n: int) -> Any:
        sizes.append(max(piece.ids.numel() for piece in pieces))
        if sizes[-1] > 120:
            raise torch.OutOfMemoryError("no memory")
        return real(model, pieces, spec, n)

    monkeypatch.setattr(trainer_module, "batch_gradient", short_of_memory)
    report = trainer.step(drawn.items(), replace(SPEC, micro_tokens=400))
    assert report.micro_tokens == 100
    assert len(sizes) == 3


def test_memory_that_never_suffices(
    trainer: LocalTrainer,
    drawn: Drawn,
    adapter_hash: Hashes,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def none_left(*_: Any) -> Any:
        raise torch.OutOfMemoryError("no memory")

    before = adapter_hash()
    monkeypatch.setattr(trainer_module, "batch_gradient", none_left)
    with pytest.raises(TrainingError, match="does not hold one draw"):
        trainer.step(drawn.items(), SPEC)
    assert adapter_hash() == before


def test_what_cannot_be_learned_from_is_refused(trainer: LocalTrainer, drawn: Drawn) -> None:
    with pytest.raises(RequestError, match="greedy"):
        trainer.step(drawn.items(), replace(SPEC, temperature=0.0))
    long = replace(drawn.items()[0], prompt=tuple([5] * 2048))
    with pytest.raises(RequestError, match="does not fit the model's context of 2048"):
        trainer.step([long], SPEC)
    with pytest.raises(ValueError, match="comes twice"):
        trainer.step(drawn.items() + drawn.items(), SPEC)


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"base": Path("/nowhere")}, "no model in '/nowhere'"),
        ({"targets": ("q_prj",)}, "q_prj"),
        ({"rank": 0}, "rank and threads of 1 or more"),
        ({"device": "cuda:99"}, "cannot train on device 'cuda:99'"),
        ({"device": "abacus"}, "cannot train on device 'abacus'"),
    ],
)
def test_settings_that_cannot_be(settings: dict[str, Any], says: str) -> None:
    with pytest.raises(RequestError, match=says):
        LocalTrainer(LocalSettings(**{"base": WEIGHTS, **settings}))


@pytest.mark.parametrize(
    ("text", "says"),
    [("lr", "write lr:X or kl:X"), ("kl:-1", "above 0"), ("adam:1", "write lr:X or kl:X")],
)
def test_step_sizes_in_words(text: str, says: str) -> None:
    assert str(parse_step_size("kl:0.005")) == "kl:0.005"
    with pytest.raises(RequestError, match=says):
        parse_step_size(text)


@pytest.mark.parametrize("text", ["none:2", "token_tis:0", "tis", "seq_mis:x"])
def test_corrections_in_words(text: str) -> None:
    assert str(parse_correction("seq_mis")) == "seq_mis:2"
    with pytest.raises(RequestError, match="write none, token_tis:CAP or seq_mis:CAP"):
        parse_correction(text)
