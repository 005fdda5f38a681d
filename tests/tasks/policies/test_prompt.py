"""Prompts for both modes and every backend; all that a model is told is in the template."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import get_args

import pytest

from flows.request import Sampling
from tasks.errors import RequestError
from tasks.policies import prompt
from tasks.policies.base import Mode, SamplingParams
from tasks.policies.prompt import backend_names, prelude, prompt_template, render
from tasks.problems.base import Problem


def params(mode: Mode, backend: str) -> SamplingParams:
    return SamplingParams(mode=mode, backend=backend)


def filled(template: str, settings: SamplingParams, problem: Problem) -> str:
    return render(template, settings, level=1, problem_id=7, name="7_Double", source=problem.source)


def test_every_backend_that_can_be_asked_for_has_a_prompt() -> None:
    asked = get_args(Sampling.model_fields["backend"].annotation)
    assert sorted(asked) == backend_names()


@pytest.mark.parametrize("mode", get_args(Mode))
@pytest.mark.parametrize("backend", backend_names())
def test_a_prompt_is_whole(mode: Mode, backend: str, problem: Problem) -> None:
    settings = params(mode, backend)
    template = prompt_template(settings)
    text = filled(template, settings, problem)
    assert problem.source.strip() in text
    assert f"`{backend}`" in text
    assert "$" not in text
    # What a backend's file says is in the template already, and so in the policy's id.
    assert "$backend_notes" not in template
    assert prompt.backend_notes(backend).strip() in template
    assert (prelude(backend).strip() in template) == (mode == "body")


def test_templates_of_different_kinds_differ() -> None:
    kinds = [params(mode, backend) for mode in get_args(Mode) for backend in backend_names()]
    assert len({prompt_template(kind) for kind in kinds}) == len(kinds)


@pytest.mark.parametrize("backend", backend_names())
def test_a_prelude_is_imports_alone(backend: str) -> None:
    body = ast.parse(prelude(backend)).body
    assert all(isinstance(node, ast.Import | ast.ImportFrom) for node in body)


def test_dollar_signs_survive(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, problem: Problem
) -> None:
    (tmp_path / "backends").mkdir()
    (tmp_path / "preludes").mkdir()
    (tmp_path / "module.txt").write_text("$$5 for $name: $backend_notes")
    (tmp_path / "backends" / "cpp.txt").write_text("costs $3, $name")
    (tmp_path / "preludes" / "cpp.py.txt").write_text("import torch\n")
    monkeypatch.setattr(prompt, "TEMPLATES", tmp_path)
    prompt.read_template.cache_clear()
    try:
        settings = params("module", "cpp")
        text = filled(prompt_template(settings), settings, problem)
        assert text == "$5 for 7_Double: costs $3, $name"
        assert filled("$$5 for $name: $backend_notes", settings, problem) == text
    finally:
        prompt.read_template.cache_clear()


def test_a_backend_without_a_prompt_is_named() -> None:
    with pytest.raises(RequestError, match="no prompt for backend 'fortran'; there is one for cpp"):
        prompt_template(params("module", "fortran"))
