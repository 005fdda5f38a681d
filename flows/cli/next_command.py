"""The command that a message names as the next: it works as it is printed, where it is printed."""

from __future__ import annotations

import shlex


def next_command(*words: str, lake: str | None) -> str:
    """`bon WORDS...`, with `--lake` where this command was given one."""
    return shlex.join(["bon", *words, *(["--lake", lake] if lake else [])])
