"""Chains of thought: where a reasoning model stops thinking, and where its answer lies.

Two manners are known. Marks: `<think>` … `</think>` and the like (`MARKS`, in capitals or not)
around the thought, the answer behind it; a chat template may have written the opening mark already.
Harmony (gpt-oss): messages on channels, `<|channel|>analysis<|message|>` … `<|end|>`, the answer on
the channel `final`.

Code may hold any of these words, in a string or a comment. So a mark counts only where a model puts
it: at the beginning, behind the message before, or outside of code that parses.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from string import ascii_lowercase, ascii_uppercase

_TEMPLATES = (
    ("<think>", "</think>"),
    ("<thinking>", "</thinking>"),
    ("<seed:think>", "</seed:think>"),
    ("[THINK]", "[/THINK]"),
    ("<|START_THINKING|>", "<|END_THINKING|>"),
    ("<|begin_of_thought|>", "<|end_of_thought|>"),
)
"""Of models that were trained to think: a prompt may end with the opening one."""
_ASKED = (
    "thought",
    "thoughts",
    "reasoning",
    "reason",
    "reflection",
    "analysis",
    "scratchpad",
    "scratch_pad",
    "inner_monologue",
)
"""Of prompts that ask for a thought. Such a tag closes only what it opened: it may also stand
behind the answer, around what explains it."""
MARKS = (*_TEMPLATES, *((f"<{name}>", f"</{name}>") for name in _ASKED))
_MARKS = tuple((start.lower(), end.lower()) for start, end in MARKS)
_STARTS = tuple(start for start, _ in _MARKS)
_CLOSING = {end for _, end in _MARKS}
_LOWER = str.maketrans(ascii_uppercase, ascii_lowercase)
HARMONY = "<|channel|>"
"""A vocabulary with this token speaks Harmony: its special tokens must stay in the text."""

_START = "<|start|>"
_ENDS = ("<|end|>", "<|return|>", "<|call|>")
_LAST = ("</s>", "<eos>", "<end_of_turn>", "</answer>")
_HEADS = {"start", "channel", "message", "constrain"}
_LONGEST = 40
"""Characters of an end token."""
# Bounded, so that no text makes the search slower than its length.
_HEADER = re.compile(
    r"(?:<\|start\|>[^\n<]{0,100})?<\|channel\|>(\w{1,32})"
    r"[^\n<]{0,100}(?:<\|constrain\|>[^\n<]{0,100})?<\|message\|>"
)
# What is left of Harmony where a server has dropped the special tokens.
_BARE_HARMONY = re.compile(r"\A(?:analysis|commentary)\s?\S")
_BARE_FINAL = "assistantfinal"


def opens_thought(prompt: str) -> bool:
    """Whether the prompt ends inside a thought: the completion then starts in it, unmarked."""
    return prompt.rstrip().translate(_LOWER).endswith(_STARTS)


def before_end_tokens(completion: str) -> int:
    """Where the tokens and tags begin that end the completion; its length without any."""
    lower = completion.translate(_LOWER)
    kept = end = len(lower)
    while True:
        while end > 0 and lower[end - 1].isspace():
            end -= 1
        first = max(0, end - _LONGEST)
        if lower.endswith(_LAST, first, end):
            end = lower.rindex("<", first, end)
        elif lower.endswith(("|>", "\uff5c>"), first, end):
            at = max(lower.rfind("<|", first, end), lower.rfind("<\uff5c", first, end))
            name = lower[at + 2 : end - 2].replace("\u2581", "_")
            if at < 0 or not name.isidentifier() or name in _HEADS or lower[at:end] in _CLOSING:
                return kept
            end = at
        else:
            return kept
        kept = end


def answer_span(
    completion: str,
    *,
    thinking: bool = False,
    in_code: Callable[[int], bool] = lambda position: False,  # noqa: ARG005
) -> tuple[int, int]:
    """(start, end) of the answer in characters; empty, at the end, if the thought never ended.

    thinking: the completion starts inside a thought (see `opens_thought`).
    in_code: whether a position lies in code that parses, which no thought ends in.
    """
    length = len(completion)
    head = _blank(completion)
    if completion.startswith((HARMONY, _START), head):
        return _final_message(completion)
    if _BARE_HARMONY.match(completion) and _BARE_FINAL in completion:
        return completion.rindex(_BARE_FINAL) + len(_BARE_FINAL), length
    lower = completion.translate(_LOWER)  # of ASCII alone: every character keeps its place
    begun = thinking or lower.startswith(_STARTS, head)
    start = _behind_thought(lower, 0) if begun else _behind_unopened(lower, in_code)
    if start is None:
        return (length, length) if begun else (0, length)
    # Another thought may follow at once.
    while lower.startswith(_STARTS, _blank(lower, start)):
        further = _behind_thought(lower, start)
        if further is None:
            return length, length
        start = further
    return start, length


def _behind_thought(completion: str, start: int) -> int | None:
    """Behind the first closing mark from `start` on: of the kind that opened, else of any."""
    head = _blank(completion, start)
    kinds = [end for mark, end in _MARKS if completion.startswith(mark, head)]
    found = [
        (at, end)
        for end in kinds or [end for _, end in _MARKS]
        if (at := completion.find(end, start)) >= 0
    ]
    if not found:
        return None
    at, end = min(found)
    return _next_line(completion, at + len(end))


def _behind_unopened(completion: str, in_code: Callable[[int], bool]) -> int | None:
    """Behind the last mark that closes a thought which the prompt opened unknown to us."""
    found = [
        (at, len(end))
        for _, end in _MARKS[: len(_TEMPLATES)]
        if (at := _last(completion, end, in_code)) is not None
    ]
    if not found:
        return None
    at, width = max(found)
    return _next_line(completion, at + width)


def _last(completion: str, mark: str, in_code: Callable[[int], bool]) -> int | None:
    at = completion.rfind(mark)
    while at >= 0 and in_code(at):
        at = completion.rfind(mark, 0, at)
    return at if at >= 0 else None


def _final_message(completion: str) -> tuple[int, int]:
    length = len(completion)
    # Within a message the same words are its text: the next one begins with `<|start|>`.
    first = _blank(completion)
    headers = [
        found
        for found in _HEADER.finditer(completion)
        if found.start() == first or found[0].startswith(_START)
    ]
    finals = [index for index, found in enumerate(headers) if found[1] == "final"]
    if not finals:
        return length, length
    last = finals[-1]
    start = headers[last].end()
    end = headers[last + 1].start() if last + 1 < len(headers) else length
    shown = completion[start:end].rstrip()
    mark = next((mark for mark in _ENDS if shown.endswith(mark)), None)
    return start, start + len(shown) - len(mark) if mark else end


def _blank(text: str, start: int = 0) -> int:
    """The first position from `start` on that is no white space."""
    while start < len(text) and text[start].isspace():
        start += 1
    return start


def _next_line(text: str, start: int) -> int:
    while start < len(text) and text[start] in "\r\n":
        start += 1
    return start
