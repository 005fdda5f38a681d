# problem: relu
# expected: runtime_error
"""Success by exit status."""

import os

os._exit(0)
