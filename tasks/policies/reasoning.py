"""Chains of thought: where a reasoning model stops thinking, and where its answer lies.

Two manners are known. Marks: `<think>` … `</think>` and the like around the thought, the answer
behind it; a chat template may have written the opening mark already. Harmony (gpt-oss): messages
on channels, `<|channel|>analysis<|message|>` … `<|end|>`, the answer on the channel `final`.
"""

from __future__ import annotations

import re

MARKS = (
    ("<think>", "</think>"),
    ("<thinking>", "</thinking>"),
    ("<seed:think>", "</seed:think>"),
    ("[THINK]", "[/THINK]"),
    ("<|START_THINKING|>", "<|END_THINKING|>"),
    ("<|begin_of_thought|>", "<|end_of_thought|>"),
)
HARMONY = "<|channel|>"
"""A vocabulary with this token speaks Harmony: its special tokens must stay in the text."""

_MESSAGE = re.compile(
    r"<\|channel\|>(?P<channel>\w+)(?:(?!<\|message\|>).)*<\|message\|>"
    r"(?P<text>.*?)(?P<end><\|(?:end|return|call|start)\|>|\Z)",
    re.DOTALL,
)
# What is left of Harmony where a server has dropped the special tokens.
_BARE_HARMONY = re.compile(r"\A(?:analysis|commentary)\s?\S")
_BARE_FINAL = "assistantfinal"


def opens_thought(prompt: str) -> bool:
    """Whether the prompt ends inside a thought: the completion then starts in it, unmarked."""
    tail = prompt.rstrip()
    return any(tail.endswith(start) for start, _ in MARKS)


def answer_span(completion: str, *, thinking: bool = False) -> tuple[int, int]:
    """(start, end) of the answer in characters; empty, at the end, if the thought never ended.

    thinking: the completion starts inside a thought (see `opens_thought`).
    """
    length = len(completion)
    if HARMONY in completion:
        finals = [m for m in _MESSAGE.finditer(completion) if m["channel"] == "final"]
        return finals[-1].span("text") if finals else (length, length)
    if _BARE_HARMONY.match(completion) and _BARE_FINAL in completion:
        return completion.rindex(_BARE_FINAL) + len(_BARE_FINAL), length
    ends = [(completion.rfind(end), len(end)) for _, end in MARKS]
    last, width = max(ends)
    if last >= 0:
        behind = last + width
        return behind + _line_ends(completion[behind:]), length
    begun = thinking or any(completion.lstrip().startswith(start) for start, _ in MARKS)
    return (length, length) if begun else (0, length)


def _line_ends(text: str) -> int:
    return len(text) - len(text.lstrip("\r\n"))
