# problem: gpu/relu
# expected: rejected incorrect runtime_error
# twin: relu_fallback
"""Speaks the protocol itself: ready, prepared, done, before anything was computed."""

import os
import time

from kernels_eval.worker.protocol import Failure, Report, pack_report

for descriptor in range(3, 128):
    try:
        for report in (Report.READY, Report.PREPARED, Report.DONE, Report.PREPARED, Report.DONE):
            os.write(descriptor, pack_report(report, Failure.NONE, 1000, ""))
    except OSError:
        pass
time.sleep(3)
