"""Does the container around the judge change what is measured?

    python benchmarks/contained.py --device cpu --per-problem 2
    python benchmarks/contained.py --device cuda:0 --per-problem 1 --rounds 1

Honest candidates of the acceptance suite, and with `--hacks` its cheats, are judged by a `Judge` in
this process and by a `JudgeHost`, in turn, `--rounds` times each. Recorded: seconds to start and
per candidate, the defences in force, every status that differs, and for how many pairs of
measurements the intervals of the speedup overlap: between the two kinds, and between rounds of one
kind, which says what a machine does by itself. torch is enough to run this.
"""

from __future__ import annotations

import argparse
import json
import platform
import sys
import time
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime
from itertools import combinations, product
from pathlib import Path
from statistics import fmean

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

import torch  # noqa: E402

from kernels_eval import Judge, JudgeConfig, StageSeconds, Verdict  # noqa: E402
from kernels_eval.baselines import device_words  # noqa: E402
from kernels_eval.host import JudgeHost  # noqa: E402
from kernels_eval.timing.cores import choose_cores  # noqa: E402
from tests.kernels_eval.candidate_files import by_problem, collect, problem_text  # noqa: E402

KINDS: dict[str, type[Judge] | type[JudgeHost]] = {"judge": Judge, "host": JudgeHost}


@dataclass
class Round:
    """One pass over all candidates."""

    kind: str
    start_s: float = 0.0
    seconds: float = 0.0
    verdicts: dict[str, Verdict] = field(default_factory=dict)


def run(kind: str, config: JudgeConfig, folders: list[str], per_problem: int | None) -> Round:
    done = Round(kind)
    began = time.monotonic()
    with KINDS[kind](config) as judge:
        judge.start()
        done.start_s = time.monotonic() - began
        for folder in folders:
            for problem, files in by_problem(collect(folder)).items():
                chosen = files[:per_problem]
                sources = [one.source for one in chosen]
                for index, verdict in judge.evaluate_many(problem_text(problem), sources):
                    done.verdicts[chosen[index].name] = verdict
        done.seconds = time.monotonic() - began - done.start_s
    return done


def overlap(one: Verdict, other: Verdict) -> bool | None:
    if one.speedup_ci is None or other.speedup_ci is None:
        return None
    return max(one.speedup_ci[0], other.speedup_ci[0]) <= min(
        one.speedup_ci[1], other.speedup_ci[1]
    )


def agreement(pairs: list[tuple[Round, Round]]) -> dict[str, int]:
    found = [
        overlap(one.verdicts[name], other.verdicts[name])
        for one, other in pairs
        for name in one.verdicts
    ]
    return {"overlap": found.count(True), "apart": found.count(False)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--per-problem", type=int, help="candidates of each problem, at most")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--hacks", action="store_true")
    parser.add_argument("--timeout", type=float, default=60.0)
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks" / "records")
    given = parser.parse_args()
    config = JudgeConfig(device=given.device, timeout_s=given.timeout)
    below = "/gpu" if config.on_gpu else ""
    folders = [f"honest{below}", *([f"hacks{below}"] if given.hacks else [])]
    rounds: list[Round] = []
    for _ in range(given.rounds):
        for kind in KINDS:
            rounds.append(run(kind, config, folders, given.per_problem))
            last = rounds[-1]
            print(f"{kind}: start {last.start_s:.2f} s, {last.seconds:.1f} s", flush=True)
    mine = {kind: [one for one in rounds if one.kind == kind] for kind in KINDS}
    count = len(rounds[0].verdicts)
    record = {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "device": device_words(torch.device(given.device), choose_cores(None).timing),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "harness_id": config.harness_id,
        "candidates": count,
        "defences": {
            kind: sorted({name for v in mine[kind][0].verdicts.values() for name in v.sandbox})
            for kind in KINDS
        },
        "start_s": {kind: [round(one.start_s, 2) for one in mine[kind]] for kind in KINDS},
        "seconds_per_candidate": {
            kind: [round(one.seconds / count, 3) for one in mine[kind]] for kind in KINDS
        },
        "seconds_by_stage": {
            kind: {
                stage.name: round(
                    fmean(
                        getattr(verdict.seconds, stage.name)
                        for one in mine[kind]
                        for verdict in one.verdicts.values()
                    ),
                    3,
                )
                for stage in fields(StageSeconds)
            }
            for kind in KINDS
        },
        "statuses_that_differ": {
            name: [str(one.verdicts[name].status) for one in rounds]
            for name in rounds[0].verdicts
            if len({one.verdicts[name].status for one in rounds}) > 1
        },
        "intervals": {
            "between_kinds": agreement(list(product(*mine.values()))),
            **{kind: agreement(list(combinations(mine[kind], 2))) for kind in KINDS},
        },
    }
    target = given.out / f"contained-{given.device.partition(':')[0]}.json"
    target.write_text(json.dumps(record, indent=2) + "\n")
    print(json.dumps(record, indent=2))


if __name__ == "__main__":
    main()
