"""Settings pass, secrets and addresses do not."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from kernels_eval.host.environment import problem_environment
from kernels_eval.host.readable import open_to_all, readable_trees

_SECRETS = (
    *("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "HF_TOKEN", "GH_TOKEN"),
    *("OPENAI_API_KEY", "OPENAI_BASE_URL", "PREFECT_API_URL", "PREFECT_API_KEY"),
    *("PREFECT_SERVER_API_AUTH_STRING", "RAY_ADDRESS", "RAY_AUTH_TOKEN", "SSH_AUTH_SOCK"),
    *("DBUS_SESSION_BUS_ADDRESS", "KUBECONFIG", "BON_LAKE", "http_proxy", "DATABASE_PASSWORD"),
    *("CUDA_LICENSE_KEY", "NVIDIA_API_TOKEN", "MKL_SECRET", "OMP_PASSWORD", "LD_PRELOAD"),
    *("PYTHONSTARTUP", "XDG_CACHE_HOME"),
)


def test_secrets_do_not_pass() -> None:
    inner = problem_environment(dict.fromkeys(_SECRETS, "hidden-value"))
    assert "hidden-value" not in inner.values()


@pytest.mark.parametrize(
    "name",
    [
        *("PATH", "LD_LIBRARY_PATH", "CUDA_VISIBLE_DEVICES", "NVIDIA_VISIBLE_DEVICES"),
        *("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "CXX", "TORCH_CUDA_ARCH_LIST", "LC_ALL"),
        "BON_JUDGE_CORES",
    ],
)
def test_settings_pass(name: str) -> None:
    assert problem_environment({name: "as set"})[name] == "as set"


def test_no_home_is_readable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    tools = tmp_path / ".local" / "bin"
    tools.mkdir(parents=True)
    path = os.pathsep.join((str(tools), str(tmp_path), str(tmp_path.parent), os.environ["PATH"]))
    trees = readable_trees({"PATH": path})
    assert tools in trees
    assert not [tree for tree in trees if tmp_path.is_relative_to(tree)]
    for needed in (Path(sys.executable), Path(os.__file__), Path("/usr/bin/env")):
        assert any(needed.is_relative_to(tree) for tree in trees), needed


def test_a_tree_closed_to_others_is_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from kernels_eval.host import readable

    package = tmp_path / "closed" / "kernels_eval"
    package.mkdir(parents=True)
    trees = [*readable_trees(os.environ), package.parent]
    monkeypatch.setattr(readable, "package_directory", lambda: package)
    assert open_to_all(trees)
    package.parent.chmod(0o700)
    assert not open_to_all(trees)
