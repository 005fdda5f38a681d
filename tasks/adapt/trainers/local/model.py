"""A base model with one LoRA adapter on it, ready to be trained."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor
from transformers import AutoModelForCausalLM

from storage.folders import file_sha256
from tasks.adapt.checkpoint import ADAPTER_FILE, CONFIG_FILE
from tasks.adapt.trainers.local.settings import LocalSettings
from tasks.errors import AdapterError, RequestError
from tasks.policies.adapter_config import adapter_config, check_make, check_trained_on
from tasks.policies.adapters import base_name, check_tensors, without_library_warnings
from tasks.policies.causal_lm import fingerprint

_ADAPTER = "default"


class AdaptedModel:
    """Frozen weights in the dtype that the settings say, and an adapter in float32.

    Raises RequestError if there is no loadable model, or no module with a wanted name.
    """

    def __init__(self, settings: LocalSettings) -> None:
        if not (settings.base / "config.json").is_file():
            raise RequestError(
                f"no model in {str(settings.base)!r}: give a directory with a config.json"
            )
        try:
            from peft import LoraConfig, get_peft_model
        except ImportError as error:
            raise RequestError("adaptation needs peft: pip install 'bon-sweep[adapt]'") from error
        base_hash = fingerprint(settings.base)
        self.base_hash = base_hash.hex()
        try:
            base: Any = AutoModelForCausalLM.from_pretrained(
                settings.base,
                local_files_only=True,
                dtype=torch.float32 if settings.in_float32 else "auto",
            )
        except (OSError, ValueError, KeyError, ImportError, SafetensorError) as error:
            reason = " ".join(str(error).split())[:200]
            raise RequestError(
                f"cannot load the model in {str(settings.base)!r}: {reason}"
            ) from error
        self.dtype = str(base.dtype).removeprefix("torch.")
        targets = settings.targets
        config = LoraConfig(
            task_type="CAUSAL_LM",
            r=settings.rank,
            lora_alpha=settings.alpha,
            lora_dropout=0.0,
            target_modules=targets if isinstance(targets, str) else list(targets),
        )
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(settings.seed)
            try:
                with without_library_warnings():
                    self.model: Any = get_peft_model(base, config)
            except ValueError as error:
                reason = " ".join(str(error).split())[:200]
                raise RequestError(f"no adapter for {str(settings.base)!r}: {reason}") from error
        try:
            self.device = torch.device(settings.device)
            self.model.to(self.device)
        except (RuntimeError, AssertionError) as error:
            reason = " ".join(str(error).split())[:200]
            raise RequestError(
                f"cannot train on device {settings.device!r}: {reason}; take another one, or cpu"
            ) from error
        config.base_model_name_or_path = base_name(base_hash)
        self.config = config
        without_dropout(self.model)
        self.model.eval()
        if settings.recomputes:
            with without_library_warnings():
                base.gradient_checkpointing_enable({"use_reentrant": False})
            # It needs training mode, which without dropout changes nothing else.
            self.model.train()
        self.parameters: dict[str, torch.nn.Parameter] = {
            name: parameter
            for name, parameter in self.model.named_parameters()
            if parameter.requires_grad
        }
        self.begin_hash: str | None = None
        if settings.begin is not None:
            self._begin(settings.begin)
        self.fresh = self.copy()

    def copy(self) -> dict[str, Tensor]:
        """The adapter's tensors by their names in the model."""
        return {name: one.detach().clone() for name, one in self.parameters.items()}

    @torch.no_grad()
    def put(self, tensors: Mapping[str, Tensor]) -> None:
        """Give the adapter these tensors."""
        for name, parameter in self.parameters.items():
            parameter.copy_(tensors[name])

    @contextlib.contextmanager
    def base(self) -> Iterator[None]:
        """As before the first step, for as long as the block lasts."""
        if self.begin_hash is None:
            with self.model.disable_adapter():
                yield
            return
        now = self.copy()
        self.put(self.fresh)
        try:
            yield
        finally:
            self.put(now)

    def save(self, folder: Path) -> tuple[str, ...]:
        """Write peft's two files; the names of the tensors, sorted.

        By hand: peft writes sets in any order and asks the hub for the base model's config.
        """
        tensors = {_public(name): one.cpu().contiguous() for name, one in self.copy().items()}
        save_file(tensors, folder / ADAPTER_FILE, metadata={"format": "pt"})
        content = self.config.to_dict() | {"inference_mode": True}
        content = {key: sorted(v) if isinstance(v, set) else v for key, v in content.items()}
        text = json.dumps(content, indent=2, sort_keys=True, default=str)
        (folder / CONFIG_FILE).write_text(text + "\n", encoding="utf-8")
        return tuple(sorted(tensors))

    def _begin(self, folder: Path) -> None:
        """Take another training's adapter. Raises AdapterError unless it is of the same make."""
        own = adapter_config(folder)
        check_trained_on(folder, own, str(self.config.base_model_name_or_path))
        check_make(folder, own, self.config.r, self.config.lora_alpha)
        try:
            self.begin_hash = file_sha256(folder / ADAPTER_FILE)
            check_tensors(
                folder,
                set(load_file(folder / ADAPTER_FILE)),
                {_public(name) for name in self.parameters},
            )
            self.load(folder)
        except (OSError, SafetensorError, RuntimeError) as error:
            reason = " ".join(str(error).split())[:200]
            raise AdapterError(f"cannot load the adapter in {str(folder)!r}: {reason}") from error

    def load(self, folder: Path) -> None:
        """Take the tensors that `save` wrote."""
        tensors = load_file(folder / ADAPTER_FILE)
        self.put({name: tensors[_public(name)] for name in self.parameters})


def without_dropout(model: Any) -> None:
    """Training mode must not make another model: the policy was sampled without dropout."""
    for module in model.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
        if isinstance(getattr(module, "attention_dropout", None), float):
            module.attention_dropout = 0.0


def _public(name: str) -> str:
    """A tensor's name in peft's file: without the adapter's own name."""
    return name.replace(f".{_ADAPTER}.", ".")
