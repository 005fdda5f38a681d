"""A server's archive becomes an adapter that every loader takes whole, or is refused by name."""

from __future__ import annotations

import io
import json
import tarfile
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from peft import LoraConfig, PeftModel, get_peft_model
from safetensors.numpy import save_file
from transformers import AutoModelForCausalLM

from tasks.adapt.checkpoint import ADAPTER_FILE, CONFIG_FILE
from tasks.adapt.trainers.tinker.archive import normalise, unpack
from tasks.errors import AdapterError
from tasks.policies.embedded import WEIGHTS

Tensors = dict[str, np.ndarray[Any, Any]]


def base() -> Any:
    return AutoModelForCausalLM.from_pretrained(WEIGHTS, dtype=torch.float32)


@pytest.fixture(scope="module")
def tensors() -> Tensors:
    """All linear modules of the embedded model, at rank 8, no value 0."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = get_peft_model(base(), LoraConfig(r=8, target_modules="all-linear"))
    rng = np.random.default_rng(1)
    return {
        name.replace(".default.", "."): rng.normal(size=one.shape).astype(np.float32)
        for name, one in model.named_parameters()
        if one.requires_grad
    }


@pytest.fixture
def exported(tmp_path: Path, tensors: Tensors) -> Callable[..., Path]:
    """As servers do it: peft's own config, which names no modules."""

    def export(only: Tensors | None = None, **config: object) -> Path:
        folder = tmp_path / "exported"
        folder.mkdir()
        save_file(tensors if only is None else only, folder / ADAPTER_FILE)
        own = LoraConfig(r=8, lora_alpha=32.0, base_model_name_or_path="tiny").to_dict()
        (folder / CONFIG_FILE).write_text(json.dumps(own | config, default=str))
        return folder

    return export


def taken(folder: Path, tensors: Tensors) -> int:
    """Tensors that peft takes from a folder, asked nothing."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = PeftModel.from_pretrained(base(), str(folder))
    held = {
        name.replace(".default.", "."): one.detach().numpy()
        for name, one in model.named_parameters()
        if ".lora_" in name
    }
    return sum(np.array_equal(one, tensors[name]) for name, one in held.items())


def test_peft_takes_all_of_it(exported: Callable[..., Path], tensors: Tensors) -> None:
    folder = exported()
    assert taken(folder, tensors) == 24
    names = normalise(folder, rank=8, base="sha256-0")
    assert names == tuple(sorted(tensors))
    assert taken(folder, tensors) == len(tensors) == 84
    config = json.loads((folder / CONFIG_FILE).read_text())
    assert (config["lora_alpha"], config["r"]) == (32, 8)
    assert config["base_model_name_or_path"] == "sha256-0"


@pytest.mark.parametrize(
    ("part", "says"),
    [
        (
            lambda name: "lora_A" in name or "q_proj" in name,
            r"half of a pair only, without model\.",
        ),
        (lambda _: False, "no part of LoRA pairs"),
    ],
)
def test_a_part_of_it(
    exported: Callable[..., Path], tensors: Tensors, part: Callable[[str], bool], says: str
) -> None:
    folder = exported({name: one for name, one in tensors.items() if part(name)})
    with pytest.raises(AdapterError, match=says):
        normalise(folder, rank=8, base="b")


def test_what_is_no_lora(exported: Callable[..., Path], tensors: Tensors) -> None:
    folder = exported(tensors | {"base_model.model.lm_head.weight": np.ones((3, 3))})
    with pytest.raises(AdapterError, match=r"no part of LoRA pairs: lm_head\.weight"):
        normalise(folder, rank=8, base="b")


def test_stacked_experts(exported: Callable[..., Path]) -> None:
    """Their halves have three dimensions, and no loader of ours knows them."""
    name = "base_model.model.model.layers.0.mlp.experts.w1.lora_{}.weight"
    stacked = {name.format("A"): np.ones((4, 8, 5)), name.format("B"): np.ones((4, 5, 8))}
    with pytest.raises(AdapterError, match=r"rank 8 was asked for, and 2 of 2 .*experts\.w1"):
        normalise(exported(stacked), rank=8, base="b")


@pytest.mark.parametrize(
    ("config", "asked", "says"),
    [
        ({}, {"rank": 4}, "rank 4 was asked for, and 84 of 84 tensors"),
        ({"lora_alpha": 16}, {}, "r 8 and lora_alpha 16, and 8 and 32 were asked for"),
        ({}, {"targets": "attention"}, "the server trained more: .*mlp"),
    ],
)
def test_another_adapter_than_was_asked_for(
    exported: Callable[..., Path], config: dict[str, Any], asked: dict[str, Any], says: str
) -> None:
    folder = exported(**config)
    with pytest.raises(AdapterError, match=says):
        normalise(folder, **{"rank": 8, "base": "b"} | asked)


def test_attention_alone(exported: Callable[..., Path], tensors: Tensors) -> None:
    folder = exported({name: one for name, one in tensors.items() if "self_attn" in name})
    assert len(normalise(folder, rank=8, base="b", targets="attention")) == 48


def packed(files: dict[str, bytes]) -> bytes:
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w:gz") as tar:
        for name, one in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(one)
            tar.addfile(member, io.BytesIO(one))
    return content.getvalue()


def test_wherever_in_the_archive_they_lie(tmp_path: Path) -> None:
    """And nothing lands beside them."""
    files = {f"../../a/{ADAPTER_FILE}": b"x" * 1000, f"/{CONFIG_FILE}": b"{}", "../more": b""}
    (tmp_path / "tar").write_bytes(packed(files))
    folder = tmp_path / "to" / "here"
    folder.mkdir(parents=True)
    unpack(tmp_path / "tar", folder)
    assert {one.name for one in folder.iterdir()} == {ADAPTER_FILE, CONFIG_FILE}
    assert {one.name for one in tmp_path.iterdir()} == {"tar", "to"}


@pytest.mark.parametrize(
    ("archive", "says"),
    [
        (packed({ADAPTER_FILE: b""}), f"has no {CONFIG_FILE}"),
        (packed({}), f"has no {CONFIG_FILE} and no {ADAPTER_FILE}"),
        (packed({ADAPTER_FILE: np.random.default_rng(0).bytes(9000)})[:5000], "cannot be read"),
        (b"<html>", "cannot be read"),
    ],
    ids=["no-config", "empty", "cut-short", "no-archive"],  # an archive's bytes hold the time
)
def test_archives_that_are_none(tmp_path: Path, archive: bytes, says: str) -> None:
    (tmp_path / "tar").write_bytes(archive)
    with pytest.raises(AdapterError, match=says):
        unpack(tmp_path / "tar", tmp_path)


@pytest.mark.parametrize("name", [ADAPTER_FILE, CONFIG_FILE])
def test_files_that_are_none(exported: Callable[..., Path], name: str) -> None:
    folder = exported()
    (folder / name).write_bytes(b"<html>")
    with pytest.raises(AdapterError, match=f"{name} cannot be read"):
        normalise(folder, rank=8, base="b")
