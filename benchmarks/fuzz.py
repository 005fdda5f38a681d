"""Does any broken kernel break the judge, or pass it? Random mutations of honest candidates.

    python benchmarks/fuzz.py --count 2000 --seed 1 --out benchmarks/records     (`make fuzz`)
    python benchmarks/fuzz.py --problems               problem files instead (fuzz_problems.py)

Bytes, tokens or lines of the honest CPU candidates are changed, removed, doubled or exchanged. Of
every verdict is asked that it is no harness error and took no longer than the timeout allows. What
is called `correct` is run again without the judge: in a fork that only imports torch, on three
fresh inputs, against the float64 reference within 1e-3 of the output's scale. A `correct` that
fails there is a false one. The record is rewritten after every batch; exit status 1 if any failed.
"""

from __future__ import annotations

import argparse
import ast
import hashlib
import json
import os
import platform
import random
import re
import signal
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

import torch  # noqa: E402
from torch.utils._pytree import tree_map  # noqa: E402

from kernels_eval import Judge, JudgeConfig, Status, Verdict  # noqa: E402
from tests.kernels_eval.candidate_files import by_problem, collect, problem_text  # noqa: E402

TIMEOUT_S = 10.0
GRACE_S = 30.0
"""Beyond import and two answers: the wait for one's turn while another candidate is measured."""
CHECK_S = 60
NEAR = 1e-3
WEIGHT_SEED = 7
BATCH = 40


def mutated(text: str, rng: random.Random) -> str:
    """The text with one to three small changes below its header.

    Most changes break Python's syntax, which tells little: three in four that do are drawn again.
    """
    head, body = text[: text.index("import")], text[text.index("import") :]
    while True:
        changed = body
        for _ in range(rng.choice((1, 1, 1, 2, 3))):
            changed = rng.choice((_bytes, _tokens, _tokens, _lines))(changed, rng)
        if changed != body and (_parses(changed) or rng.random() < 0.25):
            return head + changed


def _parses(text: str) -> bool:
    try:
        ast.parse(text)
    except (SyntaxError, ValueError):
        return False
    return True


def _bytes(text: str, rng: random.Random) -> str:
    raw = bytearray(text.encode())
    at = rng.randrange(len(raw))
    kind = rng.randrange(3)
    if kind == 0:
        raw[at] = rng.randrange(32, 127)
    elif kind == 1:
        del raw[at]
    else:
        raw.insert(at, rng.randrange(32, 127))
    return raw.decode(errors="replace")


def _tokens(text: str, rng: random.Random) -> str:
    parts = re.findall(r"\d+\.?\d*|\w+|\s+|[^\w\s]", text)
    solid = [index for index, part in enumerate(parts) if not part.isspace()]
    at, other = rng.choice(solid), rng.choice(solid)
    kind = rng.randrange(5)
    if kind == 0:
        parts[at] = ""
    elif kind == 1:
        parts[at] = parts[other]
    elif kind == 2:
        parts[at], parts[other] = parts[other], parts[at]
    elif kind == 3:
        parts[at] += " " + parts[at]
    else:
        numbers = [index for index in solid if parts[index].isdecimal()]
        if numbers:
            at = rng.choice(numbers)
            parts[at] = str(max(0, int(parts[at]) + rng.choice((-1, 1, 2, -2, 64))))
    return "".join(parts)


def _lines(text: str, rng: random.Random) -> str:
    lines = text.splitlines(keepends=True)
    at, other = rng.randrange(len(lines)), rng.randrange(len(lines))
    kind = rng.randrange(3)
    if kind == 0:
        del lines[at]
    elif kind == 1:
        lines.insert(other, lines[at])
    else:
        lines[at], lines[other] = lines[other], lines[at]
    return "".join(lines)


def truly_correct(problem: str, source: str) -> bool:
    """Whether it computes the problem on three fresh inputs, by a run of its own in a fork."""
    child = os.fork()
    if child == 0:
        signal.alarm(CHECK_S)
        try:
            os._exit(0 if _agrees(problem, source) else 1)
        except BaseException:
            os._exit(1)
    _, status = os.waitpid(child, 0)
    return status == 0


def _agrees(problem: str, source: str) -> bool:
    torch.set_num_threads(1)
    torch.set_grad_enabled(False)
    reference, candidate = _module("problem", problem), _module("candidate", source)
    torch.manual_seed(WEIGHT_SEED)
    model = reference.Model(*reference.get_init_inputs())
    torch.manual_seed(WEIGHT_SEED)  # as the judge does: a candidate may fold its own weights
    own = candidate.ModelNew(*reference.get_init_inputs())
    if isinstance(own, torch.nn.Module):
        own.load_state_dict(model.state_dict(), strict=False)
    torch.manual_seed(time.time_ns() % 2**31)
    for _ in range(3):
        inputs = reference.get_inputs()
        wide = tree_map(_wide, inputs)
        wanted = _flat(model.double()(*wide))
        found = _flat(own(*tree_map(_copy, inputs)))
        for one, other in zip(wanted, found, strict=True):
            scale = float(one.double().abs().max()) or 1.0
            if one.shape != other.shape or not (
                float((one.double() - other.double()).abs().max()) <= NEAR * scale
            ):
                return False
        model.float()
    return True


def _wide(value: Any) -> Any:
    floats = isinstance(value, torch.Tensor) and value.is_floating_point()
    return value.double() if floats else value


def _copy(value: Any) -> Any:
    return value.clone() if isinstance(value, torch.Tensor) else value


def _flat(value: Any) -> list[torch.Tensor]:
    return [value] if isinstance(value, torch.Tensor) else [x for y in value for x in _flat(y)]


def _module(name: str, source: str) -> Any:
    path = Path(f"/tmp/bon-fuzz-{os.getpid()}-{name}.py")
    path.write_text(source)
    import importlib.util

    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    finally:
        path.unlink()
    return module


@dataclass
class Findings:
    """What the fuzzing came to so far."""

    statuses: Counter[str] = field(default_factory=Counter)
    harness_errors: list[dict[str, str]] = field(default_factory=list)
    hangs: list[dict[str, Any]] = field(default_factory=list)
    false_correct: list[dict[str, str]] = field(default_factory=list)
    longest_s: float = 0.0

    def add(self, name: str, problem: str, source: str, verdict: Verdict) -> None:
        digest = hashlib.sha256(source.encode()).hexdigest()[:16]
        self.statuses[verdict.status.value] += 1
        took = verdict.seconds.compile + verdict.seconds.check + verdict.seconds.time
        self.longest_s = max(self.longest_s, took)
        if verdict.status is Status.HARNESS_ERROR:
            self.harness_errors.append({"of": name, "error": verdict.error or "", "source": source})
        if took > 2 * TIMEOUT_S + GRACE_S:
            self.hangs.append({"of": name, "seconds": took, "source": source})
        if verdict.correct and not truly_correct(problem, source):
            self.false_correct.append({"of": name, "hash": digest, "source": source})

    @property
    def failed(self) -> int:
        return len(self.harness_errors) + len(self.hangs) + len(self.false_correct)


def rounds(count: int, rng: random.Random) -> Iterator[tuple[str, list[tuple[str, str]]]]:
    """Problem's name, and (name, mutation) of its candidates, until there are `count`."""
    groups = by_problem(collect("honest"))
    while count > 0:
        for problem, files in groups.items():
            batch = []
            for _ in range(min(BATCH, count)):
                file = rng.choice(files)
                batch.append((file.name, mutated(file.source, rng)))
            count -= len(batch)
            if batch:
                yield problem, batch


def write_record(path: Path, document: dict[str, Any]) -> None:
    """What was found, and on what."""
    made_on = {
        "device": "cpu",
        "cores": len(os.sched_getaffinity(0)),
        "versions": {"torch": torch.__version__, "python": platform.python_version()},
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
    }
    path.write_text(json.dumps(document | made_on, indent=2) + "\n")


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--count", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks" / "records")
    parser.add_argument("--problems", action="store_true", help="see fuzz_problems.py")
    if "--problems" in sys.argv:
        from benchmarks import fuzz_problems

        sys.argv.remove("--problems")
        return fuzz_problems.main()
    given = parser.parse_args()
    rng, found, started = random.Random(given.seed), Findings(), time.monotonic()
    with Judge(JudgeConfig(timeout_s=TIMEOUT_S)) as judge:
        for problem, batch in rounds(given.count, rng):
            text = problem_text(problem)
            for index, verdict in judge.evaluate_many(text, [source for _, source in batch]):
                found.add(batch[index][0], text, batch[index][1], verdict)
            seconds = time.monotonic() - started
            document = {
                "question": "does a broken kernel break the judge, or pass it",
                "mutations": found.statuses.total(),
                "seed": given.seed,
                "statuses": dict(sorted(found.statuses.items())),
                "harness_errors": found.harness_errors,
                "hangs": found.hangs,
                "false_correct": found.false_correct,
                "longest_s": round(found.longest_s, 2),
                "seconds": round(seconds, 1),
            }
            write_record(given.out / "fuzz.json", document)
            brief = {k: len(v) if isinstance(v, list) else v for k, v in document.items()}
            print(f"{seconds:7.1f} s", json.dumps(brief["statuses"]), found.failed, flush=True)
    return 1 if found.failed else 0


if __name__ == "__main__":
    sys.exit(main())
