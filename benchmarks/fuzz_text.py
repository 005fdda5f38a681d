"""Does anything that a model may write break extraction, or change its meaning?

    python benchmarks/fuzz_text.py --count 2000 --out benchmarks/records     (`make fuzz-text`)

The code is the standard library's. Every function's body goes through `body` mode four ways: as it
stands there, at the margin, as a whole `def forward`, and as one with other parameter names. Whole
modules and bodies go through extraction in completions as models write them: fenced (also in lists,
behind text, quoted, within Markdown, left open, before end tokens), behind thoughts of every
manner, with fences and closing tokens inside the code. What comes out is compared with what went in
as a syntax tree. Random cuts and splices of such completions must raise nothing. Long texts of
repeated marks must take no more than proportional time: sixteen times the length, and less than
forty times as long. Exit status 1 if any failed.
"""

from __future__ import annotations

import argparse
import ast
import json
import platform
import random
import sys
import sysconfig
import textwrap
import time
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from tasks.policies.extract import extract_code, find_code  # noqa: E402
from tasks.policies.reasoning import MARKS  # noqa: E402
from tasks.policies.scaffold import scaffold_body  # noqa: E402
from tasks.problems.base import Problem  # noqa: E402

Function = ast.FunctionDef | ast.AsyncFunctionDef

PROBLEM = Problem(
    suite="fuzz",
    level=1,
    problem_id=1,
    name="1_Fuzz",
    source=(
        "import torch.nn as nn\n\n\nclass Model(nn.Module):\n    def forward(self, x, *others):\n"
        "        return x\n\n\ndef get_inputs():\n    return []\n\n\ndef get_init_inputs():\n"
        "    return []\n"
    ),
)
INSIDE = (
    'NOTE = """\n```python\nsketch()\n```\n"""\n',
    'NOTE = """\n~~~\nsketch\n~~~\n"""\n',
    "END = '</think>'\n",
    "# strip </think> and <|channel|>final<|message|> first\n",
    "TOKENS = ('<|channel|>', '<|end|>', '<|start|>', '[/THINK]', '<think>')\n",
)
"""What code about language models may hold."""
ENDS = ("<|im_end|>", "</s>", "<|end|>", "<|endoftext|>", "<|eot_id|>", "</answer>", " Done.")
"""What may follow the fence that closes."""


def modules() -> Iterator[tuple[str, str]]:
    """(name, text) of every module of the standard library that parses, tests left out."""
    home = Path(sysconfig.get_paths()["stdlib"])
    for path in sorted(home.rglob("*.py")):
        parts = path.relative_to(home).parts
        if {"test", "tests", "site-packages", "lib2to3"} & set(parts):
            continue
        try:
            text = path.read_text("utf-8")
            ast.parse(text)
        except (UnicodeDecodeError, SyntaxError):
            continue
        yield "/".join(parts), text


def bodies(text: str) -> Iterator[tuple[Function, str]]:
    """Every function with the lines of its body, as they stand there."""
    lines = text.split("\n")
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, Function) and node.body[0].lineno > node.lineno:
            first, last = node.body[0].lineno, node.end_lineno or node.lineno
            decorators = getattr(node.body[0], "decorator_list", [])
            first = min([first, *(one.lineno for one in decorators)])
            if not lines[first - 1][: node.body[0].col_offset].strip():
                yield node, "\n".join(lines[first - 1 : last])


def dumped(nodes: list[ast.stmt]) -> str:
    return ast.dump(ast.Module(nodes, []))


def forward_of(source: str) -> ast.FunctionDef:
    """`ModelNew.forward` in a module."""
    (model,) = (n for n in ast.parse(source).body if getattr(n, "name", "") == "ModelNew")
    return next(n for n in model.body if getattr(n, "name", "") == "forward")  # type: ignore[attr-defined]


def wrapped(code: str, rng: random.Random) -> str:
    """A completion as a model may write it; what it answers is `code`."""
    sketch = "```python\nclass ModelNew:\n    sketch = True\n```\n"
    listed = "1. The kernel:\n\n" + textwrap.indent(
        f"```python\n{code}```\n", "   ", lambda _: True
    )
    quoted = "".join(f"> {line}".rstrip(" ") + "\n" for line in f"```python\n{code}```".split("\n"))
    end = rng.choice(ENDS)
    answer = rng.choice(
        [
            code,
            f"```python\n{code}```",
            f"Sure.\n\n```py\n{code}```\nIt is fast.",
            f"```\n{code}```\n",
            f"~~~python\n{code}~~~\n",
            f"`````python\n{code}`````\n",
            f"The code: ```python\n{code}```\n",
            f"```python\n{code}",
            listed,
            f"```python\n{code}```{end}",
            f"{code}{end}" if end.startswith("<") else code,
            f"````markdown\n```python\n{code}```\n````\n",
            f"Here:\n\n{quoted}\nIt is fast.",
        ]
    )
    opened, closed = rng.choice(MARKS)
    if rng.random() < 0.2:
        opened, closed = opened.upper(), closed.upper()
    thought = f"Let me see.\n{sketch}So."
    before = rng.choice(
        [
            "",
            "",
            f"{opened}\n{thought}\n{closed}\n\n",
            f"{opened}{thought}{closed}{opened}again{closed}\n",
            f"<|channel|>analysis<|message|>{thought}<|end|><|start|>assistant"
            "<|channel|>final<|message|>",
        ]
    )
    return before + answer


def with_marks(code: str, rng: random.Random) -> str:
    """The code with words in it that mean something to whoever reads completions."""
    return code.rstrip("\n") + "\n\n\n" + "".join(rng.sample(INSIDE, rng.randint(0, len(INSIDE))))


def slow_texts(n: int) -> dict[str, str]:
    """Texts of about n repeated marks, each the worst for some search."""
    return {
        "channels": "<|channel|>final" * n,
        "channels and letters": "<|start|><|channel|>" + "a" * n + "<|channel|>b" * n,
        "open messages": "<|channel|>final<|message|>" * n,
        "thoughts": "<think>" * n,
        "closed thoughts": "<think></think>" * n,
        "closing marks": "</think>" * n,
        "closing marks in code": "```python\n" + "x = '</think>'\n" * n + "```\n",
        "fences": "```python\n" * n,
        "fence pairs": "```python\nx = 1\n```\n" * n,
        "broken blocks": "```python\nx = (\n```\n" * n,
        "a long language": "```" + "a" * n + "`\n",
        "a long fence": "`" * n + "x`\n",
        "blanks": "```" + " " * n + "`\n",
        "blank lines": "```python\n" + "\n" * n + "```\n",
        "fences behind text": "a ```python " * n,
        "brackets": "```python\n" + "(" * n + "\n```\n",
        "end tokens": "```python\nx = 1\n```" + "<|a|></s>\n" * n,
        "quoted lines": "> ```python\n" + "> > x\n" * n,
        "Markdown": "```markdown\n" * n,
        "quotes": '```python\n"""\n' * n,
    }


class Findings:
    """What went wrong, and how much was tried."""

    def __init__(self) -> None:
        self.tried: Counter[str] = Counter()
        self.failures: list[dict[str, str]] = []

    def check(self, kind: str, name: str, wrong: Callable[[], str | None]) -> None:
        """`wrong` tells what is, or raises."""
        self.tried[kind] += 1
        try:
            why = wrong()
        except Exception as error:  # what is looked for
            why = f"{type(error).__name__}: {error}"
        if why:
            self.failures.append({"kind": kind, "of": name, "why": why[:500]})


def body_mode(found: Findings, name: str, node: Function, text: str) -> None:
    """One function's body, four ways."""
    wanted = dumped(node.body)
    margin = textwrap.dedent(text) if '"""' not in text and "'''" not in text else text

    def same(body: str) -> str | None:
        got = dumped(forward_of(scaffold_body(PROBLEM, body)).body)
        return None if got == wanted else "another tree"

    def renamed() -> str | None:
        body = f"def forward(self, first, second=None):\n{indented}\n"
        forward = forward_of(scaffold_body(PROBLEM, body))
        names = [one.arg for one in forward.args.args]
        if names != ["self", "first", "second"]:
            return f"parameters {names}"
        return None if dumped(forward.body) == wanted else "another tree"

    found.check("body as it stands", name, lambda: same(text))
    found.check("body at the margin", name, lambda: same(margin))
    indented = text
    own = len(text) - len(text.lstrip(" "))
    if own:
        prefix = " " * (own - 1)
        whole = f"{prefix}def forward(self, x):\n{text}\n"
        if not any(isinstance(one, ast.AsyncFor | ast.Await) for one in ast.walk(node)):
            found.check("a whole forward", name, lambda: same(whole))
        found.check("other parameters", name, renamed)


def extraction(found: Findings, name: str, code: str, rng: random.Random, *, body: bool) -> None:
    """One completion around the code."""
    marked = with_marks(code, rng) if not body else code
    completion = wrapped(marked, rng)

    def same() -> str | None:
        got = extract_code(completion)
        if body:
            got = "if True:\n" + got if got[:1] in " \t" else got
            wanted = "if True:\n" + marked if marked[:1] in " \t" else marked
        else:
            wanted = marked
        return None if ast.dump(ast.parse(got)) == ast.dump(ast.parse(wanted)) else "another tree"

    found.check("a body in a completion" if body else "a module in a completion", name, same)


def broken(found: Findings, completions: list[str], count: int, rng: random.Random) -> None:
    """Cuts and splices: nothing may be raised, and the span must lie within."""
    signs = [*"`~<|>\n \t\r\x00\x0c\x85\u2028\ud800\\'\"#()", "```", "</think>", "<|channel|>"]
    for index in range(count):
        one, other = rng.choice(completions), rng.choice(completions)
        text = one[: rng.randrange(len(one) + 1)] + other[rng.randrange(len(other) + 1) :]
        for _ in range(rng.randrange(8)):
            at = rng.randrange(len(text) + 1)
            text = text[:at] + rng.choice(signs) * rng.choice((1, 1, 3, 50)) + text[at:]
        thinking = rng.random() < 0.3

        def wrong(text: str = text, *, thinking: bool = thinking) -> str | None:
            code = find_code(text, thinking=thinking)
            scaffold_body(PROBLEM, code.text)
            scaffold_body(PROBLEM, text)
            return None if 0 <= code.start <= code.end <= len(text) else "a span outside"

        found.check("broken completions", str(index), wrong)


def growth(found: Findings) -> dict[str, float]:
    """Seconds of this process (not of others beside it) for the longest texts."""
    took: dict[str, float] = {}

    def seconds(text: str) -> float:
        started = time.process_time()
        scaffold_body(PROBLEM, extract_code(text))
        return time.process_time() - started

    for name, long in slow_texts(16_000).items():

        def wrong(name: str = name, long: str = long) -> str | None:
            short = max(seconds(slow_texts(1_000)[name]), 0.005)
            took[name] = round(seconds(long), 3)
            return None if took[name] < 40 * short else f"{short:.3f} s, then {took[name]:.3f} s"

        found.check("growth", name, wrong)
    return took


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--count", type=int, default=2000, help="completions of each kind")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--every", type=int, default=1, help="take every n-th module")
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks" / "records")
    given = parser.parse_args()
    rng, found, started = random.Random(given.seed), Findings(), time.monotonic()
    sources = list(modules())[:: given.every]
    texts: list[str] = []
    for name, text in sources:
        for node, body in bodies(text):
            where = f"{name}:{node.lineno}"
            body_mode(found, where, node, body)
            texts.append(body)
    print(
        f"{time.monotonic() - started:7.1f} s", dict(found.tried), len(found.failures), flush=True
    )
    small = [one for one in sources if len(one[1]) < 40_000]
    for _ in range(given.count):
        name, text = rng.choice(small)
        extraction(found, name, text.rstrip() + "\n", rng, body=False)
        extraction(found, "body", rng.choice(texts).rstrip() + "\n", rng, body=True)
    completions = [wrapped(with_marks(rng.choice(texts) + "\n", rng), rng) for _ in range(200)]
    broken(found, completions, given.count, rng)
    longest = growth(found)
    document = {
        "question": "does anything that a model may write break extraction, or change its meaning",
        "tried": dict(found.tried),
        "failures": found.failures,
        "seconds_for_16000_marks": longest,
        "seed": given.seed,
        "modules": len(sources),
        "seconds": round(time.monotonic() - started, 1),
        "versions": {"python": platform.python_version()},
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
    }
    (given.out / "fuzz_text.json").write_text(json.dumps(document, indent=2) + "\n")
    print(json.dumps(document | {"failures": found.failures[:10]}, indent=2))
    return 1 if found.failures else 0


if __name__ == "__main__":
    sys.exit(main())
