"""LoRA adapters on a model that is loaded already: put on, taken off, exchanged."""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from torch import Tensor

from tasks.errors import AdapterError, RequestError
from tasks.policies.tensor_names import some_of

_ADAPTER = "default"


def base_name(fingerprint: bytes) -> str:
    """How an adapter names the weights it was trained on: by their hash, not by their place."""
    return f"sha256-{fingerprint.hex()[:16]}"


class Adapters:
    """Exchanges the adapter of one model; the model stays the same object.

    In float32 an adapter is added to the weights, which costs a draw nothing, and taken off by
    putting back what was there, bit for bit. In shorter formats adding would round most of it away:
    there it stays beside the weights.

    own: what `base_name` says of the model's weights.
    """

    def __init__(self, model: Any, own: str) -> None:
        self._model = model
        self._own = own
        self._plain: dict[str, Tensor] = {}
        self._beside: Any = None

    @torch.no_grad()
    def put_on(self, folder: Path) -> None:
        """Take off what is on, and put on the adapter in `folder`.

        Raises AdapterError, and leaves the model bare, if there is none, it was trained on other
        weights, or a tensor of it has no place in the model or a place no tensor.
        """
        self.take_off()
        adapted = self._injected(folder)
        layers = _lora_layers(self._model)
        if not self._can_add(adapted, layers):
            self._beside = adapted
            return
        added = {name: layer.get_delta_weight(_ADAPTER) for name, layer in layers.items()}
        adapted.unload()
        for name, delta in added.items():
            weight = self._model.get_submodule(name).weight
            self._plain[name] = weight.detach().clone()
            weight += delta

    @torch.no_grad()
    def take_off(self) -> None:
        """The model as it was loaded."""
        if self._beside is not None:
            self._beside.unload()
            self._beside = None
        for name, weight in self._plain.items():
            self._model.get_submodule(name).weight.copy_(weight)
        self._plain = {}

    def _injected(self, folder: Path) -> Any:
        """The model with the adapter's layers in place of its own."""
        config = read_config(folder)
        trained_on = str(config.get("base_model_name_or_path") or "")
        if trained_on.startswith("sha256-") and trained_on != self._own:
            raise AdapterError(
                f"the adapter in {str(folder)!r} was trained on other weights ({trained_on}) than "
                f"these ({self._own}); take it with the model that it belongs to"
            )
        if config.get("peft_type") != "LORA":
            raise AdapterError(
                f"the adapter in {str(folder)!r} is {config.get('peft_type')}; only LoRA is known"
            )
        try:
            from peft import PeftModel, get_peft_model_state_dict
            from peft.utils import load_peft_weights
        except ImportError as error:
            raise RequestError("adapters need peft: pip install 'bon-sweep[adapt]'") from error
        adapted = None
        try:
            written = set(load_peft_weights(str(folder), device="cpu"))
            with without_library_warnings():
                adapted = PeftModel.from_pretrained(self._model, str(folder))
        except (OSError, ValueError, KeyError, RuntimeError, TypeError, SafetensorError) as error:
            _strip(self._model)
            reason = " ".join(str(error).split())[:200]
            raise AdapterError(f"cannot load the adapter in {str(folder)!r}: {reason}") from error
        loaded = set(get_peft_model_state_dict(adapted, save_embedding_layers=False))
        known = {f"base_model.model.{name}" for name, _ in self._model.named_parameters()}
        try:
            check_tensors(folder, written - known, loaded)
        except AdapterError:
            adapted.unload()
            raise
        return adapted.eval()

    def _can_add(self, adapted: Any, layers: dict[str, Any]) -> bool:
        """Whether the adapter is a sum onto float32 weights that nothing else uses, and no more."""
        config = adapted.peft_config[_ADAPTER]
        if config.modules_to_save or config.bias != "none" or config.trainable_token_indices:
            return False
        uses: dict[int, int] = {}
        for _, parameter in self._model.named_parameters(remove_duplicate=False):
            uses[id(parameter)] = uses.get(id(parameter), 0) + 1
        return all(
            isinstance(layer.base_layer, torch.nn.Linear)
            and layer.base_layer.weight.dtype is torch.float32
            and uses[id(layer.base_layer.weight)] == 1
            and _ADAPTER not in getattr(layer, "lora_variant", {})
            and not getattr(layer, "lora_bias", {}).get(_ADAPTER)
            for layer in layers.values()
        )


@contextmanager
def without_library_warnings() -> Iterator[None]:
    """peft and transformers warn of each other's future, and of what `check_tensors` refuses."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def check_tensors(folder: Path, written: set[str], loaded: set[str]) -> None:
    """Raises AdapterError that names the tensors, unless those in the file are those in the model.

    peft loads what fits and says nothing of the rest, which then takes no effect.
    """
    if dropped := sorted(written - loaded):
        raise AdapterError(
            f"the adapter in {str(folder)!r} would be half loaded: {len(dropped)} of its "
            f"{len(written)} tensors have no place in the model ({some_of(dropped)}); name their "
            "modules under target_modules in its adapter_config.json"
        )
    if absent := sorted(loaded - written):
        raise AdapterError(
            f"the adapter in {str(folder)!r} is not whole: {len(absent)} of {len(loaded)} tensors "
            f"that its adapter_config.json promises are not in it ({some_of(absent)}); take a "
            "whole copy"
        )


def read_config(folder: Path) -> dict[str, Any]:
    """An adapter's settings. Raises AdapterError if there are none that can be read."""
    path = folder / "adapter_config.json"
    if not path.is_file():
        raise AdapterError(
            f"no adapter in {str(folder)!r}: give a directory with an adapter_config.json"
        )
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise AdapterError(f"cannot read {str(path)!r}: {error}") from error
    if not isinstance(config, dict):
        raise AdapterError(f"{str(path)!r} holds no settings of an adapter")
    return config


def _lora_layers(model: Any) -> dict[str, Any]:
    from peft.tuners.lora import LoraLayer

    return {name: module for name, module in model.named_modules() if isinstance(module, LoraLayer)}


def _strip(model: Any) -> None:
    """Put back the modules that a failed loading has replaced."""
    for name, layer in _lora_layers(model).items():
        model.set_submodule(name, layer.get_base_layer())
