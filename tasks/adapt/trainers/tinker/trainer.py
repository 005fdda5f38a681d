"""The trainer: the server's gradients and optimizer, our advantages, checks and files."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

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
from tasks.adapt.trainers.mismatch import mismatch
from tasks.adapt.trainers.tinker.archive import normalise, unpack
from tasks.adapt.trainers.tinker.data import corrected, data, logprobs_of
from tasks.adapt.trainers.tinker.session import Session
from tasks.adapt.trainers.tinker.settings import TinkerSettings, check_spec
from tasks.adapt.whole_folder import whole_folder
from tasks.errors import AdapterError, DivergedError, RequestError, TrainingError
from tasks.policies.adapters import base_name
from tasks.policies.causal_lm import fingerprint
from tasks.statistics.arrays import Floats

_LOSS = "importance_sampling"
_ARCHIVE = ".archive.tar"


class TinkerTrainer:
    """A session of a server, and one training client of it at a time. Not thread-safe.

    Raises RequestError if there is no such server, or no such base model there or here.
    """

    def __init__(self, settings: TinkerSettings) -> None:
        if not (settings.base / "config.json").is_file():
            raise RequestError(
                f"no model in {str(settings.base)!r}: give a directory with a config.json"
            )
        self._settings = settings
        self._base = fingerprint(settings.base)
        self._session = Session(settings)
        self._trainer_id = settings.trainer_id(self._base.hex(), self._session.model)
        self._client: Any = None
        self._bare: Any = None
        """At the base, for the divergence from it; None until one is needed."""
        self._at: Checkpoint | None = None

    @property
    def trainer_id(self) -> str:
        return self._trainer_id

    @property
    def capabilities(self) -> Capabilities:
        return Capabilities(
            losses=(_LOSS,), any_temperature=False, exact_resume=False, exports_peft=True
        )

    def start(self, at: Checkpoint | None) -> None:
        """See Trainer. Weights and optimizer are loaded from where the server has saved them."""
        self._drop()
        self._at = at
        if at is None:
            self._client = self._session.fresh()
            return
        if at.trainer_id != self.trainer_id:
            raise AdapterError(
                f"checkpoint {at.checkpoint_id} was made by {at.trainer_id}, and this is "
                f"{self.trainer_id}: another base model, rank or client; take the same, or start "
                "a new arm"
            )
        at.check()
        self._client = self._session.resumed(_saved_at(at))

    def step(self, items: Sequence[TrainItem], spec: StepSpec) -> StepReport:
        """See Trainer. After a step that failed it is to be started again."""
        self._check(items, spec)
        tokens = sum(len(item.tokens) for item in items)
        if not any(a for item in items for a in item.advantages):
            return StepReport("no_signal", len(items), tokens)
        if self._client is None:
            raise TrainingError("the trainer has to be started at a checkpoint first")
        try:
            return self._step(sorted(items, key=lambda one: one.draw), spec)
        except BaseException:
            self._drop()  # what the server holds may have moved; what it has saved has not
            raise

    def _step(self, items: Sequence[TrainItem], spec: StepSpec) -> StepReport:
        began = time.monotonic()
        given = [np.array(item.advantages) for item in items]
        before, metrics = self._logprobs(self._client, items)
        apart = [own - np.array(one.behaviour) for own, one in zip(before, items, strict=True)]
        found = mismatch(apart)
        found.check(spec)
        advantages = [
            corrected(own, off, spec.mismatch) for own, off in zip(given, apart, strict=True)
        ]
        loss = -sum(
            float(np.exp(off) @ own) for off, own in zip(apart, advantages, strict=True)
        ) / len(items)
        if not math.isfinite(loss):
            raise DivergedError(f"loss {loss:g} is no number to step along; the arm ends here")
        norm = self._move(items, advantages, spec, self._makes(metrics))
        after, _ = self._logprobs(self._client, items)
        base = before if self._at is None else self._base_logprobs(items)
        from_base = divergence(after, base)
        spec.check_divergence(from_base)
        probes = zip(items[:PROBED], before, after, strict=False)
        return StepReport(
            "done",
            len(items),
            sum(len(item.tokens) for item in items),
            loss=loss,
            grad_norm=norm,
            mismatch_mean=found.mean,
            mismatch_max=found.most,
            ess=found.ess,
            lr=spec.step_size.value,
            kl_from_parent=divergence(after, before),
            kl_from_base=from_base,
            seconds=time.monotonic() - began,
            probes=tuple(
                Probe(item, tuple(old.tolist()), tuple(new.tolist())) for item, old, new in probes
            ),
        )

    def _logprobs(
        self, client: Any, items: Sequence[TrainItem]
    ) -> tuple[list[Floats], dict[str, float]]:
        """Of the items' tokens, and what else the server says of a pass."""
        nothing = [np.zeros(len(item.tokens)) for item in items]
        passed = self._session.answer(
            client.forward(data(items, nothing, "sum"), _LOSS), "read the draws"
        )
        return logprobs_of(items, passed.loss_fn_outputs), passed.metrics

    def _base_logprobs(self, items: Sequence[TrainItem]) -> list[Floats]:
        if self._bare is None:
            self._bare = self._session.fresh()
        return self._logprobs(self._bare, items)[0]

    def _makes(self, metrics: dict[str, float]) -> Literal["sum", "mean"]:
        """What the server makes of the tokens' losses: a sum, as the protocol has it, unless it is
        one of our own and does not call it so."""
        address = self._settings.address
        if address.options.loss is not None:
            return address.options.loss
        if address.url is None or any(name.endswith("loss:sum") for name in metrics):
            return "sum"
        return "mean"

    def _move(
        self,
        items: Sequence[TrainItem],
        advantages: Sequence[Floats],
        spec: StepSpec,
        makes: Literal["sum", "mean"],
    ) -> float | None:
        """Gradient and one step of Adam; the gradient's length, if the server tells it."""
        from tinker import types

        backward = self._client.forward_backward(data(items, advantages, makes), _LOSS)
        self._session.answer(backward, "take the gradient")
        adam = types.AdamParams(
            learning_rate=spec.step_size.value,
            beta1=spec.betas[0],
            beta2=spec.betas[1],
            eps=spec.epsilon,
            grad_clip_norm=spec.max_grad_norm or 0.0,
        )
        stepped = self._session.answer(self._client.optim_step(adam), "make the step")
        norms = [
            value for name, value in (stepped.metrics or {}).items() if name.endswith("grad_norm")
        ]
        if norms and not math.isfinite(norms[0]):
            raise DivergedError(
                f"gradient norm {norms[0]:g} is no number to step along; the arm ends here"
            )
        return norms[0] if norms else None

    def save(self, folder: Path) -> SavedFiles:
        """See Trainer. The optimizer stays where it is: its file names the server's copy."""
        if self._client is None:
            raise TrainingError("the trainer has to be started at a checkpoint first")
        name = folder.name.strip(".").replace(".", "-")
        session, client = self._session, self._client
        with whole_folder(folder, "a checkpoint") as partial:
            (partial / OPTIMIZER_FILE).parent.mkdir(parents=True)
            state = session.answer(client.save_state(name), "save its state").path
            weights = session.answer(client.save_weights_for_sampler(name), "save weights").path
            session.archive(weights, partial / _ARCHIVE)
            unpack(partial / _ARCHIVE, partial)
            (partial / _ARCHIVE).unlink()
            tensors = normalise(
                partial,
                rank=self._settings.rank,
                base=base_name(self._base),
                targets=self._settings.address.options.targets,
            )
            place = {"tinker_path": state, "server": session.place, "model": session.model}
            save_file({}, partial / OPTIMIZER_FILE, metadata=place)
        return saved_files(folder, tensors)

    def close(self) -> None:
        """See Trainer."""
        self._drop()
        if self._bare is not None:
            self._session.release(self._bare)
        self._session.close()

    def _drop(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            self._session.release(client)

    def _check(self, items: Sequence[TrainItem], spec: StepSpec) -> None:
        check_items(items)
        check_spec(spec)


def divergence(some: Sequence[Floats], others: Sequence[Floats]) -> float:
    """An estimate of the divergence, nats per token, from drawn tokens alone: the mean of ½Δ², and
    of |Δ| − ½ where a token's log-probability differs by more than one nat. No vocabularies come
    over the wire; with exp(Δ), or Δ² all the way, a few tokens would rule it. inf where it is no
    number.
    """
    apart = np.abs(np.concatenate([a - b for a, b in zip(some, others, strict=True)]))
    found = float(np.mean(np.where(apart < 1, apart**2 / 2, apart - 0.5)))
    return found if math.isfinite(found) else math.inf


def _saved_at(checkpoint: Checkpoint) -> str:
    """The server's path of weights and optimizer. Raises AdapterError if the file does not tell."""
    path = checkpoint.folder / OPTIMIZER_FILE
    try:
        with safe_open(path, framework="numpy") as file:
            return str(file.metadata()["tinker_path"])
    except (SafetensorError, KeyError, TypeError) as error:
        raise AdapterError(
            f"checkpoint {checkpoint.checkpoint_id}: {path} names no place on a server"
        ) from error
