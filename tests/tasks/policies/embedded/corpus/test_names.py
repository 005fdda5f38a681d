"""Whatever names an author takes, the text still compiles: no clash with a name fixed in it."""

from __future__ import annotations

import ast
import random
import re
import subprocess

from tasks.policies.embedded.corpus.stream import approaches
from tasks.policies.embedded.corpus.style import Style, indent

SEEDS = 8
WRITTEN_IN_CPP = re.compile(r"r('''|\"\"\")\n(.*?)\1", re.DOTALL)
INCLUDE = re.compile(r"^\s*#include.*$", re.MULTILINE)


def test_every_author_of_every_approach_writes_what_compiles() -> None:
    """All C++ goes through the compiler at once, each text in a namespace of its own."""
    includes: set[str] = set()
    texts: list[str] = []
    for (problem_id, mode), choices in approaches().items():
        for approach in choices:
            for seed in range(SEEDS):
                persona = ["own", "chatty"][seed % 2]
                text = approach.write(Style(random.Random(seed), persona, 0.0))
                ast.parse(text if mode == "module" else f"def forward(self):\n{indent(text, 4)}")
                found = WRITTEN_IN_CPP.search(text)
                if found is None:
                    continue
                cpp = found[2]
                includes |= {line.strip() for line in INCLUDE.findall(cpp)}
                cpp = INCLUDE.sub("", cpp).replace('extern "C"', "")
                where = f'#line 1 "{problem_id} {mode} {approach.name} seed {seed}"'
                texts.append(f"namespace n{len(texts)} {{\n{where}\n{cpp}\n}}")
    assert len(texts) > 500
    source = "\n".join([*sorted(includes), *texts])
    command = ["g++", "-std=c++17", "-fsyntax-only", "-fopenmp", "-march=native", "-w", "-x", "c++"]
    done = subprocess.run([*command, "-"], input=source, text=True, capture_output=True)
    assert done.returncode == 0, done.stderr[:4000]
