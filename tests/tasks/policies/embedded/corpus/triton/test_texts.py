"""What is written in Triton: Python that compiles, for every author, in both modes, for all 20."""

from __future__ import annotations

import ast
import builtins
import random
import re
import symtable
from collections import Counter, defaultdict
from collections.abc import Iterator
from functools import cache
from itertools import islice

import pytest

from tasks.policies import SamplingParams
from tasks.policies.embedded import TEMPLATE
from tasks.policies.embedded.corpus import Example, generate, words
from tasks.policies.embedded.corpus.approach import Approach
from tasks.policies.embedded.corpus.stream import approaches, frequencies
from tasks.policies.embedded.corpus.style import Style
from tasks.policies.embedded.corpus.syntax import break_syntax
from tasks.policies.prompt import read_template, render
from tasks.policies.scaffold import scaffold_body
from tasks.problems import load_suite

PROBLEMS = {one.problem_id: one for one in load_suite("embedded").problems}
PERSONAS = ["plain", "own", "chatty"]
ALL = [one for group in approaches("triton").values() for one in group]
SEEDS = 3


def module_of(approach: Approach, text: str) -> str:
    if approach.mode == "module":
        return text
    return scaffold_body(PROBLEMS[approach.problem_id], text, backend="triton")


@cache
def texts(slip_rate: float) -> list[tuple[Approach, str, str | None]]:
    found = []
    for approach in ALL:
        for seed in range(SEEDS):
            s = Style(random.Random(seed), PERSONAS[seed % 3], slip_rate)
            found.append((approach, approach.write(s), s.mistake))
    return found


def free_names(module: str) -> set[str]:
    """Names that a module uses and neither it nor Python defines."""
    table = symtable.symtable(module, "candidate", "exec")
    known = {one.get_name() for one in table.get_symbols() if one.is_assigned()}
    known |= {one.get_name() for one in table.get_symbols() if one.is_imported()}
    known |= {one.get_name() for one in table.get_symbols() if one.is_namespace()}

    def used(scope: symtable.SymbolTable) -> Iterator[str]:
        for one in scope.get_symbols():
            if one.is_global() and one.is_referenced():
                yield one.get_name()
        for inner in scope.get_children():
            yield from used(inner)

    return set(used(table)) - known - set(dir(builtins))


def test_every_author_of_every_approach_writes_what_compiles_and_knows_its_names() -> None:
    for slip_rate in (0.0, 1.0):
        for approach, text, _ in texts(slip_rate):
            where = f"{approach.problem_id} {approach.mode} {approach.name}\n{text}"
            module = module_of(approach, text)
            compile(module, "candidate", "exec")
            assert not free_names(module), where
            assert "$" not in text, where
            assert not re.search(r"#@\w|//@\w", text), where


def kernels(module: ast.Module) -> Iterator[ast.FunctionDef]:
    for node in module.body:
        if isinstance(node, ast.FunctionDef):
            yield node


def test_no_kernel_takes_two_things_by_one_name() -> None:
    """A parameter that is assigned to in its kernel was two roles with one name."""
    for approach, text, _ in texts(0.0):
        for kernel in kernels(ast.parse(module_of(approach, text))):
            if kernel.name == "forward":
                continue
            parameters = {one.arg for one in kernel.args.args}
            stored = {
                node.id
                for node in ast.walk(kernel)
                if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
            }
            assert not parameters & stored, f"{approach.problem_id} {approach.name}\n{text}"


def test_launches_pass_what_the_kernel_takes() -> None:
    counted = 0
    for approach, text, _ in texts(0.0):
        module = ast.parse(module_of(approach, text))
        takes = {one.name: one.args.args for one in kernels(module)}
        for node in ast.walk(module):
            launched = isinstance(node, ast.Call) and isinstance(node.func, ast.Subscript)
            if not launched or not isinstance(node.func.value, ast.Name):  # type: ignore[attr-defined]
                continue
            name = node.func.value.id  # type: ignore[attr-defined]
            if name not in takes or any(isinstance(one, ast.Starred) for one in node.args):  # type: ignore[attr-defined]
                continue
            given = {one.arg for one in node.keywords} - {"num_warps", "num_stages"}  # type: ignore[attr-defined]
            names = [one.arg for one in takes[name]]
            rest = set(names[len(node.args) :])  # type: ignore[attr-defined]
            tuned = any("autotune" in ast.unparse(one) for one in decorators(module, name))
            assert given == rest or (tuned and given <= rest), f"{approach.name}\n{text}"
            counted += 1
    assert counted > 700


def decorators(module: ast.Module, name: str) -> list[ast.expr]:
    return next(
        node.decorator_list
        for node in ast.walk(module)
        if isinstance(node, ast.FunctionDef) and node.name == name
    )


@pytest.mark.parametrize("problem_id", PROBLEMS)
def test_every_problem_has_every_tier(problem_id: int) -> None:
    module = approaches("triton")[problem_id, "module"]
    assert {one.quality for one in module} == {"naive", "good", "expert", "cheat"}
    assert len(module) >= 9
    assert len({one.name for one in module}) == len(module)
    body = approaches("triton")[problem_id, "body"]
    assert {one.quality for one in body} == {"naive", "good", "expert"}


class SlipsOnce(Style):
    """Slips at the n-th place, and leaves a mark there in place of the mistake."""

    MARK = " slipped_here"

    def __init__(self, seed: int, place: int) -> None:
        super().__init__(random.Random(seed), "plain", 0.0)
        self.left = place

    def slip(self, kind: str, right: str, wrong: str) -> str:
        assert right != wrong
        self.left -= 1
        if self.left == -1:
            self.mistake = kind
            return self.MARK
        return right


def places(approach: Approach, seed: int) -> Iterator[tuple[str, str]]:
    """Every place where people slip here: the kind of mistake, and the text with a mark there."""
    for place in range(20):
        s = SlipsOnce(seed, place)
        text = approach.write(s)
        if s.mistake is None:
            return
        yield s.mistake, text


def test_every_slip_stands_in_the_text() -> None:
    """No mistake is noted that nobody wrote."""
    kinds: Counter[str] = Counter()
    for approach in ALL:
        if approach.quality == "cheat" or approach.mode == "body":
            continue
        for seed in range(SEEDS):
            for kind, text in places(approach, seed):
                kinds[kind] += 1
                where = f"{approach.problem_id} {approach.name} {kind}\n{text}"
                assert SlipsOnce.MARK in text, where
    assert {"bounds", "axis", "init", "precision", "shape", "race"} <= set(kinds)


def test_most_approaches_have_a_place_to_slip() -> None:
    honest = [one for one in ALL if one.quality != "cheat" and one.mode == "module"]
    assert sum(any(places(one, 0)) for one in honest) > 0.7 * len(honest)


@pytest.fixture(scope="module")
def examples() -> list[Example]:
    return list(islice(generate(5, "triton"), 4000))


def test_the_stream_keeps_to_the_table(examples: list[Example]) -> None:
    table = frequencies()
    module = [one for one in examples if one.mode == "module"]
    quality = Counter(one.quality for one in module)
    for tier, weight in table["quality"].items():
        assert quality[tier] / len(module) == pytest.approx(weight, abs=0.03)
    for problem_id in PROBLEMS:
        assert 0.03 < sum(one.problem_id == problem_id for one in examples) / 4000 < 0.07
    assert {one.backend for one in examples} == {"triton"}


def test_the_texts_are_many_and_short_enough_to_be_learnt(examples: list[Example]) -> None:
    assert max(len(one.text) for one in examples) < 4000
    different = defaultdict(set)
    for one in examples:
        different[one.problem_id].add(one.text)
    assert min(len(group) / 200 for group in different.values()) > 0.6


def test_all_backends_in_one_stream() -> None:
    found = Counter(one.backend for one in islice(generate(3, "all"), 2000))
    shares = frequencies()["backend"]
    assert set(found) == set(shares)
    for name, share in shares.items():
        assert found[name] / 2000 == pytest.approx(share, abs=0.05)


def test_the_prompt_tells_the_backend_and_nothing_else_changes() -> None:
    def prompt(backend: str) -> str:
        return render(
            read_template(TEMPLATE),
            SamplingParams(backend=backend),
            level=1,
            problem_id=4,
            name="Matrix",
            source="",
        )

    first, second = prompt("cpp"), prompt("triton")
    assert first == "# level 1 problem 4: Matrix\n# backend cpp, mode module\n"
    assert second == first.replace("cpp", "triton")


def test_broken_texts_are_refused() -> None:
    rng = random.Random(3)
    known = {"torch", "return", "float"}
    misspelt = {w[:at] + w[at + 1 :] for w in known for at in range(len(w))}
    whole = (one for one in generate(11, "triton") if one.mode == "module" and not one.mistake)
    for example in islice(whole, 60):
        broken = break_syntax(example.text, rng, comment="#")
        assert broken != example.text
        try:
            compile(broken, "candidate", "exec")
        except SyntaxError:
            continue
        assert misspelt & set(re.findall(r"\w+", broken)), broken


def test_words_have_roles_of_their_own() -> None:
    from tasks.policies.embedded.corpus import triton_words

    assert all(words.NAMES[role] is names for role, names in triton_words.NAMES.items())
    assert all(len(set(names)) == len(names) > 2 for names in triton_words.NAMES.values())
