"""The trainer: gradients, one step of Adam, and files."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from tasks.adapt.checkpoint import OPTIMIZER_FILE, Checkpoint, saved_files
from tasks.adapt.items import TrainItem, check_items
from tasks.adapt.trainers.base import (
    PROBED,
    Capabilities,
    Probe,
    SavedFiles,
    StepReport,
    StepSpec,
)
from tasks.adapt.trainers.local.gradient import batch_gradient
from tasks.adapt.trainers.local.measure import (
    kl_from_base,
    kl_from_parent,
    logprobs_now,
)
from tasks.adapt.trainers.local.model import AdaptedModel
from tasks.adapt.trainers.local.optimizer import AdapterAdam
from tasks.adapt.trainers.local.pieces import Piece, pieces_of
from tasks.adapt.trainers.local.search import size_of_divergence
from tasks.adapt.trainers.local.settings import LocalSettings
from tasks.adapt.whole_folder import whole_folder
from tasks.errors import AdapterError, DivergedError, RequestError, TrainingError
from tasks.statistics.arrays import Floats


class LocalTrainer:
    """A base model with its adapter and optimizer in memory. Not thread-safe.

    Raises RequestError if there is no such model, or no such modules in it.
    """

    def __init__(self, settings: LocalSettings) -> None:
        self._settings = settings
        self._model = AdaptedModel(settings)
        self._adam = AdapterAdam(self._model.parameters)
        self._trainer_id = settings.trainer_id(
            self._model.base_hash, self._model.dtype, self._model.begin_hash
        )

    @property
    def trainer_id(self) -> str:
        return self._trainer_id

    @property
    def capabilities(self) -> Capabilities:
        return Capabilities(
            losses=("importance_sampling",),
            any_temperature=True,
            exact_resume=self._model.device.type == "cpu",
            exports_peft=True,
        )

    def start(self, at: Checkpoint | None) -> None:
        """See Trainer."""
        if at is None:
            self._model.put(self._model.fresh)
            self._adam.put({})
            return
        if at.trainer_id != self.trainer_id:
            raise AdapterError(
                f"checkpoint {at.checkpoint_id} was made by {at.trainer_id}, and this is "
                f"{self.trainer_id}: another base model, adapter, device or version; take "
                "the same, or start a new arm"
            )
        at.check()
        self._model.load(at.folder)
        self._adam.load(at.folder / OPTIMIZER_FILE)

    def step(self, items: Sequence[TrainItem], spec: StepSpec) -> StepReport:
        """See Trainer. Memory that does not suffice is met with pieces of half the size."""
        self._check(items, spec)
        tokens = sum(len(item.tokens) for item in items)
        if not any(a for item in items for a in item.advantages):
            return StepReport("no_signal", len(items), tokens)
        adapter, adam = self._model.copy(), self._adam.copy()
        micro_tokens = spec.micro_tokens
        began = time.monotonic()
        with self._threads():
            while True:
                try:
                    report = self._step(items, spec, micro_tokens)
                    break
                except BaseException as error:
                    self._model.put(adapter)
                    self._adam.put(adam)
                    self._model.model.zero_grad(set_to_none=True)
                    if not isinstance(error, torch.OutOfMemoryError):
                        raise
                micro_tokens //= 2
                if micro_tokens < max(len(i.prompt) + len(i.tokens) for i in items):
                    raise TrainingError(
                        "the device's memory does not hold one draw of this step; lower "
                        "max_tokens, or take a larger device"
                    )
                torch.cuda.empty_cache()
        seconds = time.monotonic() - began
        return replace(report, seconds=seconds, peak_bytes=self._peak_bytes())

    def _step(self, items: Sequence[TrainItem], spec: StepSpec, micro_tokens: int) -> StepReport:
        pieces = list(pieces_of(items, micro_tokens, self._model.device))
        gradient = batch_gradient(self._model, pieces, spec, len(items))
        gradient.mismatch.check(spec)
        norm = float(
            torch.nn.utils.clip_grad_norm_(
                self._model.parameters.values(), spec.max_grad_norm or math.inf
            )
        )
        if not math.isfinite(gradient.loss) or not math.isfinite(norm):
            raise DivergedError(
                f"loss {gradient.loss:g} and gradient norm {norm:g} are no numbers to step along; "
                "the arm ends here"
            )
        parent = self._model.copy()
        lr = self._move(pieces, spec, parent)
        after = logprobs_now(self._model, pieces, spec.temperature)
        from_parent = kl_from_parent(self._model, pieces, spec.temperature, parent)
        from_base = kl_from_base(self._model, pieces, spec.temperature)
        spec.check_divergence(from_base)
        self._model.model.zero_grad(set_to_none=True)
        return StepReport(
            "done",
            len(items),
            sum(len(item.tokens) for item in items),
            loss=gradient.loss,
            grad_norm=norm,
            mismatch_mean=gradient.mismatch.mean,
            mismatch_max=gradient.mismatch.most,
            ess=gradient.mismatch.ess,
            lr=lr,
            kl_from_parent=from_parent,
            kl_from_base=from_base,
            micro_tokens=micro_tokens,
            probes=_probes(pieces, gradient.logprobs, _flat(after)),
        )

    def _move(self, pieces: Sequence[Piece], spec: StepSpec, parent: Mapping[str, Tensor]) -> float:
        """Step from the parent's tensors; the learning rate it was made with."""
        wanted = spec.step_size.value
        if spec.step_size.kind == "lr":
            self._adam.step(wanted, spec)
            return wanted
        self._adam.step(1.0, spec)  # its way is as long as its learning rate
        ahead = self._model.copy()

        def at(size: float) -> float:
            self._model.put({name: parent[name].lerp(ahead[name], size) for name in parent})
            return kl_from_parent(self._model, pieces, spec.temperature, parent)

        return size_of_divergence(at, wanted)

    def save(self, folder: Path) -> SavedFiles:
        """See Trainer."""
        with whole_folder(folder, "a checkpoint") as partial:
            (partial / OPTIMIZER_FILE).parent.mkdir(parents=True)
            tensors = self._model.save(partial)
            self._adam.save(partial / OPTIMIZER_FILE)
        return saved_files(folder, tensors)

    def close(self) -> None:
        """See Trainer."""
        del self._model, self._adam
        if torch.cuda.is_available():
            torch.cuda.empty_cache()

    def _check(self, items: Sequence[TrainItem], spec: StepSpec) -> None:
        check_items(items)
        if spec.temperature <= 0:
            raise RequestError(
                f"temperature {spec.temperature:g}: nothing can be learned from greedy draws; "
                "sample at a temperature above 0"
            )
        context = getattr(self._model.model.config, "max_position_embeddings", None) or math.inf
        longest = max(len(item.prompt) + len(item.tokens) for item in items)
        if longest > context:
            raise RequestError(
                f"a draw of {longest} tokens does not fit the model's context of {context}"
            )

    @contextmanager
    def _threads(self) -> Iterator[None]:
        """The number of threads that the trainer's id promises."""
        before = torch.get_num_threads()
        torch.set_num_threads(self._settings.threads)
        if self._model.device.type == "cuda":
            torch.cuda.reset_peak_memory_stats(self._model.device)
        try:
            yield
        finally:
            torch.set_num_threads(before)

    def _peak_bytes(self) -> int | None:
        if self._model.device.type != "cuda":
            return None
        return int(torch.cuda.max_memory_allocated(self._model.device))


def _flat(per_piece: Sequence[Sequence[tuple[float, ...]]]) -> list[Floats]:
    return [np.array(one) for of_piece in per_piece for one in of_piece]


def _probes(
    pieces: Sequence[Piece], before: Sequence[Floats], after: Sequence[Floats]
) -> tuple[Probe, ...]:
    """Of the first draws by their keys."""
    items = [item for piece in pieces for item in piece.items]
    found = sorted(zip(items, before, after, strict=True), key=lambda one: one[0].draw)
    return tuple(
        Probe(item, tuple(old.tolist()), tuple(new.tolist())) for item, old, new in found[:PROBED]
    )
