"""Part of a suite, named behind its own name: `SUITE#level=1,split=eval42`.

It belongs to the name, so a profile, a run's row and `--suite` say the same thing.
"""

from __future__ import annotations

import random
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from tasks.errors import RequestError

Side = Literal["train", "eval"]

TRAIN_SHARE = 0.8
_KEYS = ("level", "split")
_SPLIT = re.compile(r"(train|eval)[:-]?(\d+)")


@dataclass(frozen=True)
class Split:
    """One side of a seeded split of a level's problems."""

    side: Side
    seed: int

    def ids(self, all_ids: Sequence[int]) -> frozenset[int]:
        """The ids on this side, of all those of one level.

        The paper's procedure (arXiv 2602.07670, its authors' published splits): the ids in
        ascending order, shuffled by Python's generator under the seed; the first 80 %, rounded
        down, are for training. Seed 42 gives its 20 evaluation problems.
        """
        shuffled = sorted(set(all_ids))
        random.Random(self.seed).shuffle(shuffled)
        n_train = int(TRAIN_SHARE * len(shuffled))
        return frozenset(shuffled[:n_train] if self.side == "train" else shuffled[n_train:])


@dataclass(frozen=True)
class Part:
    """What is taken of a suite; None takes all."""

    levels: frozenset[int] | None = None
    split: Split | None = None


def parse_part(text: str) -> Part:
    """Read what stands behind the `#`: `level=1+2`, `split=eval42`, with a comma between.

    Raises RequestError for anything else.
    """
    given: dict[str, str] = {}
    for item in filter(None, text.split(",")):
        key, equals, value = item.partition("=")
        if not equals or key not in _KEYS or key in given:
            raise RequestError(
                f"suite option {item!r} is unknown or comes twice; "
                "write SUITE#level=1+2,split=eval42 (either may be left out)"
            )
        given[key] = value
    levels = _levels(given["level"]) if "level" in given else None
    return Part(levels, _split(given["split"]) if "split" in given else None)


def with_part(spec: str, options: Mapping[str, str | None]) -> str:
    """`spec` with these options added; one that it has already is replaced. None adds nothing."""
    head, _, text = spec.partition("#")
    merged = dict(item.partition("=")[::2] for item in filter(None, text.split(",")))
    merged |= {key: value for key, value in options.items() if value is not None}
    return f"{head}#{','.join(f'{k}={v}' for k, v in merged.items())}" if merged else spec


def _levels(text: str) -> frozenset[int]:
    parts = text.split("+")
    if not all(part.isdecimal() for part in parts):
        raise RequestError(f"level={text}: write whole numbers with a plus, as in level=1+2")
    return frozenset(map(int, parts))


def _split(text: str) -> Split:
    found = _SPLIT.fullmatch(text)
    if not found:
        raise RequestError(f"split={text}: write a side and a seed, as in eval42 or train42")
    side: Side = "train" if found[1] == "train" else "eval"
    return Split(side, int(found[2]))
