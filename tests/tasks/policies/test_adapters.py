"""Adapters are put on, exchanged and taken off, and the model below stays what it was."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import PeftModel, PromptTuningConfig, get_peft_model
from transformers import AutoModelForCausalLM

from tasks.errors import AdapterError
from tasks.policies import Sample, SamplingParams
from tasks.policies.adapters import Adapters, base_name
from tasks.policies.causal_lm import CausalLMPolicy, fingerprint
from tasks.problems import Problem
from tests.tasks.policies.arbitrary import ALL, adapter_of

pytestmark = pytest.mark.usefixtures("one_thread_throughout")

SEEDS = range(6)


def policy(path: Path, adapter: Path | None = None) -> CausalLMPolicy:
    return CausalLMPolicy(
        name="test",
        path=path,
        params=SamplingParams(max_tokens=24, temperature=0.8),
        template="problem $problem_id",
        device=torch.device("cpu"),
        batch_rows=4,
        adapter=adapter,
    )


@pytest.fixture(scope="module")
def adapters(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("adapters")
    return adapter_of(tiny_model, folder / "a", 5), adapter_of(tiny_model, folder / "b", 6)


@pytest.fixture(scope="module")
def subject(tiny_model: Path) -> CausalLMPolicy:
    """Every test leaves it bare."""
    return policy(tiny_model)


def edit(folder: Path, **changes: object) -> Path:
    config = json.loads((folder / "adapter_config.json").read_text()) | changes
    (folder / "adapter_config.json").write_text(json.dumps(config))
    return folder


def same(one: list[Sample], other: list[Sample]) -> bool:
    """Bit for bit, log-probabilities too."""
    return one == other


def test_exchanged_is_as_loaded(
    subject: CausalLMPolicy, tiny_model: Path, problem: Problem, adapters: tuple[Path, Path]
) -> None:
    bare, bare_id = subject.sample(problem, SEEDS), subject.policy_id
    for adapter in (*adapters, adapters[0]):
        new_id = subject.set_adapter(adapter)
        loaded = policy(tiny_model, adapter)
        assert new_id == subject.policy_id == loaded.policy_id != bare_id
        drawn = subject.sample(problem, SEEDS)
        assert same(drawn, loaded.sample(problem, SEEDS))
        assert not same(drawn, bare)
    assert subject.set_adapter(None) == bare_id
    assert same(subject.sample(problem, SEEDS), bare)


def test_it_is_peft_s_own_adapter(
    subject: CausalLMPolicy, tiny_model: Path, adapters: tuple[Path, Path]
) -> None:
    own: Any = AutoModelForCausalLM.from_pretrained(tiny_model)
    own = PeftModel.from_pretrained(own, str(adapters[0])).eval()
    prompt, tokens = [5, 6, 7], [8, 9, 10, 11]
    with torch.no_grad():
        logprobs = own(torch.tensor([[*prompt, *tokens]])).logits[0].log_softmax(-1)
    expected = [float(logprobs[2 + i, token]) for i, token in enumerate(tokens)]
    subject.set_adapter(adapters[0])
    (score,) = subject.score_tokens(prompt, [tokens])
    subject.set_adapter(None)
    assert score.raw == pytest.approx(expected, abs=1e-5)
    (bare,) = subject.score_tokens(prompt, [tokens])
    assert bare.raw != pytest.approx(expected, abs=1e-2)


@pytest.mark.parametrize(
    ("targets", "says"),
    [
        (None, r"half loaded: 20 of its 28 tensors have no place in the model"),
        (["q_proj", "v_proj"], r"half loaded: 20 of its 28 tensors have no place"),
        ([*ALL, "lm_head"], r"is not whole: 2 of 30 tensors .*lm_head.lora_A.weight"),
        (["nothing"], "cannot load the adapter"),
    ],
)
def test_half_loaded_is_refused_with_names(
    subject: CausalLMPolicy,
    tiny_model: Path,
    problem: Problem,
    tmp_path: Path,
    targets: list[str] | None,
    says: str,
) -> None:
    before = subject.sample(problem, SEEDS)
    folder = edit(adapter_of(tiny_model, tmp_path / "a", 5), target_modules=targets)
    with pytest.raises(AdapterError, match=says) as raised:
        subject.set_adapter(folder)
    if "half" in says:
        assert "model.layers.0.mlp.down_proj.lora_A.weight, " in str(raised.value)
        assert "and 17 more" in str(raised.value)
    assert "\n" not in str(raised.value)
    assert same(subject.sample(problem, SEEDS), before), "the model is bare"
    with pytest.raises(AdapterError, match=says):
        policy(tiny_model, folder)


def test_adapters_of_other_models_are_refused(
    subject: CausalLMPolicy, tiny_model: Path, problem: Problem, tmp_path: Path
) -> None:
    before = subject.sample(problem, SEEDS)
    folder = adapter_of(tiny_model, tmp_path / "a", 5)
    edit(folder, base_model_name_or_path="sha256-0123456789abcdef")
    with pytest.raises(AdapterError, match="was trained on other weights"):
        subject.set_adapter(folder)
    edit(folder, base_model_name_or_path=base_name(fingerprint(tiny_model)))
    subject.set_adapter(folder)
    edit(folder, r=8)  # another shape
    with pytest.raises(AdapterError, match="cannot load the adapter"):
        subject.set_adapter(folder)
    assert same(subject.sample(problem, SEEDS), before), "the model is bare"


def test_what_is_no_lora_adapter_is_refused(
    subject: CausalLMPolicy, tiny_model: Path, tmp_path: Path
) -> None:
    with pytest.raises(AdapterError, match=r"adapter_config\.json"):
        subject.set_adapter(tmp_path)
    (tmp_path / "adapter_config.json").write_text("{")
    with pytest.raises(AdapterError, match="cannot read"):
        subject.set_adapter(tmp_path)
    config = PromptTuningConfig(task_type="CAUSAL_LM", num_virtual_tokens=2)
    prompt = get_peft_model(AutoModelForCausalLM.from_pretrained(tiny_model), config)
    prompt.save_pretrained(tmp_path / "prompt")
    with pytest.raises(AdapterError, match="is PROMPT_TUNING; only LoRA is known"):
        subject.set_adapter(tmp_path / "prompt")


def test_draws_under_way_keep_their_weights(
    subject: CausalLMPolicy, problem: Problem, adapters: tuple[Path, Path]
) -> None:
    before = subject.sample(problem, SEEDS)
    stream = subject.stream(problem, SEEDS)
    next(iter(stream))
    with pytest.raises(RuntimeError, match="under way"):
        subject.set_adapter(adapters[0])
    stream.close()  # type: ignore[attr-defined]
    subject.set_adapter(adapters[0])
    subject.set_adapter(None)
    assert same(subject.sample(problem, SEEDS), before)


@pytest.mark.parametrize("kind", ["bfloat16", "tied", "dora"])
def test_what_cannot_be_added_stays_beside(tiny_model: Path, tmp_path: Path, kind: str) -> None:
    """Short formats would round it away; a tied matrix has another use; DoRA is no sum."""

    def load() -> Any:
        dtype = torch.bfloat16 if kind == "bfloat16" else torch.float32
        model: Any = AutoModelForCausalLM.from_pretrained(tiny_model, dtype=dtype).eval()
        if kind == "tied":
            model.lm_head.weight = model.model.embed_tokens.weight
        return model

    targets = [*ALL, "lm_head"] if kind == "tied" else ALL
    folder = adapter_of(tiny_model, tmp_path / "a", 5, targets, use_dora=kind == "dora")
    ids = torch.tensor([[5, 6, 7, 8]])
    model, own = load(), PeftModel.from_pretrained(load(), str(folder)).eval()
    with torch.no_grad():
        bare, expected = model(ids).logits, own(ids).logits
        subject = Adapters(model, "sha256-own")
        subject.put_on(folder)
        assert torch.equal(model(ids).logits, expected)
        assert not torch.allclose(bare, expected)
        subject.put_on(folder)
        assert torch.equal(model(ids).logits, expected)
        subject.take_off()
        assert torch.equal(model(ids).logits, bare)
    assert not [name for name, _ in model.named_parameters() if "lora" in name]
