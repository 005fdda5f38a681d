"""Judges that cost nothing and die when they are told to: by a source's text."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator, Sequence
from pathlib import Path

from kernels_eval import Verdict
from kernels_eval.errors import HarnessError
from tasks.evaluate.actor import InstantJudgeActor
from tasks.evaluate.stations import Station

DIE = "die"
STOP = "stop"
BREAK = "break"


class FrailJudgeActor(InstantJudgeActor):
    """Has several sources under way, as a judge does: it delivers the two before one first."""

    def evaluate_many(
        self, problem_source: str, sources: Sequence[str]
    ) -> Iterator[tuple[int, Verdict]]:
        for index, verdict in super().evaluate_many(problem_source, sources):
            fate = next((word for word in sources[index : index + 3] if word in FATES), "")
            if fate == DIE:
                os.kill(os.getpid(), signal.SIGKILL)
            if fate == STOP:
                os.kill(os.getpid(), signal.SIGSTOP)
            if fate == BREAK:
                raise OSError("no space left on device")
            yield index, verdict


FATES = (DIE, STOP, BREAK)


class LateJudgeActor(InstantJudgeActor):
    """Does not start before the file of this name is there: what it lacks is not the request's."""

    may_start = ""

    def ready(self, station: Station | None = None) -> int:
        if not Path(self.may_start).exists():
            raise HarnessError("the judge did not start within 180 s")
        return super().ready(station)
