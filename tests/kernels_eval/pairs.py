"""A problem with two candidates: one that is right, and its twin that is not."""

from __future__ import annotations

from dataclasses import dataclass

from kernels_eval import Judge, Status

_HEAD = """
import torch
import torch.nn.functional as F
from torch import nn
"""


@dataclass(frozen=True)
class Pair:
    """Bodies of `forward` for the reference, the right candidate and the wrong one.

    inputs: what `get_inputs` returns; takes: their names; before: lines above a candidate's class.
    """

    reference: str
    right: str
    wrong: str
    inputs: str = "torch.randn(256, 512)"
    takes: str = "x"
    before: str = ""

    @property
    def problem(self) -> str:
        drawn = f"\ndef get_inputs():\n    return [{self.inputs}]\n"
        return _HEAD + self._model("Model", self.reference) + drawn

    def candidate(self, returned: str) -> str:
        return _HEAD + self.before + self._model("ModelNew", returned)

    def check(self, judge: Judge) -> None:
        """Asserts that the right one is correct and the wrong one incorrect."""
        candidates = [self.candidate(self.right), self.candidate(self.wrong)]
        found = dict(judge.evaluate_many(self.problem, candidates))
        assert found[0].status is Status.CORRECT, found[0].error
        assert found[1].status is Status.INCORRECT, found[1].error

    def _model(self, name: str, returned: str) -> str:
        body = "".join(f"        {line}\n" for line in returned.splitlines())
        return f"class {name}(nn.Module):\n    def forward(self, {self.takes}):\n{body}"
