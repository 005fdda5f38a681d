"""A judge's answers to what a `JudgeHost` asks, one request after the other."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from kernels_eval.errors import OWN_FAILURE, ProblemError, UnforeseenProblemError
from kernels_eval.host import wire
from kernels_eval.host.changes import ProcessState
from kernels_eval.problem_code import end_copy, process_id
from kernels_eval.types import Status, Verdict
from kernels_eval.words import one_line

if TYPE_CHECKING:
    from kernels_eval.judge import Judge


TIMEOUT_VARIABLE = "BON_PROBLEM_TIMEOUT"


class Answers:
    """Of one judge. Failures are answers, too."""

    def __init__(self, judge: Judge, before: ProcessState) -> None:
        """`before`: of the process, when no problem had been loaded."""
        self._judge = judge
        self._before = before
        self._verdicts: Iterator[tuple[int, Verdict]] = iter(())

    def to(self, request: dict[str, Any]) -> dict[str, Any]:
        """The answer, of this process alone: see `problem_code.py`."""
        original = process_id()
        try:
            return self._answer(request)
        finally:
            end_copy(original)

    def _answer(self, request: dict[str, Any]) -> dict[str, Any]:
        try:
            return self._to(request)
        except SystemExit as error:
            return wire.pack_error(ProblemError(ended(_how(error))))
        except Exception as error:
            if isinstance(error, ProblemError) and not isinstance(error, UnforeseenProblemError):
                return wire.pack_error(error)
            return wire.pack_error(self._blamed(str(error)) or error)
        except BaseException as error:  # KeyboardInterrupt, GeneratorExit, or a class of its own
            return wire.pack_error(ProblemError(f"the problem file raised {one_line(error)}"))

    def _to(self, request: dict[str, Any]) -> dict[str, Any]:
        match request["do"]:
            case "prepare":
                self._judge.prepare(request["source"])
                return {"prepared": True}
            case "judge":
                self._verdicts = self._judge.evaluate_many(request["source"], request["candidates"])
                return {"begun": True}
            case "next":
                found = next(self._verdicts, None)
                if found is None:
                    return {"end": True, "lost": self._judge.lost}
                index, verdict = found
                failed = (verdict.status is Status.HARNESS_ERROR and verdict.error) or ""
                if failed.startswith(OWN_FAILURE) and (blamed := self._blamed(failed)):
                    raise blamed
                return {"index": index, "verdict": wire.pack_verdict(verdict)}
            case "stop":
                self._verdicts.close()  # type: ignore[attr-defined]
                return {"end": True, "lost": self._judge.lost}
            case other:
                raise ValueError(f"no request {other!r}")

    def _blamed(self, failure: str) -> ProblemError | None:
        """What the problem did to the process, in which the judge then failed; None: nothing."""
        changed = self._before.changed()
        if not changed:
            return None
        return ProblemError(
            f"the problem file changed {changed} for its whole process, and the judge failed in "
            f"it: {failure}"
        )


def endless(timeout_s: float) -> str:
    return (
        f"get_inputs or Model took {timeout_s:g} s in the judge's own process for one answer, or "
        f"does not end (${TIMEOUT_VARIABLE} allows more)"
    )


def ended(how: str) -> str:
    return f"the problem file ended the process that loaded it ({how})"


def _how(error: SystemExit) -> str:
    """With the text that `sys.exit` was given, if it was."""
    if error.code is None or isinstance(error.code, int):
        return f"exit status {error.code or 0}"
    return f"exit status 1, saying: {one_line(error)}"
