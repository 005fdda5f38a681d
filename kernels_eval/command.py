"""One request from a command line: judge candidate files against a problem file."""

from __future__ import annotations

import itertools
import json
import math
import stat
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kernels_eval.config import LARGEST_CANDIDATE, JudgeConfig
from kernels_eval.errors import ProblemError, RequestError
from kernels_eval.host import JudgeHost
from kernels_eval.printable import printable, printable_line
from kernels_eval.types import Status, Verdict

LARGEST_SOURCE = 16 << 20
"""Bytes of a problem's file."""

EXIT_DONE, EXIT_HARNESS, EXIT_REQUEST = 0, 1, 2


def judge_files(
    problem: Path | str,
    candidates: Sequence[Path | str],
    config: JudgeConfig,
    *,
    as_json: bool,
    write: Callable[[str], object],
) -> int:
    """Judge candidate files, or all *.py of directories; the exit status.

    One file is answered with one document, anything else with a line each (JSON Lines with
    `candidate`, its path), as they are reached. Equal files are measured once.

    Raises RequestError (ProblemError among them) and HarnessError.
    """
    source = read_source(problem)
    paths = list(_expanded(candidates))
    alone = len(paths) == 1 and Path(candidates[0]).is_file()
    by_source: dict[str, list[Path]] = {}
    unfit: list[tuple[Path, Verdict]] = []
    for path in paths:
        text = _read_candidate(path)
        if isinstance(text, _Unfit):
            unfit.append((path, _verdict(config, text.reason)))
        else:
            by_source.setdefault(text, []).append(path)
    status = EXIT_DONE
    judged = _judged(problem, source, by_source, config) if by_source else iter(())
    for path, verdict in itertools.chain(unfit, judged):
        status = max(status, exit_status(verdict))
        if alone:
            write(render_json(verdict) if as_json else render_text(verdict))
        else:
            write(_json_line(path, verdict) if as_json else _text_line(path, verdict))
    return status


def _judged(
    problem: Path | str, source: str, by_source: dict[str, list[Path]], config: JudgeConfig
) -> Iterator[tuple[Path, Verdict]]:
    sources = list(by_source)
    with JudgeHost(config) as judge, judge.turn() as turn:
        for line in turn.wait():
            print(line, file=sys.stderr, flush=True)
        try:
            for index, verdict in judge.evaluate_many(source, sources):
                for path in by_source[sources[index]]:
                    yield path, verdict
        except ProblemError as error:
            raise ProblemError(f"{problem}: {error}") from error


@dataclass(frozen=True)
class _Unfit:
    """A candidate's file that holds no source."""

    reason: str


def _read_candidate(path: Path) -> str | _Unfit:
    """What it holds is the candidate's fault, and that of no other. Raises RequestError."""
    content = _content(path, LARGEST_CANDIDATE)
    if len(content) > LARGEST_CANDIDATE:
        return _Unfit(f"the file has more than {LARGEST_CANDIDATE:,} bytes; no more are judged")
    try:
        return _text(content)
    except UnicodeDecodeError as error:
        return _Unfit(f"the file is no UTF-8: {error}")


def _verdict(config: JudgeConfig, error: str) -> Verdict:
    """On a file that no judge was asked about."""
    return Verdict(
        status=Status.COMPILE_ERROR,
        protocol=config.protocol,
        mode=config.mode,
        device=config.device,
        harness_id=config.harness_id,
        error=error,
    )


def _expanded(given: Sequence[Path | str]) -> Iterator[Path]:
    """Files as they are, directories as the *.py in them. Raises RequestError."""
    for path in map(Path, given):
        if not path.is_dir():
            yield path
            continue
        inside = sorted(path.glob("*.py"))
        if not inside:
            raise RequestError(f"no *.py file in {path}")
        yield from inside


def read_source(path: Path | str) -> str:
    """The text of a Python file. Raises RequestError in one line."""
    content = _content(path, LARGEST_SOURCE)
    if len(content) > LARGEST_SOURCE:
        raise RequestError(f"cannot read {path}: it has more than {LARGEST_SOURCE:,} bytes")
    try:
        return _text(content)
    except UnicodeDecodeError as error:
        raise RequestError(f"cannot read {path}: {error}") from None


def _text(content: bytes) -> str:
    """Raises UnicodeDecodeError."""
    return content.decode("utf-8-sig").replace("\r\n", "\n").replace("\r", "\n")


def _content(path: Path | str, most: int) -> bytes:
    """Of a file, one byte more than `most` at most. Raises RequestError in one line.

    Only a regular file is read: a FIFO would be waited for, a device may never end.
    """
    try:
        if not stat.S_ISREG(Path(path).stat().st_mode):
            kind = "a directory" if Path(path).is_dir() else "no regular file"
            raise RequestError(f"cannot read {path}: it is {kind}")
        with Path(path).open("rb") as file:
            return file.read(most + 1)
    except FileNotFoundError:
        raise RequestError(f"no file {path}") from None
    except OSError as error:
        raise RequestError(f"cannot read {path}: {error}") from None


def exit_status(verdict: Verdict) -> int:
    """0 whatever became of the candidate; 1 if the judge itself failed."""
    return EXIT_HARNESS if verdict.status is Status.HARNESS_ERROR else EXIT_DONE


def render_json(verdict: Verdict) -> str:
    return _json(verdict.to_json(), indent=2)


def _json_line(path: Path, verdict: Verdict) -> str:
    return _json({"candidate": str(path)} | verdict.to_json())


def _json(document: dict[str, Any], indent: int | None = None) -> str:
    """Of ASCII that a terminal only shows: `json` escapes all else but DEL."""
    text = json.dumps(document, indent=indent, allow_nan=False, ensure_ascii=True, default=str)
    return text.replace("\x7f", "\\u007f")


def _text_line(path: Path, verdict: Verdict) -> str:
    measured = ""
    if verdict.speedup is not None and verdict.speedup_ci is not None:
        low, high = verdict.speedup_ci
        measured = f"{verdict.speedup:.3g}x [{low:.3g}, {high:.3g}]"
    said = " ".join((verdict.error or "").split())[:100]
    return printable_line(f"{verdict.status:14} {measured:24} {path}  {said}".rstrip())


def render_text(verdict: Verdict) -> str:
    """A few lines for a person; nothing in them steers the terminal."""
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
    if verdict.speedup_compiled is not None:
        lines.append(
            f"compiled {verdict.speedup_compiled:.3g}x  torch.compile {verdict.compiled_ms:.4g} ms"
        )
    if verdict.error_ratio is not None:
        ratio = "no finite number of times" if math.isinf(verdict.error_ratio) else ""
        lines.append(f"error    {ratio or f'{verdict.error_ratio:.3g} of'} what is allowed")
    if verdict.error:
        lines.append(verdict.error)
    lines += [f"{item.severity}: {item.rule}: {item.message}" for item in verdict.findings]
    return printable("\n".join(lines))
