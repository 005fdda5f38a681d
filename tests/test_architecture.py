"""The arrows between the rooms point down only, and the rooms below know nothing of those above."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
ROOMS = ("deployments", "flows", "tasks", "kernels_eval", "storage")

MAY_USE: dict[str, set[str]] = {
    "deployments": {"flows"},
    "flows": {"tasks", "kernels_eval", "storage"},
    "tasks": {"kernels_eval", "storage"},
    "kernels_eval": set(),
    "storage": set(),
}

LIBRARIES: dict[str, set[str]] = {
    "kernels_eval": {"torch", "numpy", "triton"},
    "storage": {"pyarrow", "duckdb", "upath"},
}
"""All that these two rooms may import beside the standard library."""


def imports(path: Path) -> set[str]:
    """Top-level packages that a file imports, at whatever depth."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module.partition(".")[0])
    return found


def files(room: str) -> list[Path]:
    return sorted((ROOT / room).rglob("*.py"))


@pytest.mark.parametrize("room", ROOMS)
def test_arrows_point_down(room: str) -> None:
    assert files(room)
    for path in files(room):
        above = imports(path) & (set(ROOMS) - {room} - MAY_USE[room])
        assert not above, f"{path.relative_to(ROOT)} imports {', '.join(sorted(above))}"


@pytest.mark.parametrize("room", sorted(LIBRARIES))
def test_the_lower_rooms_need_little(room: str) -> None:
    allowed = LIBRARIES[room] | {room} | set(sys.stdlib_module_names)
    for path in files(room):
        more = imports(path) - allowed
        assert not more, f"{path.relative_to(ROOT)} imports {', '.join(sorted(more))}"


def test_only_tasks_and_above_know_prefect_and_ray() -> None:
    for room in ("kernels_eval", "storage"):
        for path in files(room):
            assert not imports(path) & {"prefect", "ray"}, path


def test_flows_leave_ray_to_the_tasks() -> None:
    for path in files("flows"):
        assert "ray" not in imports(path), path


def test_the_tests_mirror_the_rooms() -> None:
    homes = {path.name for path in (ROOT / "tests").iterdir() if path.is_dir()}
    assert homes - {"__pycache__", "end_to_end"} <= set(ROOMS)


def test_what_is_timed_lies_where_make_looks_for_it() -> None:
    mark = "pytest.mark." + "timed"
    timed = [path for path in (ROOT / "tests").rglob("*.py") if mark in path.read_text("utf-8")]
    assert timed
    for path in timed:
        assert path.is_relative_to(ROOT / "tests" / "kernels_eval"), path
