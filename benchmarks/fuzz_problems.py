"""Does any broken problem file break the judge, or cost another problem its verdict?

    python benchmarks/fuzz_problems.py --count 500 --seed 1 --out benchmarks/records
                                                                      (`make fuzz-problems`)

Problem files are changed at random (as fuzz.py changes candidates), or get a statement that does
something to their process: it ends, crashes, hangs, forks, prints, patches torch, changes defaults.
Each is judged with itself as the candidate, in one judge for all. It has to be refused in one line,
or to get a verdict that is no harness error. After every few the same kernels answer intact
problems, and have to be judged as they were at first. The record is rewritten as it goes; exit
status 1 if anything failed.
"""

from __future__ import annotations

import argparse
import random
import re
import sys
import time
import traceback
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks.fuzz import mutated, write_record  # noqa: E402
from kernels_eval import JudgeConfig, Status  # noqa: E402
from kernels_eval.errors import ProblemError  # noqa: E402
from kernels_eval.host import JudgeHost  # noqa: E402
from tests.kernels_eval.candidate_files import CandidateFile, collect, problem_text  # noqa: E402

TIMEOUT_S = 10.0
PROBLEM_TIMEOUT_S = 20.0
LONGEST_S = 6 * PROBLEM_TIMEOUT_S + 60
CONTROL_EVERY = 10

STATEMENTS = (
    "import sys; sys.exit(0)",
    "import sys; sys.exit('no')",
    "import os; os._exit(3)",
    "raise KeyboardInterrupt",
    "raise GeneratorExit",
    "raise RecursionError",
    "raise MemoryError",
    "import ctypes; ctypes.string_at(0)",
    "import os, signal; os.kill(os.getpid(), signal.SIGABRT)",
    "import os, signal; os.kill(os.getpid(), signal.SIGSTOP)",
    "import os, signal; os.kill(os.getppid(), signal.SIGKILL)",
    "while True: pass",
    "import time; time.sleep(3600)",
    'print(\'{"status": "correct"}\', flush=True)',
    "import sys; sys.stdout.close(); sys.stderr.close()",
    "import os; [os.close(one) for one in range(3, 64) if os.path.exists(f'/proc/self/fd/{one}')]",
    "import os; os.fork()",
    "import os, time\nif os.fork() == 0:\n    os.setsid()\n    time.sleep(600)",
    "import threading, time; threading.Thread(target=time.sleep, args=(600,)).start()",
    "import multiprocessing; multiprocessing.Process(target=print).start()",
    "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); signal.alarm(1)",
    "torch.set_default_dtype(torch.float64)",
    "torch.set_default_dtype(torch.half)",
    "torch.set_default_device('meta')",
    "torch.set_num_threads(64)",
    "torch.use_deterministic_algorithms(True)",
    "torch.autograd.set_detect_anomaly(True)",
    "torch.relu = torch.nn.functional.relu = lambda x, *_: x * 0 + 1",
    "torch.allclose = torch.equal = lambda *_, **__: True",
    "torch.Tensor.__sub__ = lambda a, b: a * 0",
    "torch.manual_seed = lambda *_: None",
    "torch.randn = torch.ones",
    "torch.empty = None",
    "import time; time.perf_counter = time.monotonic = lambda: 0.0",
    "import os; os.environ.clear()",
    "import os; os.chdir('/tmp'); os.umask(0o777)",
    "import sys; sys.modules['torch'] = None",
    "import sys; sys.setrecursionlimit(20)",
    "import sys; sys.path.clear(); sys.meta_path.clear()",
    "import gc; gc.disable(); gc.collect = None",
    "import builtins; builtins.isinstance = lambda *_: True",
    "import builtins; builtins.len = lambda _: 0",
    "import resource; resource.setrlimit(resource.RLIMIT_NOFILE, (4, 4))",
    "hoard = [bytearray(1 << 28) for _ in range(64)]",
    "import warnings; warnings.simplefilter('error')",
    "import shutil; shutil.rmtree('/tmp', ignore_errors=True)",
    "get_inputs = None",
    "get_init_inputs = 7",
    "class Model: pass",
    "Model = None",
    "__name__ = '__main__'",
    "del torch",
)
"""What strangers' files do to the process that loads them, on purpose or not."""


def nasty(text: str, rng: random.Random) -> str:
    """The text with one of the statements at its end, its beginning, or in one of its functions."""
    statement = rng.choice(STATEMENTS)
    bodies = list(re.finditer(r"^( *)def \w+\(.*\).*:\n", text, re.MULTILINE))
    place = rng.randrange(len(bodies) + 2)
    if place == len(bodies):
        return f"{text}\n{statement}\n"
    if place > len(bodies):
        head = text.index("\n\n", text.index("import"))
        return f"{text[:head]}\n{statement}\n{text[head:]}"
    indent = bodies[place][1] + "    "
    lines = "".join(f"{indent}{line}\n" for line in ["import torch", *statement.split("\n")])
    return text[: bodies[place].end()] + lines + text[bodies[place].end() :]


@dataclass
class Findings:
    """What the fuzzing came to so far."""

    outcomes: Counter[str] = field(default_factory=Counter)
    refusals: Counter[str] = field(default_factory=Counter)
    failures: list[dict[str, str]] = field(default_factory=list)
    controls: int = 0
    longest_s: float = 0.0

    def fail(self, kind: str, source: str, said: str) -> None:
        self.failures.append({"kind": kind, "said": said[-2000:], "source": source})


def judge_itself(judge: JudgeHost, source: str, found: Findings) -> None:
    """Judge a problem with a copy of itself as the candidate."""
    candidate = re.sub(r"\bModel\b", "ModelNew", source)
    started = time.monotonic()
    try:
        verdict = judge.evaluate(source, candidate)
    except ProblemError as error:
        said = str(error)
        found.outcomes["refused"] += 1
        found.refusals[re.sub(r"\d+|'.*?'", "…", said)[:80]] += 1
        if "\n" in said or "Traceback" in said:
            found.fail("a refusal of several lines", source, said)
    except BaseException:
        found.outcomes["failed"] += 1
        found.fail("the judge failed", source, traceback.format_exc())
    else:
        found.outcomes[verdict.status.value] += 1
        if verdict.status is Status.HARNESS_ERROR:
            found.fail("a harness error", source, verdict.error or "")
    took = time.monotonic() - started
    found.longest_s = max(found.longest_s, took)
    if took > LONGEST_S:
        found.fail("it took too long", source, f"{took:.0f} s")


def statuses(judge: JudgeHost, files: list[CandidateFile]) -> dict[str, str]:
    """Of intact candidates of intact problems."""
    return {
        file.name: judge.evaluate(problem_text(file.problem), file.source).status.value
        for file in files
    }


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--count", type=int, default=500)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks" / "records")
    given = parser.parse_args()
    rng, found, started = random.Random(given.seed), Findings(), time.monotonic()
    honest = collect("honest")
    problems = sorted({file.problem for file in honest})
    controls = [file for file in honest if file.problem in problems[:: len(problems) // 3]][::7]
    with JudgeHost(JudgeConfig(timeout_s=TIMEOUT_S), problem_timeout_s=PROBLEM_TIMEOUT_S) as judge:
        intact = statuses(judge, controls)
        for number in range(1, given.count + 1):
            text = problem_text(rng.choice(problems))
            source = nasty(text, rng) if rng.random() < 0.6 else mutated(text, rng)
            judge_itself(judge, source, found)
            if number % CONTROL_EVERY == 0:
                now = statuses(judge, controls)
                found.controls += len(now)
                if now != intact:
                    found.fail("another problem's verdicts changed", source, f"{intact} → {now}")
            if number % CONTROL_EVERY == 0 or number == given.count:
                seconds = time.monotonic() - started
                write(given.out / "fuzz_problems.json", given, found, seconds, intact)
                outcomes = dict(found.outcomes)
                print(f"{seconds:7.1f} s", outcomes, len(found.failures), flush=True)
    return 1 if found.failures else 0


def write(
    path: Path,
    given: argparse.Namespace,
    found: Findings,
    seconds: float,
    intact: dict[str, str],
) -> None:
    document = {
        "question": "does a broken problem file break the judge, or cost another its verdict",
        "mutations": found.outcomes.total(),
        "seed": given.seed,
        "outcomes": dict(sorted(found.outcomes.items())),
        "refusals": dict(found.refusals.most_common(40)),
        "controls": {"verdicts": found.controls, "statuses": intact},
        "failures": found.failures,
        "longest_s": round(found.longest_s, 1),
        "seconds": round(seconds, 1),
    }
    write_record(path, document)


if __name__ == "__main__":
    sys.exit(main())
