"""What the draws of a round cost, and their verdicts, by arm and unit."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from importlib.resources import files
from typing import Any

from storage import Lake
from storage.commit import commit
from tasks.plan import Shard

Row = dict[str, Any]

COUNTS = (
    *("rollouts", "prompt_tokens", "prefill_tokens", "completion_tokens", "teacher_tokens"),
    *("trained_tokens", "evaluations", "seconds", "gpu_seconds"),
)


def write_spent(lake: Lake, run_id: str, step: int, queue: Sequence[Shard]) -> None:
    """Append the round's rows to `spend`, once.

    queue: the draws as they were judged. A verdict is made once for all arms whose draws are the
    same text, and paid for by the draw that came first: so the rows add up to what was spent.
    """
    query = files("tasks.adapt").joinpath("spent.sql").read_text(encoding="utf-8")
    draws = lake.sql(query, [run_id], {"step": step}).to_pylist()
    turns = {
        (*shard.problem_key, index): turn
        for turn, (shard, index) in enumerate(
            (shard, index) for shard in queue for index in shard.sample_indices
        )
    }
    rows = [*_sampling(draws, step), *_judging(draws, step, turns)]
    commit(lake, run_id, f"round-{step}", {"spend": rows})


def _sampling(draws: Sequence[Row], step: int) -> Iterator[Row]:
    for place, own in _by_place([one for one in draws if one["step"] == step]).items():
        yield _row(
            place,
            "sample",
            rollouts=len(own),
            prompt_tokens=_sum(own, "n_prompt_tokens"),
            completion_tokens=_sum(own, "n_tokens"),
            seconds=_sum(own, "sample_seconds"),
        )


def _judging(
    draws: Sequence[Row], step: int, turns: Mapping[tuple[str, int, int, int], int]
) -> Iterator[Row]:
    earlier = {_source(one) for one in draws if one["step"] < step}
    last = len(turns)

    def turn(one: Row) -> int:
        key = (one["suite"], one["level"], one["problem_id"], one["sample_index"])
        return turns.get(key, last)

    paying: dict[tuple[Any, ...], Row] = {}
    for one in sorted((one for one in draws if one["step"] == step), key=turn):
        if _source(one) not in earlier:
            paying.setdefault(_source(one), one)
    for place, own in _by_place(list(paying.values())).items():
        yield _row(
            place,
            "judge",
            evaluations=_sum(own, "evaluations"),
            seconds=_sum(own, "judge_seconds"),
            gpu_seconds=_sum(own, "judge_gpu_seconds"),
        )


def _by_place(draws: Sequence[Row]) -> dict[tuple[str, str, int], list[Row]]:
    found: dict[tuple[str, str, int], list[Row]] = {}
    for one in draws:
        found.setdefault((one["arm"], one["unit"], one["step"]), []).append(one)
    return found


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
