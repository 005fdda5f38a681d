"""The teacher `ema`: a running mean of the student's adapters, as an adapter of its own."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

from safetensors.numpy import load_file, save_file

from tasks.adapt.checkpoint import ADAPTER_FILE, CONFIG_FILE, MADE_LATER
from tasks.adapt.objectives.sdpo import EMA_RATE
from tasks.adapt.whole_folder import whole_folder
from tasks.errors import AdapterError

FOLDER = MADE_LATER
"""In a checkpoint's own: what lies below it is no part of the policy that draws."""

_TO_ZERO = ".lora_B."
"""Of a LoRA pair the half that is 0 at the base."""


def mean_of(
    checkpoints: Sequence[Path], rate: float = EMA_RATE, *, begin: Path | None = None
) -> Path:
    """The running mean after these checkpoints, oldest first, each of them folded in once; its
    folder, in the last one's. Those that are there already are taken as they are found.

    begin: the adapter that the first step began with; None is the base.

    Raises TrainingError if it cannot be written, and AdapterError as `averaged` does.
    """
    teacher = begin
    for student in checkpoints:
        folder = student / FOLDER
        if not folder.exists():
            with whole_folder(folder, "the teacher's weights") as partial:
                averaged(teacher, student, partial, rate)
        teacher = folder
    assert teacher is not None, "no checkpoint to take the mean of"
    return teacher


def averaged(teacher: Path | None, student: Path, folder: Path, rate: float = EMA_RATE) -> Path:
    """Write (1 − rate)·teacher + rate·student, tensor by tensor, in peft's format; the folder.

    teacher: the mean so far; None is the base, whose adapter has the student's A and a B of 0.
    It follows from the checkpoints alone, so after a kill it is made again rather than kept. The
    folder may be the checkpoint's own `teacher`.

    Raises AdapterError if the two have other tensors or shapes.
    """
    new = load_file(student / ADAPTER_FILE)
    if teacher is None:
        old = {name: one * 0 if _TO_ZERO in name else one for name, one in new.items()}
    else:
        old = load_file(teacher / ADAPTER_FILE)
    shapes = [{name: one.shape for name, one in of.items()} for of in (old, new)]
    if shapes[0] != shapes[1]:
        raise AdapterError(
            f"the adapters in {teacher} and {student} have other tensors than each other; take two "
            "of one trainer"
        )
    mean = {
        name: ((1 - rate) * old[name] + rate * new[name]).astype(new[name].dtype) for name in new
    }
    folder.mkdir(parents=True, exist_ok=True)
    save_file(mean, folder / ADAPTER_FILE, metadata={"format": "pt"})
    shutil.copyfile(student / CONFIG_FILE, folder / CONFIG_FILE)
    return folder
