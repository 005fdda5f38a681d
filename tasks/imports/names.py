"""Whose column is which: a file's header against the names that an import takes."""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection, Iterable, Mapping, Sequence

from tasks.errors import RequestError
from tasks.imports.columns import KNOWN, LOGPROBS, REQUIRED

_OTHER_SIGN = re.compile(
    r"(.*_)?(nlls?|neg(ative)?_?(log_?prob\w*|log_?lik\w*|logp|ll)|surprisals?|loss|cross_?entropy)"
    r"(_.*)?"
)
_SAME_SIGN = re.compile(
    r"((mean|avg|average|sum|total|cum\w*)_)?(logp|log_?probs?|log_?probability|log_?likelihood)"
    r"(_(mean|avg|average|sum|per_token))?"
)
_OF_ALL_TOKENS = re.compile(r"(.*_)?(sum|total|cum\w*)(_.*)?")
_NUMBER = re.compile(r"[-+]?[0-9]+([.,][0-9]+)?([eE][-+]?[0-9]+)?")
_SHOWN = 20


class Names:
    """The names of a file's columns. `ours` maps those that are taken to what they are here.

    mapped: their name → ours, as the user said (see `parse_columns`). aliases: what peers call a
    column, where the file has none of our own name.
    """

    def __init__(
        self, file: str, mapped: Mapping[str, str], aliases: Mapping[str, str] | None = None
    ) -> None:
        self._file = file
        self._mapped = mapped
        self._aliases = aliases or {}
        self.all: dict[str, None] = {}
        self.ours: dict[str, str] = {}

    def add(self, names: Iterable[str]) -> None:
        """Further names. Raises RequestError for a column that is there twice."""
        for name in names:
            ours = self._ours(name)
            twin = next((theirs for theirs, one in self.ours.items() if one == ours), None)
            if ours is not None and twin is not None:
                which = f"{twin!r} and {name!r}" if twin != name else repr(name)
                raise RequestError(
                    f"{self._file} has column {ours!r} more than once ({which}); rename or drop one"
                )
            self.all[name] = None
            if ours is not None:
                self.ours[name] = ours
        for name in self.ignored:
            alias = self._aliases.get(_plain(name))
            if alias is not None and alias not in {*self.ours.values(), *self._taken()}:
                self.ours[name] = alias

    @property
    def ignored(self) -> tuple[str, ...]:
        return tuple(name for name in self.all if name not in self.ours)

    def negated(self, ours: str) -> bool:
        """Whether the user said that the column has the other sign."""
        return f"-{ours}" in self._mapped.values()

    def turned(self) -> dict[str, str]:
        """Of each log-probability: what --columns says to turn the sign that it is read with."""
        return {
            ours: f"{_shell(theirs)}={'' if self.negated(ours) else '-'}{ours}"
            for theirs, ours in self.ours.items()
            if ours in LOGPROBS
        }

    def check_left_out(self, empty: Collection[str]) -> None:
        """Raise RequestError for a log-probability by another name, while ours is missing or empty.

        empty: our columns that hold nothing.
        """
        if LOGPROBS[0] not in empty:
            return
        for name in self.ignored:
            plain = _plain(name)
            other_sign = _OTHER_SIGN.fullmatch(plain)
            if not (other_sign or _SAME_SIGN.fullmatch(plain)):
                continue
            ours = LOGPROBS[1] if _OF_ALL_TOKENS.fullmatch(plain) else LOGPROBS[0]
            if ours in empty:
                raise RequestError(
                    f"{self._file} has no {ours} in any row, and a column {name!r} that is left "
                    f"out; to take it as such, add --columns "
                    f"{_shell(name)}={'-' * bool(other_sign)}{ours}, else drop or rename it"
                )

    def check_header(self) -> None:
        """Raise RequestError if the first line of a CSV file holds no names, but a row."""
        if not self.ours and any(_NUMBER.fullmatch(name.strip()) for name in self.all):
            raise RequestError(
                f"{self._file} has no header: its first line is {self._found()}; write the names "
                f"of the columns above it ({', '.join(REQUIRED)})"
            )

    def check(self, required: Collection[str] = tuple(REQUIRED)) -> None:
        """Raise RequestError for a missing column; it says what was found instead."""
        unmet = [name for name in self._mapped if name not in self.ours]
        if unmet:
            raise RequestError(
                f"{self._file} has no column {unmet[0]!r} to take as {self._mapped[unmet[0]]!r}; "
                f"it has {self._found()}"
            )
        missing = [name for name in required if name not in self.ours.values()]
        if not missing:
            return
        if "source" in self.ours.values() and "correct" in missing:
            raise RequestError(
                f"{self._file} has no column {', '.join(map(repr, missing))}, but kernels: to have "
                "them judged, say which problems they answer with --suite"
            )
        hints = [hint for name in missing if (hint := self._hint(name))]
        raise RequestError(
            f"{self._file} has no column {', '.join(map(repr, missing))}: it has {self._found()}; "
            + (
                f"if they are the same, add --columns {','.join(hints)}"
                if hints
                else "rename yours, or say which is which with --columns THEIRS=OURS "
                f"(needed are {', '.join(required)}, taken too are "
                f"{', '.join(name for name in KNOWN if name not in required)})"
            )
        )

    def _ours(self, name: str) -> str | None:
        if name in self._mapped:
            return self._mapped[name].removeprefix("-")
        plain = _plain(name)
        # A column of that name gives way to the one that the user has named for it.
        return plain if plain in KNOWN and plain not in self._taken() else None

    def _taken(self) -> set[str]:
        return {ours.removeprefix("-") for ours in self._mapped.values()}

    def _hint(self, missing: str) -> str | None:
        others = {_plain(name): name for name in self.ignored}
        if missing == LOGPROBS[0]:
            # A sum over the tokens is no mean of them.
            others = {
                one: name for one, name in others.items() if not _OF_ALL_TOKENS.fullmatch(one)
            }
            other_sign = next((one for one in others if _OTHER_SIGN.fullmatch(one)), None)
            if other_sign is not None:
                return f"{_shell(others[other_sign])}=-{missing}"
        near = difflib.get_close_matches(missing, list(others), 1, 0.7)
        return f"{_shell(others[near[0]])}={missing}" if near else None

    def _found(self) -> str:
        names = [repr(name[:80]) for name in self.all]
        listed = ", ".join(names[:_SHOWN])
        return listed + (f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else "")


def parse_columns(given: Sequence[str]) -> dict[str, str]:
    """["theirs=ours", "a=b,c=d"] → their name → ours. `nll=-mean_logprob` turns the sign.

    Raises RequestError for anything else.
    """
    mapped: dict[str, str] = {}
    for one in ",".join(given).split(",") if given else []:
        theirs, equals, ours = (part.strip() for part in one.rpartition("="))
        if not (equals and theirs and ours):
            raise RequestError(
                f"--columns {one!r} is not THEIRS=OURS; write e.g. best_speed=speedup"
            )
        plain = ours.removeprefix("-")
        if plain not in KNOWN or (plain != ours and plain not in LOGPROBS):
            raise RequestError(
                f"--columns {one!r}: there is no column {ours!r} to fill; take one of "
                f"{', '.join(KNOWN)}, or -{LOGPROBS[0]} for a negative log-likelihood"
            )
        if theirs in mapped or plain in {two.removeprefix("-") for two in mapped.values()}:
            raise RequestError(f"--columns {one!r} names a column a second time; give each once")
        mapped[theirs] = ours
    return mapped


def _plain(name: str) -> str:
    """ " Problem ID" → "problem_id"."""
    return re.sub(r"[\s\-]+", "_", name.strip().lstrip("\ufeff").lower())


def _shell(name: str) -> str:
    return name if re.fullmatch(r"[\w.-]+", name) else f"'{name}'"
