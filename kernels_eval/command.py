"""One request from a command line: judge a candidate file against a problem file."""

from __future__ import annotations

import json
from pathlib import Path

from kernels_eval.config import JudgeConfig
from kernels_eval.errors import ProblemError, RequestError
from kernels_eval.types import Status, Verdict

EXIT_DONE, EXIT_HARNESS, EXIT_REQUEST = 0, 1, 2


def run(problem_path: Path | str, candidate_path: Path | str, config: JudgeConfig) -> Verdict:
    """The verdict on a candidate file. Raises RequestError (ProblemError among them)."""
    problem, candidate = read_source(problem_path), read_source(candidate_path)
    from kernels_eval.judge import Judge  # after the cheap checks: it imports torch

    with Judge(config) as judge:
        try:
            return judge.evaluate(problem, candidate)
        except ProblemError as error:
            raise ProblemError(f"{problem_path}: {error}") from error


def read_source(path: Path | str) -> str:
    """The text of a Python file. Raises RequestError in one line."""
    try:
        return Path(path).read_text()
    except FileNotFoundError:
        raise RequestError(f"no file {path}") from None
    except (OSError, UnicodeDecodeError) as error:
        raise RequestError(f"cannot read {path}: {error}") from None


def exit_status(verdict: Verdict) -> int:
    """0 whatever became of the candidate; 1 if the judge itself failed."""
    return EXIT_HARNESS if verdict.status is Status.HARNESS_ERROR else EXIT_DONE


def render_json(verdict: Verdict) -> str:
    return json.dumps(verdict.to_json(), indent=2, allow_nan=False, default=str)


def render_text(verdict: Verdict) -> str:
    """A few lines for a person."""
    lines = [f"{verdict.status}  ({verdict.device}, {verdict.protocol}, {verdict.mode})"]
    if verdict.speedup is not None and verdict.speedup_ci is not None:
        low, high = verdict.speedup_ci
        lines.append(
            f"speedup  {verdict.speedup:.3g}x  95% [{low:.3g}, {high:.3g}]  "
            f"fast_1 {'yes' if verdict.fast_1 else 'no'}  {verdict.trials} pairs"
        )
        lines.append(
            f"time     {verdict.runtime_ms:.4g} ms; reference {verdict.reference_ms:.4g} ms"
        )
    if verdict.error_ratio is not None:
        lines.append(f"error    {verdict.error_ratio:.3g} of what is allowed")
    if verdict.error:
        lines.append(verdict.error)
    lines += [f"{item.severity}: {item.rule}: {item.message}" for item in verdict.findings]
    return "\n".join(lines)
