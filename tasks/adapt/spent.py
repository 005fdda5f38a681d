"""What the draws of a round cost, and their verdicts, by arm and unit.

Equal sources are judged once, and paid for once: by the draw that came first, and by a draw within
an arm's budget before one that confirms. So the rows add up to what was spent.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from importlib.resources import files
from typing import Any

from storage import Lake
from storage.commit import commit
from tasks.adapt.numbering import STEP
from tasks.adapt.units import BASE_ARM, BATCH
from tasks.plan import Shard

Row = dict[str, Any]
Turns = Mapping[tuple[str, int, int, int], int]
"""When each draw's turn comes in the queue."""

COUNTS = (
    *("rollouts", "prompt_tokens", "prefill_tokens", "completion_tokens", "teacher_tokens"),
    *("trained_tokens", "evaluations", "seconds", "gpu_seconds"),
)

_CONFIRMED = re.compile(r"part-round-(\d+)-confirm-(\d+)\.parquet")


def write_spent(
    lake: Lake, run_id: str, step: int, queue: Sequence[Shard], *, confirm: int = 0
) -> None:
    """Append the round's rows to `spend`, once; those of draws that confirm again, with the new
    totals, when there are more of them.

    queue: the draws as they were judged. confirm: how many of them a problem has.
    """
    turns = {
        (*shard.problem_key, index): turn
        for turn, (shard, index) in enumerate(
            (shard, index) for shard in queue for index in shard.sample_indices
        )
    }
    draws = lake.sql(_query("spent"), [run_id]).to_pylist()
    own = [one for one in draws if one["step"] == step and one["purpose"] != "confirm"]
    if own and not is_over(lake, run_id, step):
        paid = _paid(lake, run_id, draws)
        rows = [*_sampling(own, "sample"), *_judging(own, paid, turns, "judge")]
        commit(lake, run_id, f"round-{step}", {"spend": rows})
    _write_anchors(lake, run_id, step)
    if confirm:
        _write_confirmed(lake, run_id, step, draws, turns, confirm)


def is_over(lake: Lake, run_id: str, step: int) -> bool:
    """Whether a round was drawn and judged, and its cost written down: its time is past."""
    return _is_written(lake, run_id, f"round-{step}")


def _write_anchors(lake: Lake, run_id: str, step: int) -> None:
    (spent,) = lake.sql(_query("spent_anchors"), [run_id], {"round": step}).to_pylist()
    if spent["evaluations"]:
        row = _row((BASE_ARM, BATCH, step), "anchor", **spent)
        name = f"round-{step}-anchors-{spent['evaluations']}"
        commit(lake, run_id, name, {"spend": [row]})


def _write_confirmed(
    lake: Lake, run_id: str, step: int, draws: Sequence[Row], turns: Turns, confirm: int
) -> None:
    name = f"round-{step}-confirm-{confirm}"
    if _is_written(lake, run_id, name):
        return
    own = [one for one in draws if one["step"] == step and one["purpose"] == "confirm"]
    known = _confirmed(lake, run_id).get(step, 0)
    new = [one for one in own if one["sample_index"] % STEP >= known]
    judging = {
        _place(row): row
        for row in _judging(new, _paid(lake, run_id, draws), turns, "confirm_judge")
    }
    for before in lake.sql(_BEFORE, [run_id], {"step": step}).to_pylist():
        total = judging.setdefault(_place(before), _row(_place(before), "confirm_judge"))
        for count in ("evaluations", "seconds", "gpu_seconds"):
            total[count] += before[count]
    commit(lake, run_id, name, {"spend": [*_sampling(own, "confirm"), *judging.values()]})


_BEFORE = """
    SELECT * FROM spend WHERE stage = 'confirm_judge' AND step = $step
    QUALIFY row_number() OVER (PARTITION BY arm, unit, step ORDER BY sequence DESC) = 1
"""


def _is_written(lake: Lake, run_id: str, part: str) -> bool:
    return any(path.name == f"part-{part}.parquet" for path in lake.parts("spend", run_id))


def _confirmed(lake: Lake, run_id: str) -> dict[int, int]:
    """Round → draws of a problem that confirm and are written down already."""
    found: dict[int, int] = {}
    for path in lake.parts("spend", run_id):
        if match := _CONFIRMED.fullmatch(path.name):
            step, draws = int(match[1]), int(match[2])
            found[step] = max(found.get(step, 0), draws)
    return found


def _paid(lake: Lake, run_id: str, draws: Iterable[Row]) -> set[tuple[Any, ...]]:
    """Sources of draws that are written down already, whose verdicts have been paid for."""
    names = {path.name for path in lake.parts("spend", run_id)}
    confirmed = _confirmed(lake, run_id)

    def written(one: Row) -> bool:
        if one["purpose"] == "confirm":
            return bool(one["sample_index"] % STEP < confirmed.get(one["step"], 0))
        return f"part-round-{one['step']}.parquet" in names

    return {_source(one) for one in draws if written(one)}


def _sampling(draws: Sequence[Row], stage: str) -> Iterator[Row]:
    for place, own in _by_place(draws).items():
        yield _row(
            place,
            stage,
            rollouts=len(own),
            prompt_tokens=_sum(own, "n_prompt_tokens"),
            completion_tokens=_sum(own, "n_tokens"),
            seconds=_sum(own, "sample_seconds"),
        )


def _judging(
    draws: Sequence[Row], paid: set[tuple[Any, ...]], turns: Turns, stage: str
) -> Iterator[Row]:
    last = len(turns)

    def turn(one: Row) -> int:
        key = (one["suite"], one["level"], one["problem_id"], one["sample_index"])
        return turns.get(key, last)

    paying: dict[tuple[Any, ...], Row] = {}
    for one in sorted(draws, key=turn):
        if _source(one) not in paid:
            paying.setdefault(_source(one), one)
    for place, own in _by_place(list(paying.values())).items():
        yield _row(
            place,
            stage,
            evaluations=_sum(own, "evaluations"),
            seconds=_sum(own, "judge_seconds"),
            gpu_seconds=_sum(own, "judge_gpu_seconds"),
        )


def _by_place(draws: Sequence[Row]) -> dict[tuple[str, str, int], list[Row]]:
    found: dict[tuple[str, str, int], list[Row]] = {}
    for one in draws:
        found.setdefault(_place(one), []).append(one)
    return found


def _place(one: Row) -> tuple[str, str, int]:
    return (one["arm"], one["unit"], one["step"])


def _source(one: Row) -> tuple[Any, ...]:
    return (one["suite"], one["level"], one["problem_id"], one["source_hash"])


def _sum(rows: Sequence[Row], column: str) -> Any:
    return sum(row[column] or 0 for row in rows)


def _row(place: tuple[str, str, int], stage: str, **counts: Any) -> Row:
    arm, unit, step = place
    return {
        "arm": arm,
        "unit": unit,
        "step": step,
        "stage": stage,
        **dict.fromkeys(COUNTS, 0),
        **counts,
        "spent_at": datetime.now(UTC),
    }


def _query(name: str) -> str:
    return files("tasks.adapt").joinpath(f"{name}.sql").read_text(encoding="utf-8")
