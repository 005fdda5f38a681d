"""How often the correlation at equal length errs where length alone matters, and what it finds.

Surprisal and log speed follow the length (a line, a bend, a step, slopes that differ between
problems, …), each with noise of its own: a test of 5 % should find something in 5 % of such
studies. In "effect" a quarter of surprisal goes into speed besides. Beside it, the textbook's
partial Spearman: a common line through ranks. Writes benchmarks/records/partial.json.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
from collections.abc import Callable
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import numpy as np
from scipy.stats import rankdata
from scipy.stats import t as student

from tasks.statistics import partial_correlation
from tasks.statistics.arrays import Floats

RECORD = Path(__file__).parent / "records" / "partial.json"
Problem = tuple[Floats, Floats, Floats]

SHAPES: dict[str, Callable[[Floats], Floats]] = {
    "line": lambda u: u,
    "steep line": lambda u: 2 * u,
    "square": lambda u: u**2,
    "exponential": np.exp,
    "sine": lambda u: np.sin(2 * u),
    "step": lambda u: 2.0 * (u > 0.5),
    "high step": lambda u: 6.0 * (u > 0.5),
    "nothing": lambda u: 0 * u,
}
SLOPES = "slopes of either sign"
NOISES = ("equal", "growing with length")
SIZES = ((20, 5), (20, 10), (20, 32), (50, 8), (5, 64), (3, 12))


def study(
    rng: np.random.Generator, shape: str, noise: str, problems: int, n: int, *, effect: bool
) -> list[Problem]:
    """(surprisal, log speed, length) of `problems` problems of n correct draws."""
    found = []
    for _ in range(problems):
        length = np.maximum(np.round(np.exp(rng.normal(5, 0.5, n))), 1)
        u = (np.log(length) - 5) / 0.5
        level = float(rng.choice([-1, 1])) * u if shape == SLOPES else SHAPES[shape](u)
        spread = 0.6 * np.exp(u / 2) if noise == NOISES[1] else 0.6
        first, second = level + spread * rng.normal(size=(2, n))
        found.append((first, second + (0.25 * first if effect else 0.0), length))
    return found


def textbook(problems: list[Problem]) -> float:
    """p of the partial Spearman: ranks within problems, less a common line over ranks of length."""
    ranked = np.concatenate(
        [(r - r.mean(axis=1, keepdims=True)) / r.shape[1]
         for r in (rankdata(np.stack(one), axis=1) for one in problems)], axis=1
    )  # fmt: skip
    first, second, third = ranked
    first = first - third * (first @ third) / (third @ third)
    second = second - third * (second @ third) / (third @ third)
    rho = float(first @ second / np.sqrt((first @ first) * (second @ second)))
    freedom = ranked.shape[1] - len(problems) - 2
    return float(2 * student.sf(abs(rho) * np.sqrt(freedom / (1 - rho * rho)), freedom))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--studies", type=int, default=1000)
    given = parser.parse_args()
    rows = []
    for problems, n in SIZES:
        worlds = [(name, NOISES[0], False) for name in (*SHAPES, SLOPES)]
        worlds += [("line", NOISES[1], False), ("square", NOISES[0], True)]
        for name, noise, effect in worlds:
            rng = np.random.default_rng(1)
            found = old = 0
            for _ in range(given.studies):
                made = study(rng, name, noise, problems, n, effect=effect)
                found += partial_correlation(made).p < 0.05
                old += textbook(made) < 0.05
            row = {
                "problems": problems,
                "correct draws": n,
                "length matters by": name,
                "noise": noise,
                "effect": effect,
                "found": found / given.studies,
                "textbook found": old / given.studies,
            }
            rows.append(row)
            print(row, flush=True)
    document = {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "studies": given.studies,
        "nominal": 0.05,
        "machine": {"processor": platform.machine(), "cores": os.cpu_count()},
        "versions": {name: version(name) for name in ("numpy", "scipy")}
        | {"python": platform.python_version()},
        "rows": rows,
    }
    RECORD.write_text(json.dumps(document, indent=1) + "\n")


if __name__ == "__main__":
    main()
