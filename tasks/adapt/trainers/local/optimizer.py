"""Adam over the adapter's tensors, with a state that files can hold."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from tasks.adapt.trainers.base import StepSpec

_STATE = ("step", "exp_avg", "exp_avg_sq")


class AdapterAdam:
    """torch's Adam. Its state outlives the specs of single steps."""

    def __init__(self, parameters: Mapping[str, torch.nn.Parameter]) -> None:
        self._parameters = dict(parameters)
        self._adam = torch.optim.Adam(self._parameters.values(), lr=1.0)

    def step(self, lr: float, spec: StepSpec) -> None:
        """Move the parameters along their gradients."""
        for group in self._adam.param_groups:
            group.update(lr=lr, betas=spec.betas, eps=spec.epsilon)
        self._adam.step()

    def copy(self) -> dict[str, Tensor]:
        """The state, by parameter and part; empty before the first step."""
        return {
            f"{name}/{part}": self._adam.state[parameter][part].detach().clone()
            for name, parameter in self._parameters.items()
            for part in _STATE
            if parameter in self._adam.state
        }

    def put(self, state: Mapping[str, Tensor]) -> None:
        """Take up a state that `copy` gave."""
        self._adam.state.clear()
        for name, parameter in self._parameters.items():
            if f"{name}/step" in state:
                self._adam.state[parameter] = {
                    # The count of steps stays on the CPU, where torch keeps it.
                    part: state[f"{name}/{part}"]
                    .clone()
                    .to("cpu" if part == "step" else parameter.device)
                    for part in _STATE
                }

    def save(self, path: Path) -> None:
        """The same bytes for the same state."""
        save_file({key: one.cpu().contiguous() for key, one in self.copy().items()}, path)

    def load(self, path: Path) -> None:
        """What `save` wrote."""
        self.put(load_file(path))
