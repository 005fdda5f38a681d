"""A problem, a suite, and the registry of suites: adding one is one file with one decorator."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

from tasks.errors import RequestError
from tasks.problems.narrow import Part, parse_part


@dataclass(frozen=True)
class Problem:
    """One KernelBench-format file: `Model`, `get_inputs`, `get_init_inputs`."""

    suite: str
    level: int
    problem_id: int
    name: str
    source: str

    @property
    def key(self) -> tuple[str, int, int]:
        """(suite, level, problem_id): what rows of the lake call it."""
        return (self.suite, self.level, self.problem_id)

    @cached_property
    def problem_hash(self) -> str:
        """SHA-256 of the source, 16 hex digits: what an evaluation is an evaluation of."""
        return hashlib.sha256(self.source.encode()).hexdigest()[:16]


@dataclass(frozen=True)
class Suite:
    """A named set of problems, in order of (level, id)."""

    name: str
    problems: tuple[Problem, ...]

    def select(self, ids: Sequence[int] | None) -> tuple[Problem, ...]:
        """The problems with these ids, in suite order; all if None.

        Raises RequestError that names the first unknown id and the known ones.
        """
        if ids is None:
            return self.problems
        known = sorted({problem.problem_id for problem in self.problems})
        for wanted in ids:
            if wanted not in known:
                listed = ", ".join(map(str, known[:30])) + (" …" if len(known) > 30 else "")
                raise RequestError(
                    f"suite {self.name!r} has no problem {wanted}; it has {listed} "
                    f"(`bon problems {self.name}` lists them)"
                )
        return tuple(p for p in self.problems if p.problem_id in set(ids))

    def narrowed(self, part: Part) -> tuple[Problem, ...]:
        """The problems of this part, in suite order; splits are made within each level.

        Raises RequestError for a level that the suite lacks.
        """
        known = sorted({problem.level for problem in self.problems})
        unknown = sorted((part.levels or frozenset()) - set(known))
        if unknown:
            raise RequestError(
                f"suite {self.name!r} has no level {unknown[0]}; it has "
                f"{', '.join(map(str, known))}"
            )
        chosen = tuple(p for p in self.problems if not part.levels or p.level in part.levels)
        if part.split is None:
            return chosen
        ids = {level: [p.problem_id for p in chosen if p.level == level] for level in known}
        sides = {level: part.split.ids(of_level) for level, of_level in ids.items()}
        return tuple(p for p in chosen if p.problem_id in sides[p.level])


SuiteLoader = Callable[[str], Suite]
"""Takes what follows the colon in `NAME:ARGUMENT` (empty without one)."""

_LOADERS: dict[str, SuiteLoader] = {}


def register_suite(name: str) -> Callable[[SuiteLoader], SuiteLoader]:
    """Make `--suite NAME[:ARGUMENT]` known."""

    def keep(loader: SuiteLoader) -> SuiteLoader:
        _LOADERS[name] = loader
        return loader

    return keep


def check_encodable(name: str, what: str) -> None:
    """Raises RequestError for a name that is not UTF-8: the lake could not keep it."""
    try:
        name.encode()
    except UnicodeEncodeError:
        raise RequestError(
            f"{what}: its name is not UTF-8, and the lake keeps names so; rename it, or link to "
            "it by another name (ln -s)"
        ) from None


def load_suite(spec: str) -> Suite:
    """The suite that `--suite SPEC` names, `NAME[:ARGUMENT][#level=L,split=S]`.

    Raises RequestError for an unknown one, or a part that it lacks.
    """
    check_encodable(spec, f"suite {spec!r}")
    head, hash_sign, part = spec.partition("#")
    name, _, argument = head.partition(":")
    if name not in _LOADERS:
        raise RequestError(f"no suite {spec!r}; known: {', '.join(sorted(_LOADERS))}")
    suite = _LOADERS[name](argument)
    return Suite(spec, suite.narrowed(parse_part(part))) if hash_sign else suite
