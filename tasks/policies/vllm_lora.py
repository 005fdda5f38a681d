"""Which adapter vLLM's engine is asked for: one name and one number for each, never used again.

The engine keeps what it computed for a prompt by the adapter's name, and an adapter that is loaded
by its number: under a name used twice it would go on serving the first.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from vllm.lora.request import LoRARequest  # type: ignore[import-not-found, unused-ignore]

from tasks.errors import AdapterError, RequestError
from tasks.policies.adapter_config import adapter_config, check_trained_on
from tasks.policies.adapters import base_name, check_tensors
from tasks.policies.causal_lm import fingerprint
from tasks.policies.tensor_names import some_of

_RANKS = (1, 8, 16, 32, 64, 128, 256, 320, 512)
"""What the engine can make room for."""

_LORA = (".lora_A.weight", ".lora_B.weight")
_ENDS = ("lm_head.weight", "embed_tokens.weight", "wte.weight")


def room_for(rank: int) -> int:
    """The least of the engine's ranks that `rank` fits into. Raises RequestError above 512."""
    for room in _RANKS:
        if rank <= room:
            return room
    raise RequestError(f"vLLM takes adapters up to rank {_RANKS[-1]}, not {rank}")


class EngineAdapters:
    """The adapters that one engine was asked for.

    model: directory of the base model. first: the adapter that the engine starts with, if any; it
    alone may change logits or embeddings, and then the engine scores nothing (`scores`).

    Raises AdapterError as `request` does.
    """

    def __init__(self, model: Path, first: Path | None) -> None:
        self._model = model
        changed = _shapes(first) if first is not None else {}
        self.scores = not any(map(_at_the_ends, changed))
        """Whether log-probabilities of given tokens are right."""
        self._numbers: dict[bytes, int] = {}

    @cached_property
    def _own(self) -> str:
        return base_name(fingerprint(self._model))

    @property
    def modules(self) -> list[str] | None:
        """Last names of the layers that room is made at; None for all that the engine knows.

        All linear ones but that which gives logits: with room there, the engine reads the wrong
        adapter, or none, when it is asked for log-probabilities of given tokens
        (vllm-project/vllm issues 16668 and 51594).
        """
        if not self.scores:
            return None
        shapes = _shapes(self._model)
        linear = {name.split(".")[-2] for name, shape in shapes.items() if _is_linear(name, shape)}
        return sorted(linear) or None

    def request(self, adapter: Path) -> tuple[Any, bytes]:
        """(what goes with a prompt, what identifies the adapter).

        Raises AdapterError if there is no adapter, it was trained on other weights, or a tensor of
        it has no place in the model: the engine would say nothing, and leave it out.
        """
        self._check(adapter)
        identity = fingerprint(adapter)
        number = self._numbers.setdefault(identity, len(self._numbers) + 1)
        return LoRARequest(f"sha256-{identity.hex()[:16]}", number, str(adapter)), identity

    def _check(self, folder: Path) -> None:
        check_trained_on(folder, adapter_config(folder), self._own)
        written = set(_shapes(folder))
        modules = set(_shapes(self._model))
        if not written:
            raise AdapterError(
                f"the adapter in {str(folder)!r} holds no tensors; take a whole copy"
            )
        if self.scores and (outside := sorted(filter(_at_the_ends, written))):
            raise AdapterError(
                f"the adapter in {str(folder)!r} changes {some_of(outside)}, and vLLM leaves that "
                "out of the log-probabilities of given tokens; train without, or take transformers:"
            )
        if modules:
            check_tensors(folder, written, {one for one in written if _module(one) in modules})


def _module(tensor: str) -> str:
    """The weight that a tensor of an adapter is added to."""
    name = tensor.removeprefix("base_model.model.")
    for ending in _LORA:
        name = name.removesuffix(ending)
    return f"{name}.weight"


def _is_linear(name: str, shape: Sequence[int]) -> bool:
    return name.endswith(".weight") and len(shape) == 2 and not name.endswith(_ENDS)


def _at_the_ends(tensor: str) -> bool:
    return _module(tensor).endswith(_ENDS)


def _shapes(folder: Path) -> dict[str, Sequence[int]]:
    """Of all tensors in a directory, by name. Raises AdapterError for a damaged file."""
    found: dict[str, Sequence[int]] = {}
    for path in sorted(folder.glob("*.safetensors")):
        try:
            with safe_open(path, framework="numpy") as file:
                names: list[str] = file.keys()
                found |= {name: file.get_slice(name).get_shape() for name in names}
        except (OSError, SafetensorError) as error:
            raise AdapterError(f"cannot read {str(path)!r}: {error}; take a whole copy") from error
    return found
