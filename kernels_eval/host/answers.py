"""A judge's answers to what a `JudgeHost` asks, one request after the other."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from kernels_eval.copies import ending_copies
from kernels_eval.errors import OWN_FAILURE, ProblemError, UnforeseenProblemError
from kernels_eval.host import wire
from kernels_eval.host.changes import ProcessState
from kernels_eval.types import Status, Verdict

if TYPE_CHECKING:
    from kernels_eval.judge import Judge


class Answers:
    """Of one judge. Failures are answers, too."""

    def __init__(self, judge: Judge, before: ProcessState) -> None:
        """`before`: of the process, when no problem had been loaded."""
        self._judge = judge
        self._before = before
        self._verdicts: Iterator[tuple[int, Verdict]] = iter(())

    def to(self, request: dict[str, Any]) -> dict[str, Any]:
        try:
            with ending_copies():
                return self._to(request)
        except SystemExit as error:
            return wire.pack_error(ProblemError(ended(f"exit status {_code(error)}")))
        except KeyboardInterrupt as error:
            return wire.pack_error(ProblemError(f"the problem file raised {type(error).__name__}"))
        except Exception as error:
            if isinstance(error, ProblemError) and not isinstance(error, UnforeseenProblemError):
                return wire.pack_error(error)
            return wire.pack_error(self._blamed(str(error)) or error)

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


def ended(how: str) -> str:
    return f"the problem file ended the process that loaded it ({how})"


def _code(error: SystemExit) -> int:
    if error.code is None:
        return 0
    return error.code if isinstance(error.code, int) else 1
