"""An adapter that is not served as it was trained is found out, and what is missing is named."""

from __future__ import annotations

import json
import shutil
import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from peft import PeftModel
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM

from tasks.adapt.checkpoint import ADAPTER_FILE, CONFIG_FILE
from tasks.adapt.effect import check_effect
from tasks.adapt.step import Made, make_step
from tasks.adapt.trainers.base import Probe, SavedFiles, StepSpec
from tasks.adapt.trainers.local import LocalTrainer
from tasks.errors import AdapterError
from tasks.policies.causal_lm import CausalLMPolicy
from tasks.policies.embedded import WEIGHTS
from tests.tasks.adapt.conftest import Drawn


@pytest.fixture(scope="module")
def made(
    loaded_trainer: LocalTrainer, drawn: Drawn, tmp_path_factory: pytest.TempPathFactory
) -> Made:
    folder = tmp_path_factory.mktemp("adapters")
    return make_step(loaded_trainer, None, drawn.items(), StepSpec(), folder)


def saved(made: Made) -> SavedFiles:
    assert made.saved is not None
    return made.saved


def by_policy(policy: CausalLMPolicy, probes: tuple[Probe, ...]) -> list[list[float]]:
    """As the embedded policy serves it."""
    prompt = probes[0].item.prompt
    scores = policy.score_tokens(prompt, [one.item.tokens for one in probes])
    return [list(one.processed or ()) for one in scores]


@torch.no_grad()
def by_peft(folder: Path, probes: tuple[Probe, ...]) -> list[list[float]]:
    """As a server does that gives the folder to peft and asks nothing."""
    model: Any = AutoModelForCausalLM.from_pretrained(WEIGHTS, dtype=torch.float32)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = PeftModel.from_pretrained(model, str(folder)).eval()
    found = []
    for probe in probes:
        start = len(probe.item.prompt) - 1
        ids = torch.tensor([[*probe.item.prompt, *probe.item.tokens]])
        logprobs = model(ids).logits[0].log_softmax(-1)
        tokens = probe.item.tokens
        found.append([float(logprobs[start + i, token]) for i, token in enumerate(tokens)])
    return found


def copied(made: Made, to: Path, *, only: tuple[str, ...] = (), **config: object) -> SavedFiles:
    """The checkpoint's files with the tensors of `only` these modules, and another config."""
    shutil.copytree(saved(made).folder, to)
    if only:
        kept = {
            name: one
            for name, one in load_file(to / ADAPTER_FILE).items()
            if any(f".{module}." in name for module in only)
        }
        save_file(kept, to / ADAPTER_FILE, metadata={"format": "pt"})
    content = json.loads((to / CONFIG_FILE).read_text()) | config
    (to / CONFIG_FILE).write_text(json.dumps(content))
    return replace(saved(made), folder=to)


def test_what_is_served_is_what_was_trained(made: Made, policy: CausalLMPolicy) -> None:
    policy.set_adapter(saved(made).folder)
    found = check_effect(made.report.probes, by_policy(policy, made.report.probes), saved(made))
    assert len(made.report.probes) == 4
    assert found.apart < 1e-5
    assert found.share == pytest.approx(1, abs=1e-3)
    policy.set_adapter(None)


def test_the_parent_is_not_taken_for_it(made: Made, policy: CausalLMPolicy) -> None:
    served = by_policy(policy, made.report.probes)
    assert [*map(list, served)] == [
        pytest.approx(one.before, abs=1e-4) for one in made.report.probes
    ]
    with pytest.raises(AdapterError, match="0% of the step arrived; its files hold every tensor"):
        check_effect(made.report.probes, served, saved(made))
    with pytest.raises(AdapterError, match="0% of the step arrived"):
        check_effect(made.report.probes, served, saved(made), tolerance=100.0)


def test_a_config_that_names_no_modules(made: Made, tmp_path: Path) -> None:
    """peft takes 24 of 84 tensors and says nothing."""
    files = copied(made, tmp_path / "null", target_modules=None)
    with pytest.raises(AdapterError, match="84 of 84 tensors belong to no module") as raised:
        check_effect(made.report.probes, by_peft(files.folder, made.report.probes), files)
    assert "layers.0.mlp.down_proj.lora_A.weight" in str(raised.value)
    assert "\n" not in str(raised.value)


def test_a_config_that_names_some(made: Made, tmp_path: Path) -> None:
    files = copied(made, tmp_path / "some", target_modules=["q_proj", "v_proj"])
    with pytest.raises(AdapterError, match="60 of 84 tensors belong to no module") as raised:
        check_effect(made.report.probes, by_peft(files.folder, made.report.probes), files)
    assert "model.layers.0.mlp.down_proj.lora_A.weight, " in str(raised.value)
    assert "and 57 more" in str(raised.value)


def test_a_file_that_holds_some(made: Made, policy: CausalLMPolicy, tmp_path: Path) -> None:
    """A whole adapter for any loader, but 24 of the 84 tensors that were trained."""
    some = ("q_proj", "v_proj")
    files = copied(made, tmp_path / "some", only=some, target_modules=list(some))
    policy.set_adapter(files.folder)
    served = by_policy(policy, made.report.probes)
    policy.set_adapter(None)
    with pytest.raises(AdapterError, match="60 of 84 tensors are not in its file") as raised:
        check_effect(made.report.probes, served, files)
    assert "model.layers.0.mlp.down_proj.lora_A.weight" in str(raised.value)


def test_a_step_that_changes_nothing_is_told_apart(made: Made) -> None:
    still = [replace(one, after=one.before) for one in made.report.probes]
    with pytest.raises(AdapterError, match="changes no log-probability"):
        check_effect(still, [one.before for one in still], saved(made))


def test_coarse_formats_are_judged_by_where_they_lean(made: Made) -> None:
    """Rounding of 0.01 nats a token, on a step that is no larger."""
    rng = np.random.default_rng(2)
    small = [
        replace(one, after=tuple(np.array(one.before) + rng.normal(0, 0.01, len(one.before))))
        for one in made.report.probes
    ]

    def served(of: str) -> list[list[float]]:
        return [
            (np.array(getattr(one, of)) + rng.normal(0, 0.01, len(one.before))).tolist()
            for one in small
        ]

    assert check_effect(small, served("after"), saved(made), tolerance=0.05).share > 0.7
    with pytest.raises(AdapterError, match="of the step arrived"):
        check_effect(small, served("before"), saved(made), tolerance=0.05)
