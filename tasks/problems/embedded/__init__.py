"""The embedded suite: 20 operators under the ids of the paper's eval split, in two sizes.

`embedded` (sizes for two CPU cores) and `embedded:kernelbench` (KernelBench's own sizes). Each file
states both; the loader sets the one line `SIZE = ...`, so that what is stored is what is judged.
"""

from __future__ import annotations

import re
from importlib.resources import files

from tasks.errors import RequestError
from tasks.problems.base import Problem, Suite, register_suite

SIZES = ("cpu", "kernelbench")
_SIZE_LINE = re.compile(r'^SIZE = "cpu"$', re.MULTILINE)


@register_suite("embedded")
def load_embedded(argument: str) -> Suite:
    """All embedded problems in the size `argument` ("" is "cpu")."""
    size = argument or "cpu"
    if size not in SIZES:
        raise RequestError(f"suite 'embedded' has sizes {', '.join(SIZES)}, not {size!r}")
    problems = []
    for entry in files(__package__).joinpath("level1").iterdir():
        stem, _, extension = entry.name.rpartition(".")
        if extension != "py" or not stem[0].isdigit():
            continue
        number, _, name = stem.partition("_")
        source, found = _SIZE_LINE.subn(f'SIZE = "{size}"', entry.read_text("utf-8"))
        if found != 1:
            raise ValueError(f'{entry.name} must state SIZE = "cpu" on exactly one line')
        suite = "embedded" if size == "cpu" else f"embedded:{size}"
        problems.append(Problem(suite, 1, int(number), name, source))
    return Suite(
        f"embedded:{size}" if argument else "embedded",
        tuple(sorted(problems, key=lambda p: p.problem_id)),
    )
