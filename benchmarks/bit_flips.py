"""Does a bit that flips in a lake ever give a wrong answer unnoticed?

    python benchmarks/bit_flips.py --count 2000 --seed 1 --out benchmarks/records

A lake of two runs is made, with every table, and copied. Each time one random bit of one random
file of the copy is flipped (parts, bon.sql, lock files, a report; marker files are empty), then all
is asked in one process: every table of both runs together and of each alone by `Lake.sql`, the
ledger of both, and `verify`. The flip is `noticed` if an answer is refused in one line that names
the file, and every other answer is as of the undamaged lake; `without effect` if all answers are;
else it is `wrong`. Then the bit is flipped back. Exit status 1 if any was wrong.
"""

from __future__ import annotations

import argparse
import json
import logging
import platform
import random
import shutil
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from storage import Lake, LakeError, evaluated, sampled  # noqa: E402
from storage import lake as lake_module  # noqa: E402
from storage.commit import commit  # noqa: E402
from storage.duckdb_file import write_duckdb_file  # noqa: E402
from storage.ledger import draws, judged  # noqa: E402
from storage.schemas import TABLES  # noqa: E402
from storage.verify import verify  # noqa: E402
from tasks.strategies.step import write_selections  # noqa: E402
from tests.storage.make import START, candidate_row, evaluation_row, run_row  # noqa: E402

RUNS = ("r1", "r2")
PROBLEMS = 3
DRAWS = 16
HARNESS = "h1"
CHUNK = 25


def make(root: Path) -> Lake:
    """Two runs with rows in every table, a lock file, a report and `bon.sql`."""
    lake = Lake.open(root, create=True)
    for run_id in RUNS:
        with lake.run_lock(run_id):
            lake.append("runs", [run_row(run_id)], run_id=run_id)
            for problem_id in range(1, PROBLEMS + 1):
                _problem(lake, run_id, problem_id)
            write_selections(lake, run_id)
    (root / "reports").mkdir()
    (root / "reports" / "r1.html").write_text("<p>a report</p>" * 50)
    write_duckdb_file(lake)
    return lake


def _problem(lake: Lake, run_id: str, problem_id: int) -> None:
    key = {"suite": "s", "level": 1, "problem_id": problem_id}
    named = {"name": f"n{problem_id}", "problem_hash": "x", "source": "y = 1\n" * 50}
    lake.append("problems", [key | named], run_id=run_id, part=f"L1-{problem_id}")
    drawn = [
        candidate_row(problem_id, i, f"h{i % 12}") | {"source": f"x = {i % 12}\n" * 40}
        for i in range(DRAWS)
    ]
    mode = {"logprob_mode": "raw_logprobs"}
    tokens = [
        key | mode | {"sample_index": i, "token_ids": [*range(20)], "logprobs": [-0.1 * i] * 20}
        for i in range(DRAWS)
    ]
    commit(lake, run_id, f"L1-{problem_id}", {"candidates": drawn, "token_logprobs": tokens})
    verdicts = [
        evaluation_row(
            problem_id,
            f"h{i}",
            status="correct" if i % 3 else "incorrect",
            speedup=0.5 + i / 7,
            harness_id=HARNESS,
        )
        for i in range(12)
    ]
    times = [
        key
        | {name: one[name] for name in ("evaluation_id", "source_hash")}
        | {"candidate_ms": [1.0, 1.1], "reference_ms": [2.0, 2.2]}
        for one in verdicts
    ]
    commit(lake, run_id, f"L1-{problem_id}-v", {"evaluations": verdicts, "timings": times})
    score = {"policy": "p", "policy_id": "p-1", "temperature": 1.0, "scored_text": "source"}
    score |= {"tokens": "stored", "n_tokens": 2, "token_ids": [1, 2], "raw_logprobs": [-0.5, -0.25]}
    scores = [key | score | {"sample_index": i, "scored_at": START} for i in range(DRAWS)]
    lake.append("rescores", scores, run_id=run_id, part=f"L1-{problem_id}")


Question = Callable[[Lake], object]

EVERYTHING = "\nUNION ALL ".join(
    f"SELECT '{name}' AS name, to_json(one)::VARCHAR AS row FROM {name} AS one"
    for name in (*TABLES, "results", "run_summary")
)


def rows(query: str, run_ids: list[str] | None) -> Question:
    return lambda lake: sorted(map(str, lake.sql(query, run_ids).to_pylist()))


def ledger(run_id: str) -> Question:
    return lambda lake: (
        sampled(lake, run_id),
        evaluated(lake, run_id, HARNESS),
        judged(lake, run_id, HARNESS),
        [draws(lake, run_id, ("s", 1, p), range(DRAWS)) for p in range(1, PROBLEMS + 1)],
    )


def questions() -> dict[str, Question]:
    """What is asked after a flip; answers compare equal if they are the same."""
    asked = {f"ledger of {run_id}": ledger(run_id) for run_id in RUNS}
    for run_ids in (None, [RUNS[0]], [RUNS[1]]):
        asked[f"everything of {run_ids or 'all'}"] = rows(EVERYTHING, run_ids)
    asked["verify"] = lambda lake: verify(lake).damages
    asked["runs"] = lambda lake: lake.run_ids()
    return asked


def without(answer: object, run_id: str) -> object:
    """The rows of an answer over all runs that are not of this one."""
    given = answer if isinstance(answer, list) else []
    return [row for row in given if f'"run_id":"{run_id}"' not in row]


def look(lake: Lake, path: Path, whole: dict[str, object], said: list[str]) -> tuple[str, str]:
    """The class of the flip, and what was wrong."""
    noticed = False
    place = path.relative_to(lake.root)
    run_id = place.parts[2].removeprefix("run_id=") if len(place.parts) > 3 else ""
    for name, ask in questions().items():
        said.clear()
        lake_module._warned.clear()
        try:
            answer = ask(lake)
        except LakeError as error:
            if str(path) not in str(error) or "\n" in str(error):
                return "wrong", f"{name}: {error}"
            noticed = True
            continue
        if name == "verify" and answer:
            if not all(str(path) in line for line in answer):  # type: ignore[attr-defined]
                return "wrong", f"{name}: {answer}"
            noticed = True
        elif answer != whole[name]:
            if not said or str(path) not in said[0] or answer != without(whole[name], run_id):
                return "wrong", f"{name}: another answer"
            noticed = True
    return ("noticed" if noticed else "without effect"), ""


class Said(logging.Handler):
    """What the lake warned of."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage())


@dataclass(frozen=True)
class Chunk:
    """Some flips, drawn from their own seed; where, what came of each, and what was wrong."""

    found: list[tuple[str, str]]
    wrong: list[str]


def flip(seed: str) -> Chunk:
    """`CHUNK` flips in a lake of their own."""
    rng = random.Random(seed)
    handler = Said()
    log = logging.getLogger("storage")
    log.addHandler(handler)
    log.propagate = False
    found: list[tuple[str, str]] = []
    wrong: list[str] = []
    with TemporaryDirectory(prefix="bon-flips-") as home:
        make(Path(home) / "whole")
        shutil.copytree(Path(home) / "whole", Path(home) / "lake")
        lake = Lake.open(Path(home) / "lake")
        whole = {name: ask(lake) for name, ask in questions().items()}
        files = sorted(p for p in lake.root.rglob("*") if p.is_file() and p.stat().st_size)
        for _ in range(CHUNK):
            path = rng.choice(files)
            before = path.read_bytes()
            bit = rng.randrange(8 * len(before))
            damaged = bytearray(before)
            damaged[bit // 8] ^= 1 << bit % 8
            path.write_bytes(bytes(damaged))
            kind, why = look(lake, path, whole, handler.lines)
            path.write_bytes(before)
            place = path.relative_to(lake.root)
            found.append((place.parts[0], kind))
            if kind == "wrong":
                wrong.append(f"{place}, bit {bit}: {why}")
    log.removeHandler(handler)
    return Chunk(found, wrong)


def record(chunks: Sequence[Chunk], seed: int, started: float) -> dict[str, object]:
    flips = [one for chunk in chunks for one in chunk.found]
    counts = Counter(kind for _, kind in flips)
    by_place = {place: Counter(k for p, k in flips if p == place) for place, _ in sorted(flips)}
    return {
        "question": "does a bit that flips in a lake ever give a wrong answer unnoticed",
        "flips": len(flips),
        "seed": seed,
        "found": {name: counts[name] for name in ("noticed", "without effect", "wrong")},
        "by_kind_of_file": {place: dict(counted) for place, counted in by_place.items()},
        "wrong": [line for chunk in chunks for line in chunk.wrong],
        "seconds": round(time.monotonic() - started, 1),
        "versions": {name: version(name) for name in ("duckdb", "pyarrow")}
        | {"python": platform.python_version()},
        "date": datetime.now(UTC).date().isoformat(),
    }


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--count", type=int, default=2000, help=f"a multiple of {CHUNK}")
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--processes", type=int, default=2)
    options.add_argument("--out", type=Path)
    given = options.parse_args()
    started = time.monotonic()
    seeds = [f"{given.seed}-{number}" for number in range(given.count // CHUNK)]
    chunks: list[Chunk] = []
    with get_context("spawn").Pool(given.processes) as pool:
        for chunk in pool.imap(flip, seeds):
            chunks.append(chunk)
            text = json.dumps(record(chunks, given.seed, started), indent=2) + "\n"
            print(f"{len(chunks) * CHUNK} flips, wrong: {chunk.wrong}", file=sys.stderr)
            if given.out:
                (given.out / "bit_flips.json").write_text(text)
    print(text, end="")
    return 1 if any(chunk.wrong for chunk in chunks) else 0


if __name__ == "__main__":
    sys.exit(main())
