"""An adaptation whose parts each want one GPU of a Ray that has some, on a machine without: Ray's
accounts are real, and so are the processes. Writes who was there when.

    python -m tests.end_to_end.in_turns PROFILE LAKE GPUS OUT
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import ray
from ray._private import state

from flows import adapt_engines
from flows.adapt import bon_adapt
from flows.adapt_request import AdaptRequest
from tasks.adapt.turns import Holding

ROLES = {"_PolicyActor": "policy", "JudgeActor": "judges", "_TrainerActor": "trainer"}


def _each_wants_one(request: AdaptRequest, there: int) -> Holding:
    del request
    return Holding(policy=1, judges=1, trainer=1, there=there)


def main(profile: str, lake: str, gpus: str, out: str) -> None:
    adapt_engines.holding_of = _each_wants_one
    ray.init(address="local", num_gpus=int(gpus), include_dashboard=False, log_to_driver=False)
    bon_adapt(profile=profile, lake=lake, run="whole")
    there = [
        [ROLES[one["ActorClassName"]], one["StartTime"], one["EndTime"]]
        for one in state.actors().values()
        if one["ActorClassName"] in ROLES
    ]
    Path(out).write_text(json.dumps(there))


if __name__ == "__main__":
    main(*sys.argv[1:])
