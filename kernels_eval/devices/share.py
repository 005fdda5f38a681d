"""Free memory divided between answers that are kept and workers that are ahead."""

from __future__ import annotations

from kernels_eval.devices.base import Shares

_FEW_SETS = 4


def divide(room: int, each: int, kept: int, wanted: int, most: int, spare: int) -> Shares:
    """Shares of `room` bytes, in the order of what they save; at least one worker and one set.

    The first worker beside the one being measured saves a whole import and first call per
    candidate, a few answers kept save as many drawings each, more workers hide what takes them
    longer than usual, and with `wanted` answers kept nothing is drawn any more. `each`: bytes of a
    worker ahead; `kept`: of an answer; `most`: workers at most; `spare`: bytes the answers get at
    most of what is left in the end.
    """
    workers, sets = 1, 1
    room -= kept
    few = min(_FEW_SETS, wanted)
    for workers_then, sets_then in ((2, 1), (2, few), (4, few), (4, wanted), (most, wanted)):
        while workers < min(workers_then, most) and room >= each:
            workers, room = workers + 1, room - each
        while sets < sets_then and room >= kept:
            sets, room = sets + 1, room - kept
    return Shares(workers, sets * kept + max(0, min(room, spare - sets * kept)))
