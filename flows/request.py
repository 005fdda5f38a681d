"""A sweep's request: profile, options and an earlier run's settings, merged and checked."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from operator import attrgetter
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, Self, TypeAlias, TypeVar

from pydantic import BaseModel, ConfigDict, Field, Strict, StrictBool, StrictInt, ValidationError

from flows.errors import RequestError, check_names
from flows.limits import LARGEST_K
from flows.profiles import load_profile, profile_command
from kernels_eval import JudgeConfig
from storage import Lake
from storage.layout import check_run_id
from tasks.adapt.named import loadable_policy, named_policy
from tasks.policies import SamplingParams, check_policy, policy_needs
from tasks.policies.base import LogprobMode, Mode
from tasks.policies.imported import is_imported
from tasks.problems import Problem, load_suite

DEFAULT_PROFILE = "demo"

INSTANT_DEVICE = "none"
"""Judges nothing, at no cost: for measuring orchestration (tasks.evaluate.actor)."""

INSTANT_HARNESS = "instant"
"""Its harness id, in place of one that measures."""

LISTED = 10
"""Runs that a message names."""


StrictNumber: TypeAlias = Annotated[float, Strict()]
"""Whole or not; neither text nor a truth value, which pydantic would turn into one."""


class Sampling(BaseModel):
    """How to draw (see tasks.policies.base.SamplingParams)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    temperature: StrictNumber = Field(1.0, ge=0, allow_inf_nan=False)
    max_tokens: StrictInt = Field(1024, ge=1, lt=2**31)
    mode: Mode = "module"
    backend: Literal["cpp", "torch", "triton", "cuda"] = "cpp"
    logprob_mode: LogprobMode = "raw_logprobs"

    def params(self) -> SamplingParams:
        """As policies take it."""
        return SamplingParams(**self.model_dump())


class Judging(BaseModel):
    """How to measure (see kernels_eval.JudgeConfig)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    device: str = "cpu"
    mode: Literal["fast", "full"] = "fast"
    protocol: Literal["trusted", "kernelbench"] = "trusted"
    timeout_s: StrictNumber = Field(60.0, gt=0, allow_inf_nan=False)
    baseline: Literal["eager", "compile"] = "eager"
    inputs: Literal["cured", "as-given"] = "cured"
    """`as-given`: parameters and inputs are as problems have them, whatever they hide."""
    scope: Literal["kernel"] | None = None
    """`kernel`: library calls are not allowed."""
    retime: StrictInt = Field(1, ge=0, le=LARGEST_K)
    """So many winners of every problem are measured a second time."""
    settle_s: StrictNumber = Field(30.0, ge=0, allow_inf_nan=False)
    """Seconds at the end for kernels that noise left unsettled: they are measured once more."""

    def config(self) -> JudgeConfig:
        """As the judge takes it."""
        return JudgeConfig(**self.model_dump(exclude={"retime", "settle_s"}))


class Limits(BaseModel):
    """What sampling from a server may cost. No part of a run's identity: it may change in a run."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    token_budget: StrictInt | None = Field(None, ge=1)
    """Tokens of prompts and completions, over all of the run."""
    concurrency: StrictInt | None = Field(None, ge=1)
    """Requests under way at once."""
    allow_missing_logprobs: StrictBool = False

    def options(self, spent: int) -> dict[str, object]:
        """As options of the policy (tasks.policies.openai). `spent`: tokens used so far."""
        left = None if self.token_budget is None else max(1, self.token_budget - spent)
        missing = "allow" if self.allow_missing_logprobs else None
        return {"budget": left, "concurrency": self.concurrency, "missing_logprobs": missing}


class SweepRequest(BaseModel):
    """Everything that decides what a sweep draws and measures."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    command: ClassVar[str] = "sweep"
    """Of `bon`, and the kind of run that it is recorded as."""
    default_profile: ClassVar[str] = DEFAULT_PROFILE
    identity: ClassVar[tuple[str, ...]] = ("suite", "policy", "seed", "sampling")
    """What a run cannot change later: its draws would no longer be of one kind."""

    profile: str = DEFAULT_PROFILE
    suite: str
    problems: tuple[StrictInt, ...] | None = None
    k: StrictInt = Field(ge=1, le=LARGEST_K)
    policy: str
    seed: StrictInt = Field(42, ge=-(2**63), lt=2**63)
    sampling: Sampling = Sampling()
    judge: Judging = Judging()
    limits: Limits = Limits()

    def selected(self) -> tuple[Problem, ...]:
        """The problems asked for. Raises RequestError for an unknown suite or id."""
        return load_suite(self.suite).select(self.problems)

    @classmethod
    def fitting(cls, base: dict[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
        """A profile's settings without those that are of another suite than was given: ids."""
        suites = (given.get("suite", base.get("suite")), base.get("suite"))
        other = _suite_name(suites[0]) != _suite_name(suites[1])
        return {key: one for key, one in base.items() if key != "problems" or not other}

    def check(self) -> None:
        """Raise RequestError for what a single field does not show to be wrong."""

    def check_lake(self, lake: Lake) -> None:
        """Raise RequestError for what the request wants of the lake and is not there."""
        loadable_policy(lake, self.policy)

    def check_machine(self) -> None:
        """Raise RequestError for devices that this machine lacks. Profiles are checked without:
        `bon doctor` says what they want of a machine."""
        if self.judge.device not in ("cpu", INSTANT_DEVICE):
            from kernels_eval.devices import check_device  # only now: it needs torch

            check_device(self.judge.device)

    def grown_from(self, earlier: Self) -> Self:
        """This request as a run that was asked for `earlier` goes on with it: K and the problems
        only grow."""
        problems = self.problems
        if problems is not None and earlier.problems is not None:
            problems = tuple(sorted({*earlier.problems, *problems}))
        elif earlier.problems is None:
            problems = None
        return self.model_copy(update={"k": max(earlier.k, self.k), "problems": problems})

    @property
    def policy_options(self) -> dict[str, object]:
        """What the policy is started with and its name does not say: draws do not depend on it."""
        return {}

    @property
    def harness_id(self) -> str:
        """What the verdicts are verdicts of: see kernels_eval.JudgeConfig.harness_id."""
        if self.judge.device == INSTANT_DEVICE:
            return INSTANT_HARNESS
        return self.judge.config().harness_id


R = TypeVar("R", bound=SweepRequest)


def resolve(
    lake: Lake,
    run_id: str | None,
    options: dict[str, Any],
    kind: type[R] = SweepRequest,  # type: ignore[assignment]  # a default of its bound
) -> tuple[str, R]:
    """(run id, request): what `options` leaves open comes from the run, else from the profile.

    `options` maps the request's field names to values; None means not given. A run that exists
    already keeps its suite, policy, seed and sampling; its K and its problems can only grow.

    Raises RequestError (any room's) with one line for whatever is wrong.
    """
    earlier = None if run_id is None else stored_request(lake, run_id, kind)
    return resolve_after(earlier, lake, run_id, options, kind)


def resolve_after(
    earlier: R | None,
    lake: Lake,
    run_id: str | None,
    options: dict[str, Any],
    kind: type[R] = SweepRequest,  # type: ignore[assignment]
) -> tuple[str, R]:
    """The same where the run's settings, `earlier`, have been read already."""
    given = {name: value for name, value in options.items() if _says_something(value)}
    if "policy" in given:
        given["policy"] = named_policy(lake, given["policy"])
    if earlier is None and run_id is not None and not given:
        raise RequestError(_unknown_run(lake, run_id, kind.default_profile))
    if earlier is None:
        base = _profile_fields(given.get("profile", kind.default_profile), kind)
        base = kind.fitting(base, given)
        base = _with_own_limit(base, given)
    else:
        base = earlier.model_dump()
    request = _validated(_merged(base, given), kind)
    if earlier is not None:
        request = _extended(str(run_id), earlier, request)
    check_names((request.profile, request.suite, request.policy))
    check_policy(request.policy)
    request.check()
    if earlier is None:
        request.check_lake(lake)
    if earlier is None and is_imported(request.policy):
        raise RequestError(
            f"policy {request.policy!r} draws nothing: its candidates came with an import; name "
            "that run with --run, or choose another --policy"
        )
    if request.limits != Limits() and not request.policy.startswith("openai:"):
        raise RequestError(
            f"policy {request.policy!r} is no server, so token_budget, concurrency and "
            "allow_missing_logprobs mean nothing to it; leave them out"
        )
    if run_id is not None and request.harness_id == INSTANT_HARNESS:
        _check_unjudged(lake, run_id)
    _check_texts(lake, run_id, request.selected())
    request.check_machine()
    return run_id or fresh_run_id(request), request


def _says_something(value: object) -> bool:
    """Whether an option was given: a group of options with none of them given was not."""
    if isinstance(value, dict):
        return any(one is not None for one in value.values())
    return value is not None


def _unknown_run(lake: Lake, run_id: str, profile: str) -> str:
    known = lake.run_ids()
    listed = ", ".join(known[-LISTED:]) or "none yet"
    more = f" and {len(known) - LISTED} more (`bon runs`)" if len(known) > LISTED else ""
    return (
        f"lake {lake.root} has no run {run_id!r} to go on with; it has {listed}{more}. To begin "
        f"one of that name, say what it is to draw, for instance --profile {profile}"
    )


def _with_own_limit(base: dict[str, Any], given: dict[str, Any]) -> dict[str, Any]:
    """The profile, with the token limit of the policy that was chosen instead of its own.

    640 tokens are enough for the miniature of `demo`, and cut a real model's answer short.
    """
    policy, usual = given.get("policy"), base.get("policy")
    if policy is None or usual is None or _kind(policy) == _kind(usual):
        return base
    limit = policy_needs(policy).max_tokens
    return base | {"sampling": dict(base.get("sampling") or {}) | {"max_tokens": limit}}


def _kind(policy: str) -> str:
    return re.split("[:#]", policy, maxsplit=1)[0]


def _suite_name(suite: object) -> str:
    """Without the part that is taken of it (tasks.problems.narrow), and without its sizes."""
    return str(suite).partition("#")[0].partition(":kernelbench")[0]


def profile_request(
    profile: str,
    kind: type[R] = SweepRequest,  # type: ignore[assignment]
) -> R:
    """What a profile asks for. Raises RequestError if it is unknown or no whole request."""
    return _validated(_profile_fields(profile, kind), kind)


def _profile_fields(profile: str, kind: type[SweepRequest]) -> dict[str, Any]:
    fields = load_profile(profile)
    if (of := profile_command(fields)) != kind.command:
        raise RequestError(
            f"profile {profile!r} is one of `bon {of}`; name one of `bon {kind.command}`, as "
            f"{kind.default_profile}"
        )
    return fields | {"profile": profile}


def stored_request(
    lake: Lake,
    run_id: str,
    kind: type[R] = SweepRequest,  # type: ignore[assignment]
) -> R | None:
    """The settings the run was last asked for; None if there is no such run.

    Raises RequestError if the run is of another kind, or was imported with its verdicts: there is
    no code to judge.
    """
    check_run_id(run_id)
    rows = lake.sql("SELECT kind, config FROM runs_latest", [run_id]).to_pylist()
    if not rows:
        return None
    if rows[0]["kind"] == "import":
        raise RequestError(
            f"run {run_id!r} was imported with its verdicts, and without the problems; to have its "
            "kernels judged, import them as another --run with --suite"
        )
    of = rows[0]["kind"] if rows[0]["kind"] in ("adapt", "train") else "sweep"
    if of != kind.command:
        raise RequestError(
            f"run {run_id!r} is one of `bon {of}`, which goes on with it; for `bon "
            f"{kind.command}` choose another --run"
        )
    return kind.model_validate(json.loads(rows[0]["config"]))


def _check_unjudged(lake: Lake, run_id: str) -> None:
    """Raise RequestError if the run was ever asked to be judged for real.

    The other way about a run is judged anew: its draws are real ones.
    """
    rows = lake.sql(
        "SELECT harness_id, config FROM runs "
        f"WHERE harness_id <> '{INSTANT_HARNESS}' ORDER BY sequence DESC NULLS LAST LIMIT 1",
        [run_id],
    ).to_pylist()
    if rows:
        device = json.loads(rows[0]["config"])["judge"]["device"]
        raise RequestError(
            f"run {run_id!r} is judged on {device}, and --device {INSTANT_DEVICE} judges nothing; "
            f"go on with --device {device}, or choose another --run"
        )


def _check_texts(lake: Lake, run_id: str | None, problems: Sequence[Problem]) -> None:
    """Raise RequestError if the run's draws answer another text of a problem than today's."""
    if run_id is None:
        return
    rows = lake.sql("SELECT suite, level, problem_id, problem_hash FROM problems", [run_id])
    held: dict[tuple[str, int, int], set[str]] = {}
    for row in rows.to_pylist():
        key = (row["suite"], row["level"], row["problem_id"])
        held.setdefault(key, set()).add(row["problem_hash"])
    for problem in problems:
        known = held.get(problem.key)
        if known and problem.problem_hash not in known:
            raise RequestError(
                f"run {run_id!r} answers another text of problem {problem.problem_id} (level "
                f"{problem.level}) than the suite holds now; take the suite's earlier version, or "
                "choose another --run"
            )


def fresh_run_id(request: SweepRequest) -> str:
    """`<profile>-<local time>`: sorts by age, one per second."""
    return f"{Path(request.profile).stem}-{datetime.now():%Y%m%d-%H%M%S}"


def _merged(base: dict[str, Any], given: dict[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for name, value in given.items():
        below = merged.get(name) or {}
        if isinstance(value, dict) and isinstance(below, dict):
            merged[name] = below | {key: one for key, one in value.items() if one is not None}
        elif not isinstance(value, dict):
            merged[name] = value
    return merged


def _validated(fields: dict[str, Any], kind: type[R]) -> R:
    try:
        return kind.model_validate(fields)
    except ValidationError as error:
        first = error.errors()[0]
        where = [str(part) for part in first["loc"]]
        raise RequestError(_wrong(where, first, kind)) from None


def _wrong(where: Sequence[str], found: Mapping[str, Any], kind: type[SweepRequest]) -> str:
    """One line on a wrong value: which, what it was, and what may stand there."""
    name, given = (
        "".join(f"[{one}]" if one.isdigit() else f".{one}" for one in where)[1:],
        found["input"],
    )
    value = str(given).lower() if isinstance(given, bool) else repr(given)
    if found["type"] == "extra_forbidden":
        section = where[:-1]
        return f"{name}: there is no such setting; {_place(section)} {_keys(section, kind)}"
    if found["type"] in ("model_type", "model_attributes_type"):
        return f"{name} = {value}: it has to be a table, [{name}], with {_keys(where, kind)}"
    if found["type"] == "missing":
        return f"{name} is missing; {_place(where[:-1])} {_keys(where[:-1], kind)}"
    return f"{name} = {value}: {_TYPES.get(found['type']) or found['msg'].lower()}"


_TYPES = {
    "int_type": "it has to be a whole number, without quotes or a point",
    "float_type": "it has to be a number, without quotes",
    "bool_type": "it has to be true or false, without quotes",
    "string_type": "it has to be text, in quotes",
    "tuple_type": "it has to be a list of whole numbers, as in [1, 2]",
}
"""By pydantic's name for it: what has to stand where something of another type does."""


def _place(section: Sequence[str]) -> str:
    return f"[{'.'.join(section)}] takes" if section else "there are"


def _keys(section: Sequence[str], kind: type[SweepRequest]) -> str:
    """The settings of a section of the request, those of the whole for none."""
    model: type[BaseModel] = kind
    for part in section:
        inner = model.model_fields[part].annotation
        if not (isinstance(inner, type) and issubclass(inner, BaseModel)):
            break
        model = inner
    return ", ".join(model.model_fields)


def _extended(run_id: str, earlier: R, asked: R) -> R:
    for name in asked.identity:
        was, now = attrgetter(name)(earlier), attrgetter(name)(asked)
        if was != now:
            raise RequestError(
                f"run {run_id!r} has {name} {_plain(was)}, not {_plain(now)}; "
                "leave the option out to go on with it, or choose another --run"
            )
    return asked.grown_from(earlier)


def _plain(value: object) -> str:
    return value.model_dump_json() if isinstance(value, BaseModel) else repr(value)


def stored_policy_id(lake: Lake, run_id: str) -> str | None:
    """The policy that drew what the run holds; None if it holds nothing yet."""
    own = "coalesce(arm, 'base') = 'base'"  # trained arms are drawn by policies of their own
    query = f"SELECT any_value(policy_id) AS policy_id FROM candidates WHERE {own}"
    rows = lake.sql(query, [run_id])
    value = rows.to_pylist()[0]["policy_id"]
    return None if value is None else str(value)
