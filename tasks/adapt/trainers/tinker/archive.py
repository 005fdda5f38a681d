"""A server's adapter in peft's format, so that every loader takes all of it.

Servers leave `target_modules` empty. peft then guesses: of 84 tensors of a Llama it takes 24, and
says nothing.
"""

from __future__ import annotations

import json
import shutil
import tarfile
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from safetensors import SafetensorError, safe_open

from tasks.adapt.checkpoint import ADAPTER_FILE, CONFIG_FILE
from tasks.adapt.trainers.tinker.settings import ALPHA
from tasks.errors import AdapterError
from tasks.policies.tensor_names import some_of

_PREFIX = "base_model.model."
_HALVES = (".lora_A.weight", ".lora_B.weight")


def unpack(archive: Path, folder: Path) -> None:
    """Take the adapter's two files out of a tar archive, wherever in it they lie.

    Raises AdapterError if they are not both there.
    """
    wanted = {ADAPTER_FILE, CONFIG_FILE}
    try:
        with tarfile.open(archive) as tar:
            for member in tar:
                name = PurePosixPath(member.name).name
                content = tar.extractfile(member) if member.isfile() else None
                if name in wanted and content is not None:
                    with (folder / name).open("wb") as file:
                        shutil.copyfileobj(content, file)
                    wanted.remove(name)
    except (tarfile.TarError, EOFError) as error:
        raise AdapterError(f"the server's archive cannot be read: {error}") from error
    if wanted:
        raise AdapterError(f"the server's archive has no {' and no '.join(sorted(wanted))}")


def normalise(folder: Path, *, rank: int, base: str, targets: str = "all") -> tuple[str, ...]:
    """Name in the config every module that the tensors belong to, and the base by its hash; the
    tensors' names, sorted.

    base: see tasks.policies.adapters.base_name. targets: what was asked to be trained.
    Raises AdapterError if that is no LoRA adapter of this rank and scale, or of other modules.
    """
    shapes = _shapes(folder / ADAPTER_FILE)
    modules = {name.removeprefix(_PREFIX).rpartition(".lora_")[0] for name in shapes}
    strange = [
        name for name in shapes if not name.startswith(_PREFIX) or not name.endswith(_HALVES)
    ]
    if strange or not shapes:
        raise AdapterError(
            f"the server's adapter has tensors that are no part of LoRA pairs: {some_of(strange)}"
        )
    halves = {_PREFIX + module + half for module in modules for half in _HALVES}
    if lost := sorted(halves - set(shapes)):
        raise AdapterError(f"the server's adapter has half of a pair only, without {some_of(lost)}")
    others = [name for name in shapes if _rank(name, shapes[name]) != rank]
    if others:
        raise AdapterError(
            f"rank {rank} was asked for, and {len(others)} of {len(shapes)} tensors of the "
            f"server's adapter have another: {some_of(sorted(others))}"
        )
    if targets == "attention" and (more := [one for one in shapes if "attn" not in one]):
        raise AdapterError(
            f"targets=attention was asked for, and the server trained more: {some_of(sorted(more))}"
        )
    config = _config(folder / CONFIG_FILE)
    scale = (config.get("r"), config.get("lora_alpha"))
    if scale != (rank, ALPHA):
        raise AdapterError(
            f"the server's adapter says r {scale[0]} and lora_alpha {scale[1]}, and {rank} and "
            f"{ALPHA:g} were asked for"
        )
    config |= {
        "peft_type": "LORA",
        "task_type": "CAUSAL_LM",
        "target_modules": sorted({module.rpartition(".")[2] for module in modules}),
        "base_model_name_or_path": base,
        "inference_mode": True,
    }
    text = json.dumps(config, indent=2, sort_keys=True)
    (folder / CONFIG_FILE).write_text(text + "\n", encoding="utf-8")
    return tuple(sorted(shapes))


def _shapes(path: Path) -> dict[str, tuple[int, ...]]:
    try:
        with safe_open(path, framework="numpy") as file:
            return {name: tuple(file.get_slice(name).get_shape()) for name in file.keys()}  # noqa: SIM118
    except SafetensorError as error:
        raise AdapterError(f"the server's {ADAPTER_FILE} cannot be read: {error}") from error


def _rank(name: str, shape: tuple[int, ...]) -> int | None:
    """None for what is no matrix."""
    if len(shape) != 2:
        return None
    return shape[0] if name.endswith(_HALVES[0]) else shape[1]


def _config(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise AdapterError(f"the server's {CONFIG_FILE} cannot be read: {error}") from error
    if not isinstance(content, Mapping):
        raise AdapterError(f"the server's {CONFIG_FILE} is no object of JSON")
    return dict(content)
