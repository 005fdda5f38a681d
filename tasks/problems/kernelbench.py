"""Suite `kernelbench:PATH`: a checkout of github.com/ScalingIntelligence/KernelBench.

Level 1 single operators, 2 fused ones, 3 architectures, 4 models that `transformers` loads by name.
"""

from __future__ import annotations

from pathlib import Path

from tasks.errors import RequestError
from tasks.problems.base import Suite, register_suite
from tasks.problems.files import level_directories, read_problems

NAME = "kernelbench"
"""What the problems' rows say, wherever the checkout lies: their hashes tell versions apart."""


@register_suite("kernelbench")
def load_kernelbench(argument: str) -> Suite:
    """All levels that lie in `argument`: the checkout, or its directory `KernelBench`."""
    if not argument:
        raise RequestError(
            "suite kernelbench wants a checkout: kernelbench:PATH "
            "(git clone https://github.com/ScalingIntelligence/KernelBench)"
        )
    path = Path(argument).expanduser()
    for home in (path, path / "KernelBench"):
        if home.is_dir() and level_directories(home):
            return Suite(f"{NAME}:{argument}", read_problems(home, NAME))
    raise RequestError(
        f"suite kernelbench: {path} is no checkout: neither it nor its KernelBench/ holds level1; "
        "a directory of problem files of another make is dir:PATH"
    )
