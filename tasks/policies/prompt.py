"""Prompts are template files: what a model is told is data, hashed into the policy's identity."""

from __future__ import annotations

from pathlib import Path
from string import Template

from tasks.policies.base import SamplingParams

TEMPLATES = Path(__file__).parent / "templates"

_BACKEND_NOTES = {
    "cpp": (
        "The backend compiles C++ at import: `from kernels_eval.backends.cpp import load`, then\n"
        '`lib = load(SOURCE)` with functions declared `extern "C" void NAME(...)`. Called as\n'
        "`lib.NAME(...)`, a contiguous CPU tensor arrives as a pointer to its data, an int as\n"
        "`long`, a float as `float`; allocate the outputs in Python. `-O3 -march=native -fopenmp`\n"
        "is on; torch's own headers are not available.\n"
    ),
}


def read_template(name: str) -> str:
    """The text of templates/NAME.txt."""
    return (TEMPLATES / f"{name}.txt").read_text(encoding="utf-8")


def render(
    template: str, params: SamplingParams, *, level: int, problem_id: int, name: str, source: str
) -> str:
    """Fill a template: $level, $problem_id, $name, $source, $backend, $backend_notes, $mode."""
    return Template(template).substitute(
        level=level,
        problem_id=problem_id,
        name=name,
        source=source.rstrip("\n"),
        backend=params.backend,
        backend_notes=_BACKEND_NOTES.get(params.backend, ""),
        mode=params.mode,
    )
