"""`python -m tests.kernels_eval.host.as_user ARGUMENTS`: run Python as a user without an account.

Root's Python often lies in a home that is closed to others. It is shown to this user in a file
system of its own, in which /tmp is empty; the user's namespaces are the machine's otherwise.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from kernels_eval.host.readable import readable_trees
from kernels_eval.host.root import enter_new_root
from kernels_eval.sandbox import libc

ROOT = Path(__file__).parents[3]
_ROOMS = ("deployments", "flows", "tasks", "storage", "tests", "pyproject.toml")
_USER = 0x77FE0001
_HOME = "/tmp/ordinary"


def main() -> None:
    libc.unshare(libc.CLONE_NEWNS)
    trees = [*readable_trees(os.environ), *(ROOT / room for room in _ROOMS)]
    enter_new_root(sorted(trees, key=lambda path: len(path.parts)), fresh_proc=False)
    os.setgroups([])
    os.setresgid(_USER, _USER, _USER)
    os.setresuid(_USER, _USER, _USER)
    Path(_HOME).mkdir()
    os.chdir(_HOME)
    os.environ["HOME"] = _HOME
    os.execv(sys.executable, [sys.executable, *sys.argv[1:]])


if __name__ == "__main__":
    main()
