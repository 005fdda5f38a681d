"""A sweep's request: profile, options and an earlier run's settings, merged and checked."""

from __future__ import annotations

import hashlib
import json
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from flows.errors import RequestError
from flows.profiles import load_profile
from kernels_eval import JudgeConfig
from storage import Lake
from storage.layout import check_run_id
from tasks.policies import SamplingParams, check_policy
from tasks.policies.base import LogprobMode, Mode
from tasks.problems import Problem, load_suite

DEFAULT_PROFILE = "demo"

INSTANT_DEVICE = "none"
"""Judges nothing, at no cost: for measuring orchestration (tasks.evaluate.actor)."""

_IDENTITY = ("suite", "policy", "seed", "sampling")
"""What a run cannot change later: its draws would no longer be of one kind."""


class Sampling(BaseModel):
    """How to draw (see tasks.policies.base.SamplingParams)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    temperature: float = Field(1.0, ge=0)
    max_tokens: int = Field(1024, ge=1)
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
    timeout_s: float = Field(60.0, gt=0)

    def config(self) -> JudgeConfig:
        """As the judge takes it."""
        return JudgeConfig(**self.model_dump())


class SweepRequest(BaseModel):
    """Everything that decides what a sweep draws and measures."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    profile: str = DEFAULT_PROFILE
    suite: str
    problems: tuple[int, ...] | None = None
    k: int = Field(ge=1)
    policy: str
    seed: int = 42
    sampling: Sampling = Sampling()
    judge: Judging = Judging()

    def selected(self) -> tuple[Problem, ...]:
        """The problems asked for. Raises RequestError for an unknown suite or id."""
        return load_suite(self.suite).select(self.problems)

    @property
    def harness_id(self) -> str:
        """What the verdicts are verdicts of: see kernels_eval.JudgeConfig.harness_id."""
        return "instant" if self.judge.device == INSTANT_DEVICE else self.judge.config().harness_id

    @property
    def digest(self) -> str:
        """12 hex digits over all settings."""
        return hashlib.sha256(self.model_dump_json().encode()).hexdigest()[:12]


def resolve(lake: Lake, run_id: str | None, options: dict[str, Any]) -> tuple[str, SweepRequest]:
    """(run id, request): what `options` leaves open comes from the run, else from the profile.

    `options` maps SweepRequest's field names to values; None means not given. A run that exists
    already keeps its suite, policy, seed and sampling; its K and its problems can only grow.

    Raises RequestError (any room's) with one line for whatever is wrong.
    """
    given = {name: value for name, value in options.items() if value is not None}
    earlier = None if run_id is None else stored_request(lake, run_id)
    if earlier is None:
        profile = given.get("profile", DEFAULT_PROFILE)
        base = load_profile(profile) | {"profile": profile}
    else:
        base = earlier.model_dump()
    request = _validated(_merged(base, given))
    if earlier is not None:
        request = _extended(str(run_id), earlier, request)
    check_policy(request.policy)
    request.selected()
    if request.judge.device not in ("cpu", INSTANT_DEVICE):
        from kernels_eval.devices import check_device  # only now: it needs torch

        check_device(request.judge.device)
    return run_id or fresh_run_id(request), request


def stored_request(lake: Lake, run_id: str) -> SweepRequest | None:
    """The settings the run was last asked for; None if there is no such run.

    Raises RequestError if the run was imported: it has no policy to draw from.
    """
    check_run_id(run_id)
    rows = lake.sql("SELECT kind, config FROM runs_latest", [run_id]).to_pylist()
    if not rows:
        return None
    if rows[0]["kind"] != "sweep":
        raise RequestError(f"run {run_id!r} was imported and cannot be swept; choose another --run")
    return SweepRequest.model_validate(json.loads(rows[0]["config"]))


def fresh_run_id(request: SweepRequest) -> str:
    """`<profile>-<local time>`: sorts by age, one per second."""
    return f"{Path(request.profile).stem}-{datetime.now():%Y%m%d-%H%M%S}"


def _merged(base: dict[str, Any], given: dict[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for name, value in given.items():
        if isinstance(value, dict):
            known = {key: one for key, one in value.items() if one is not None}
            merged[name] = dict(merged.get(name) or {}) | known
        else:
            merged[name] = value
    return merged


def _validated(fields: dict[str, Any]) -> SweepRequest:
    try:
        return SweepRequest.model_validate(fields)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise RequestError(f"{where} = {first['input']!r}: {first['msg'].lower()}") from None


def _extended(run_id: str, earlier: SweepRequest, asked: SweepRequest) -> SweepRequest:
    for name in _IDENTITY:
        was, now = getattr(earlier, name), getattr(asked, name)
        if was != now:
            raise RequestError(
                f"run {run_id!r} has {name} {_plain(was)}, not {_plain(now)}; "
                "leave the option out to go on with it, or choose another --run"
            )
    problems = asked.problems
    if problems is not None and earlier.problems is not None:
        problems = tuple(sorted({*earlier.problems, *problems}))
    elif earlier.problems is None:
        problems = None
    return asked.model_copy(update={"k": max(earlier.k, asked.k), "problems": problems})


def _plain(value: object) -> str:
    return value.model_dump_json() if isinstance(value, BaseModel) else repr(value)


def stored_policy_id(lake: Lake, run_id: str) -> str | None:
    """The policy that drew what the run holds; None if it holds nothing yet."""
    rows = lake.sql("SELECT any_value(policy_id) AS policy_id FROM candidates", [run_id])
    value = rows.to_pylist()[0]["policy_id"]
    return None if value is None else str(value)
