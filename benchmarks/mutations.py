"""How many references that leave something out are `incorrect`, with inputs as given and cured.

For every problem file of a folder (KernelBench's format; the embedded suite by default): the
reference without a parameter, a step, one side of a step, a sign, rows, columns, the tail of its
output, or digits, against as many sets as a candidate sees at least. One that answers like the
reference itself on all of them, and on inputs with signs and scales besides, has changed nothing
and is not counted. No worker is started and nothing is timed: it is the judge's rule alone.

    python benchmarks/mutations.py [--problems DIR] [--out FILE] [--device cuda:0] [--uniform]
        [--inspect-only]
"""

from __future__ import annotations

import argparse
import functools
import json
import os
import platform
import re
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import torch

from kernels_eval.config import HARNESS_VERSION
from kernels_eval.errors import ProblemError
from kernels_eval.problems.kinds import KINDS, Nature, recast
from kernels_eval.problems.mutants import Mutant, as_tf32, with_fewer_rows
from kernels_eval.problems.prepared import PreparedProblem
from kernels_eval.problems.seeds import seeded
from kernels_eval.problems.sets import InputSet
from kernels_eval.sandbox.heap import keep_heap
from kernels_eval.truth.tolerance import Truth

HERE = Path(__file__).parent
RECORD = HERE / "records" / "mutations.json"
EMBEDDED = HERE.parent / "tasks" / "problems" / "embedded" / "level1"
SETS = 8
"""A candidate is shown one at first and one in each of eight pairs, at least."""
PARAMETERS, STEPS = 4, 6
"""Mutants of these sorts, at most."""
INCORRECT, SURVIVES, SAME = "incorrect", "survives", "changes nothing"

_SCALED = re.compile(r"(?<=\)) \* [\d.]+(?=[]\n])|\b[\d.]+ \* (?=torch\.rand\()")

Change = Callable[[torch.Tensor], torch.Tensor]


def of_inputs() -> Iterator[tuple[str, Change]]:
    """What may become of one input, before the reference sees it."""
    yield "no signs", torch.abs
    yield "no negative numbers", lambda x: x.clamp(min=0)
    yield "the mean in the place of an input", lambda x: torch.full_like(x, float(x.mean()))
    yield "TF32", as_tf32
    yield "float16", lambda x: x.half().to(x.dtype)
    yield "bfloat16", lambda x: x.bfloat16().to(x.dtype)
    yield "every fourth row", lambda x: with_fewer_rows(x, 0)
    yield "every fourth column", lambda x: with_fewer_rows(x, x.dim() - 1)
    yield "no last quarter of the rows", lambda x: torch.cat([x[: -q(x)], 0 * x[-q(x) :]])


def q(tensor: torch.Tensor) -> int:
    return max(1, tensor.shape[0] // 4)


def of_outputs() -> Iterator[tuple[str, Change]]:
    """What may become of the reference's answer."""
    yield "zeros in the last eighth of the output", without_tail
    yield "a run of 256 that is another's", with_a_twin


def without_tail(x: torch.Tensor) -> torch.Tensor:
    flat = x.reshape(-1).clone()
    flat[-max(1, flat.numel() // 8) :] = 0
    return flat.reshape(x.shape)


def with_a_twin(x: torch.Tensor) -> torch.Tensor:
    flat = x.reshape(-1).clone()
    if flat.numel() >= 512:
        flat[:256] = flat[256:512].clone()
    return flat.reshape(x.shape)


def mutations(problem: PreparedProblem, item: InputSet) -> list[Mutant]:
    """All that this reference can have."""
    floats = [at for at, one in enumerate(item.inputs) if one.is_floating_point() and one.dim()]

    def before(at: int, change: Change, given: Sequence[torch.Tensor]) -> list[torch.Tensor]:
        return problem.answers(
            [change(one) if place == at else one for place, one in enumerate(given)]
        )

    def after(change: Change, given: Sequence[torch.Tensor]) -> list[torch.Tensor]:
        outputs = problem.answers(given)
        return [change(one) if one.is_floating_point() else one for one in outputs]

    found = [
        Mutant(f"{name}, input {at}", functools.partial(before, at, change))
        for name, change in of_inputs()
        for at in floats[:2]
    ]
    found += [Mutant(name, functools.partial(after, change)) for name, change in of_outputs()]
    known = problem.mutants(item)
    found += [one for one in known if one.lacks.startswith("the parameter")][:PARAMETERS]
    return found + [one for one in known if "step" in one.lacks][:STEPS]


def outcome(problem: PreparedProblem, mutant: Mutant, sets: list[InputSet]) -> str:
    for item in sets:
        try:
            answers = mutant.answers(item.inputs)
        except ProblemError:
            return INCORRECT
        for place, (truth, answer) in enumerate(zip(item.truths, answers, strict=True)):
            flat = answer.contiguous().reshape(-1)
            if isinstance(truth, Truth) and truth.within(flat, 1.0):
                continue
            if truth.distance(problem.settled(item, place, flat)) > 1:
                return INCORRECT
    return SURVIVES if _changes(problem, mutant, sets) else SAME


def _changes(problem: PreparedProblem, mutant: Mutant, sets: list[InputSet]) -> bool:
    return any(
        not all(map(_like, mutant.answers(item.inputs), problem.answers(item.inputs)))
        for item in sets
    ) or _changes_elsewhere(problem, mutant, sets[0])


def _like(one: torch.Tensor, other: torch.Tensor) -> bool:
    return torch.equal(one, other) or torch.allclose(
        one.double(), other.double(), rtol=1e-6, atol=1e-30, equal_nan=True
    )


def _changes_elsewhere(problem: PreparedProblem, mutant: Mutant, item: InputSet) -> bool:
    for kind in KINDS:
        with seeded(1):
            known = [Nature.ANY if one.is_floating_point() else Nature.KEPT for one in item.inputs]
            tensors = recast(kind, item.inputs, known)
        try:
            if not all(map(_like, mutant.answers(tensors), problem.answers(tensors))):
                return True
        except ProblemError:
            continue
    return False


def mutated(problem: PreparedProblem) -> dict[str, str]:
    """What becomes of each mutation of one problem."""
    unseen = problem.unseen()
    sets = [next(unseen) for _ in range(SETS)]
    found: dict[str, str] = {}
    for mutant in mutations(problem, sets[0]):
        name = mutant.lacks
        while name in found:
            name += " (another)"
        found[name] = outcome(problem, mutant, sets)
    return found


def judged(source: str, *, as_given: bool, device: str, inspect_only: bool) -> dict[str, Any]:
    """One problem's record."""
    started = time.monotonic()
    try:
        problem = PreparedProblem(source, as_given=as_given, device=torch.device(device))
        found = {} if inspect_only else mutated(problem)
    except (ProblemError, torch.OutOfMemoryError) as error:
        return {"refused": str(error)[:300]}
    return {
        "redrawn": list(problem.redrawn),
        "spread": problem.spread,
        "kinds": [kind.name for kind in problem.kinds[1:]],
        "hidden": list(problem.hidden),
        "cannot tell": list(problem.cannot_tell),
        "few inputs": problem.few_inputs,
        "mutations": found,
        "seconds": round(time.monotonic() - started, 2),
    }


def summary(problems: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """Over all problems."""
    counts = Counter(
        result for one in problems.values() for result in one.get("mutations", {}).values()
    )
    changing = counts[INCORRECT] + counts[SURVIVES]
    kept = [one for one in problems.values() if "refused" not in one]
    return {
        "problems": len(problems),
        "refused": len(problems) - len(kept),
        "cured": sum(bool(one["redrawn"] or one["spread"] or one["kinds"]) for one in kept),
        "cannot tell": sum(bool(one["cannot tell"] or one["few inputs"]) for one in kept),
        INCORRECT: counts[INCORRECT],
        SURVIVES: counts[SURVIVES],
        SAME: counts[SAME],
        "share incorrect": round(counts[INCORRECT] / changing, 4) if changing else None,
        "survivors": sorted(
            f"{name}: {mutation}"
            for name, one in problems.items()
            for mutation, result in one.get("mutations", {}).items()
            if result == SURVIVES
        ),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--problems", type=Path, default=EMBEDDED, help="a folder of problem files")
    parser.add_argument("--out", type=Path, default=RECORD)
    parser.add_argument("--device", default="cpu")
    parser.add_argument(
        "--uniform",
        action="store_true",
        help="torch.rand in the place of torch.randn, and unscaled: as KernelBench draws",
    )
    parser.add_argument(
        "--inspect-only",
        action="store_true",
        help="what a problem hides and how it is cured, without the mutations: seconds a problem",
    )
    given = parser.parse_args()
    keep_heap()  # as a judge does
    paths = [path for path in sorted(given.problems.rglob("*.py")) if path.name != "__init__.py"]
    record: dict[str, Any] = {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "harness": HARNESS_VERSION,
        "sets": SETS,
        "machine": {"processor": platform.machine(), "cores": os.cpu_count()},
        "device": given.device,
        "uniform": given.uniform,
        "versions": {"torch": torch.__version__, "python": platform.python_version()},
    }
    for inputs in ("cured",) if given.inspect_only else ("as-given", "cured"):
        problems: dict[str, dict[str, Any]] = {}
        for path in paths:
            name = str(path.relative_to(given.problems))
            source = path.read_text("utf-8")
            if given.uniform:
                source = _SCALED.sub("", source.replace("torch.randn(", "torch.rand("))
            problems[name] = judged(
                source,
                as_given=inputs == "as-given",
                device=given.device,
                inspect_only=given.inspect_only,
            )
            print(inputs, name, json.dumps(problems[name].get("cannot tell")), flush=True)
            record[inputs] = {"summary": summary(problems), "problems": problems}
            given.out.write_text(json.dumps(record, indent=1) + "\n")
        print(inputs, json.dumps(record[inputs]["summary"], indent=1), flush=True)


if __name__ == "__main__":
    main()
