"""The judge in a container: what callers with secrets use in place of `Judge`."""

from __future__ import annotations

from kernels_eval.host.judge_host import JudgeEndedError, JudgeHost, available

__all__ = ["JudgeEndedError", "JudgeHost", "available"]
