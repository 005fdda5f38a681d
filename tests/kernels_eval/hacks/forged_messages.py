# problem: relu
# expected: rejected incorrect
"""Speaks the protocol itself: ready, prepared, done, before anything was computed."""

import os

from kernels_eval.worker.protocol import Failure, Report, pack_report

for descriptor in range(3, 64):
    try:
        for report in (Report.READY, Report.PREPARED, Report.DONE, Report.PREPARED, Report.DONE):
            os.write(descriptor, pack_report(report, Failure.NONE, 1000, ""))
    except OSError:
        pass
import time

time.sleep(3)
