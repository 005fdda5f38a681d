"""The endless stream of examples, drawn by the weights of frequencies.toml."""

from __future__ import annotations

import random
import tomllib
from collections.abc import Iterator
from functools import cache
from importlib import import_module
from importlib.resources import files
from pkgutil import iter_modules
from typing import Any

from tasks.policies.embedded.corpus import operators, triton
from tasks.policies.embedded.corpus.approach import APPROACHES, Approach
from tasks.policies.embedded.corpus.example import Example
from tasks.policies.embedded.corpus.style import Style
from tasks.policies.embedded.corpus.syntax import break_syntax
from tasks.problems import load_suite


@cache
def frequencies() -> dict[str, Any]:
    """The parsed frequencies.toml."""
    return tomllib.loads(files(__package__).joinpath("frequencies.toml").read_text("utf-8"))


@cache
def approaches(backend: str = "cpp") -> dict[tuple[int, str], list[Approach]]:
    """All registered approaches of `backend`, by (problem id, mode)."""
    for package in (operators, triton):
        for module in iter_modules(package.__path__):
            import_module(f"{package.__name__}.{module.name}")
    found: dict[tuple[int, str], list[Approach]] = {}
    for one in sorted(APPROACHES, key=lambda a: (a.problem_id, a.mode, a.quality, a.name)):
        if one.backend == backend:
            found.setdefault((one.problem_id, one.mode), []).append(one)
    return found


def weights(choices: list[Approach]) -> list[float]:
    """The share of each approach: its own entry, else its part of its tier's weight."""
    tiers = frequencies()["quality"]
    own = frequencies().get("approach", {}).get(str(choices[0].problem_id), {})
    members = {tier: sum(c.quality == tier for c in choices) for tier in tiers}
    return [own.get(c.name, tiers[c.quality] / members[c.quality]) for c in choices]


def generate(seed: int, backend: str = "cpp") -> Iterator[Example]:
    """Endless examples, problems in equal shares; the same seed gives the same stream.

    backend: one of frequencies.toml's `[backend]`, or `all`: each example of one of them, by
    weight. Adding a backend changes nothing in the streams of the others.
    """
    rng = random.Random(seed)
    if backend == "all":
        yield from _mixed(rng, frequencies()["backend"])
    table = frequencies()
    by_key = approaches(backend)
    names = {p.problem_id: p for p in load_suite("embedded").problems}
    problem_ids = sorted({problem_id for problem_id, _ in by_key} & set(names))
    modes, mode_weights = zip(*table["mode"].items(), strict=True)
    personas, persona_weights = zip(*table["persona"].items(), strict=True)
    while True:
        problem = names[rng.choice(problem_ids)]
        mode = rng.choices(modes, mode_weights)[0]
        choices = by_key.get((problem.problem_id, mode))
        if not choices:
            continue
        chosen = rng.choices(choices, weights(choices))[0]
        persona = rng.choices(personas, persona_weights)[0]
        style = Style(rng, persona, float(table["mistakes"]["slip_rate"]))
        text = chosen.write(style)
        mistake = style.mistake
        if mistake is None and rng.random() < float(table["syntax"]["rate"]):
            # In C++ anywhere: that stream is what the weights were made of.
            mark = "" if backend == "cpp" else "#"
            text, mistake = break_syntax(text, rng, comment=mark), "syntax"
        yield Example(
            level=problem.level,
            problem_id=problem.problem_id,
            name=problem.name,
            backend=chosen.backend,
            mode=mode,
            text=text,
            approach=chosen.name,
            quality=chosen.quality,
            mistake=mistake,
            persona=persona,
        )


def _mixed(rng: random.Random, shares: dict[str, float]) -> Iterator[Example]:
    streams = {name: generate(rng.getrandbits(62), name) for name in shares}
    names, chances = zip(*shares.items(), strict=True)
    while True:
        yield next(streams[rng.choices(names, chances)[0]])
