"""`python -m kernels_eval.host DESCRIPTOR`: the process that a `JudgeHost` starts."""

from __future__ import annotations

import sys

from kernels_eval.host.monitor import main
from kernels_eval.host.serve import serve

if __name__ == "__main__":
    main(int(sys.argv[1]), serve)
