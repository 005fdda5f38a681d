"""The judge's settings, and the identity that every number measured under them carries."""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass
from typing import Literal, get_args

from kernels_eval.errors import RequestError

HARNESS_VERSION = "14"
"""Raised whenever a change could alter a verdict or a time: old rows stay apart from new ones."""

LARGEST_CANDIDATE = 1 << 20
"""Bytes of a candidate's source. The judge parses it, at some hundreds of bytes for each."""

LONGEST_TIMEOUT_S = 7 * 86_400.0
"""A week. Clocks of the operating system overflow far beyond it."""

Mode = Literal["fast", "full"]
Protocol = Literal["trusted", "kernelbench"]
Baseline = Literal["eager", "compile"]
Inputs = Literal["cured", "as-given"]


@dataclass(frozen=True)
class JudgeConfig:
    """How to judge. Everything but `cores` is part of the harness's identity."""

    device: str = "cpu"
    mode: Mode = "fast"
    protocol: Protocol = "trusted"
    timeout_s: float = 60.0
    """Seconds a candidate may take to be imported and built, and again for each answer, four times
    as many for all of them; more where several are being compiled on fewer cores (`builds.py`)."""
    cores: tuple[int, ...] | None = None
    """The cores that time; None takes the upper half of those this process may use."""
    baseline: Baseline = "eager"
    """`compile`: measure the reference under torch.compile, too, for `speedup_compiled`."""
    inputs: Inputs = "cured"
    """`cured`: parameters and inputs that hide what a kernel leaves out are drawn otherwise, for
    both sides (problems/cures.py). `as-given`: they are as the problem has them."""
    scope: str | None = None
    """`kernel`: a candidate whose forward calls the library is rejected. None: all pass."""

    def __post_init__(self) -> None:
        """Raises RequestError for a value outside its choices."""
        for name, value, choices in (
            ("mode", self.mode, get_args(Mode)),
            ("protocol", self.protocol, get_args(Protocol)),
            ("baseline", self.baseline, get_args(Baseline)),
            ("inputs", self.inputs, get_args(Inputs)),
            ("scope", self.scope, (None, "kernel")),
        ):
            if value not in choices:
                listed = ", ".join(str(choice) for choice in choices if choice)
                raise RequestError(f"no {name} {value!r}; choose one of: {listed}")
        if not 0 < self.timeout_s <= LONGEST_TIMEOUT_S:
            raise RequestError(
                f"timeout must be more than 0 and at most {LONGEST_TIMEOUT_S:,.0f} seconds, "
                f"not {self.timeout_s}"
            )

    @property
    def on_gpu(self) -> bool:
        return self.device.startswith("cuda")

    @property
    def harness_id(self) -> str:
        """`h` + version + 10 hex digits over the settings (cores excluded: they name a place)."""
        settings = {key: value for key, value in asdict(self).items() if key != "cores"}
        digest = hashlib.sha256(repr(sorted(settings.items())).encode()).hexdigest()
        return f"h{HARNESS_VERSION}-{digest[:10]}"
