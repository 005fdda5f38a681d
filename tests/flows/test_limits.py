"""What sampling from a server may cost: refused where it means nothing, free to change in a run."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from flows.errors import RequestError
from flows.request import Limits, resolve
from storage import Lake

SERVED = "openai:m@http://127.0.0.1:1/v1"


def test_only_servers_have_limits(tmp_path: Path) -> None:
    lake = Lake.open(tmp_path / "lake", create=True)
    with pytest.raises(RequestError, match="token_budget"):
        resolve(lake, None, {"limits": {"token_budget": 5}})
    _, request = resolve(lake, None, {"policy": SERVED, "limits": {"token_budget": 5}})
    assert request.limits == Limits(token_budget=5)


def test_a_budget_is_less_what_the_run_has_spent() -> None:
    limits = Limits(token_budget=100, allow_missing_logprobs=True)
    assert limits.options(spent=60) == {
        "budget": 40,
        "concurrency": None,
        "missing_logprobs": "allow",
    }
    assert limits.options(spent=500)["budget"] == 1
    assert not any(Limits().options(spent=3).values())


def test_limits_may_change_where_the_policy_may_not(tmp_path: Path) -> None:
    lake = Lake.open(tmp_path / "lake", create=True)
    _, first = resolve(lake, None, {"policy": SERVED})
    row = {"created_at": datetime.now(UTC), "kind": "sweep", "suite": first.suite, "k": 1}
    row |= {"config": first.model_dump_json(), "versions": "{}"}
    lake.append("runs", [row], run_id="r")
    _, again = resolve(lake, "r", {"limits": {"concurrency": 3}})
    assert again.limits.concurrency == 3
    with pytest.raises(RequestError, match="choose another --run"):
        resolve(lake, "r", {"policy": f"{SERVED}#api=completions"})
