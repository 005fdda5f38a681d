"""The comparison as plain data: what `bon drift --json` prints. Undefined is null."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Plain(BaseModel):
    model_config = ConfigDict(frozen=True)


class Change(Plain):
    """What moved, by how much. ratio: of times, above 1 is slower; low, high: its 95 % interval.

    kind: machine, reference or kernel. since: the first of the nights that moved. p: two-sided.
    alarm: whether p is small enough for all that is asked in a year.
    """

    kind: str
    problem: str | None
    source_hash: str | None
    since: str
    nights: int
    ratio: float
    low: float
    high: float
    p: float
    alarm: bool


class VerdictChange(Plain):
    """A kernel whose verdict is another one than in most nights before. It is an alarm."""

    problem: str
    source_hash: str
    before: str
    times: int
    now: str


class DriftDocument(Plain):
    """runs: those compared, oldest first; the last is set against the others.

    left_out: run → why it could not be compared. changes: of the machine, then of references and
    kernels in order of p. noticed: ratio of times that half of the kernels would have shown as an
    alarm, had they moved three nights ago; null with too few nights to say. differs: what else
    changed from the night before. alarms: a sentence for each. verdict: one sentence.
    """

    runs: list[str]
    left_out: dict[str, str]
    device: str
    kernels: int
    problems: int
    changes: list[Change]
    verdicts: list[VerdictChange]
    noticed: float | None
    differs: list[str]
    alarms: list[str]
    verdict: str
