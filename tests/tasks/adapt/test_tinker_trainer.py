"""The trainer `tinker`: the real client, against a server of the tests' own that really trains."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from importlib.metadata import PackageNotFoundError
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from tasks.adapt.checkpoint import ADAPTER_FILE, Checkpoint
from tasks.adapt.correction import parse_correction
from tasks.adapt.effect import check_effect
from tasks.adapt.items import TrainItem
from tasks.adapt.loss import importance_loss
from tasks.adapt.step import make_step
from tasks.adapt.step_size import parse_step_size
from tasks.adapt.trainers.base import StepSpec
from tasks.adapt.trainers.local import LocalSettings, LocalTrainer
from tasks.adapt.trainers.tinker import ALPHA, TinkerSettings, settings, tinker_address
from tasks.adapt.trainers.tinker.data import corrected
from tasks.adapt.trainers.tinker.settings import check_client, check_server
from tasks.adapt.trainers.tinker.trainer import TinkerTrainer
from tasks.errors import (
    AdapterError,
    DivergedError,
    RequestError,
    StepRefusedError,
    TrainingError,
)
from tasks.policies.causal_lm import CausalLMPolicy
from tasks.policies.embedded import WEIGHTS
from tests.tasks.adapt.conftest import Drawn, draw, problem
from tests.tasks.adapt.tinker_server import TinkerServer, serving

RANK = 8
SPEC = StepSpec(step_size=parse_step_size("lr:0.002"))


@pytest.fixture
def server() -> Iterator[TinkerServer]:
    with serving(TinkerServer(WEIGHTS)) as found:
        yield found


def settings_of(server: TinkerServer, options: str = "", **more: Any) -> TinkerSettings:
    address = tinker_address(f"tinker:{server.url}{options}")
    assert address is not None
    return TinkerSettings(WEIGHTS, address, **{"rank": RANK, **more})


@pytest.fixture
def connected(server: TinkerServer) -> Iterator[Callable[..., TinkerTrainer]]:
    """Makes trainers, and closes them."""
    made: list[TinkerTrainer] = []

    def connect(options: str = "", **more: Any) -> TinkerTrainer:
        made.append(TinkerTrainer(settings_of(server, options, **more)))
        return made[-1]

    yield connect
    for one in made:
        one.close()


Connect = Callable[..., TinkerTrainer]


def unlike(policy: CausalLMPolicy, drawn: Drawn) -> list[TrainItem]:
    """Items of two problems whose texts are not alike in length."""
    longer = draw(policy, problem(5), 4)
    longer = replace(longer, prompt=[*drawn.prompt, *longer.prompt])
    scores = policy.score_tokens(longer.prompt, [one.token_ids for one in longer.samples])
    logprobs = [tuple(one.processed or ()) for one in scores]
    others = [
        replace(item, behaviour=own) for item, own in zip(longer.items(), logprobs, strict=True)
    ]
    return [*drawn.items(), *others]


def delta(folder: Path) -> torch.Tensor:
    """What an adapter adds to all weights, as one vector; its scale apart."""
    tensors = load_file(folder / ADAPTER_FILE)
    halves = sorted(name for name in tensors if ".lora_A." in name)
    pairs = [(tensors[name], tensors[name.replace(".lora_A.", ".lora_B.")]) for name in halves]
    return torch.cat([(b.double() @ a.double()).flatten() for a, b in pairs])


def begun_alike(remote: TinkerTrainer, folder: Path) -> LocalTrainer:
    """A local trainer whose adapter begins with the server's weights."""
    local = LocalTrainer(LocalSettings(WEIGHTS, rank=RANK, alpha=ALPHA))
    remote.start(None)
    fresh = load_file(remote.save(folder).folder / ADAPTER_FILE)
    local._model.fresh = {
        name.replace(".weight", ".default.weight"): one for name, one in fresh.items()
    }
    assert set(local._model.fresh) == set(local._model.parameters)
    return local


@pytest.mark.parametrize("loss", ["sum", "mean"])
def test_steps_go_the_way_of_local_ones(
    server: TinkerServer,
    connected: Connect,
    policy: CausalLMPolicy,
    drawn: Drawn,
    tmp_path: Path,
    loss: Any,
) -> None:
    """Whatever the server makes of the tokens; the second with the optimizer of the first."""
    server.loss = loss
    remote = connected()
    local = begun_alike(remote, tmp_path / "fresh")
    items = unlike(policy, drawn)
    parents: list[Checkpoint | None] = [None, None]
    spec = replace(SPEC, mismatch=parse_correction("token_tis"), max_kl=9.0)
    for step in (1, 2):
        theirs = make_step(remote, parents[0], items, spec, tmp_path / "remote")
        ours = make_step(local, parents[1], items, spec, tmp_path / "local")
        assert theirs.saved is not None
        assert ours.saved is not None
        a, b = delta(theirs.saved.folder), delta(ours.saved.folder)
        assert float(torch.cosine_similarity(a, b, dim=0)) > 0.99
        assert float(a.norm() / b.norm()) == pytest.approx(1, abs=0.01)
        assert theirs.report.loss == pytest.approx(ours.report.loss, rel=1e-3, abs=1e-5)
        assert theirs.report.mismatch_mean == pytest.approx(
            ours.report.mismatch_mean, rel=0.05, abs=1e-5
        )
        if loss == "sum":
            assert theirs.report.grad_norm == pytest.approx(ours.report.grad_norm, rel=0.02)
        assert theirs.report.kl_from_base > theirs.report.kl_from_parent * (step == 2)
        parents = [theirs.checkpoint, ours.checkpoint]


def test_a_mean_taken_for_a_sum_goes_another_way(
    server: TinkerServer, connected: Connect, policy: CausalLMPolicy, drawn: Drawn, tmp_path: Path
) -> None:
    server.loss = "mean"
    items = unlike(policy, drawn)
    ways = [
        delta(make_step(connected(how), None, items, SPEC, tmp_path / how[-3:]).saved.folder)  # type: ignore[union-attr]
        for how in ("", "#loss=mean", "#loss=sum")
    ]
    assert torch.equal(ways[0], ways[1])
    assert float(torch.cosine_similarity(ways[0], ways[2], dim=0)) < 0.99


def test_what_is_exported_takes_effect_where_it_is_served(
    connected: Connect, policy: CausalLMPolicy, drawn: Drawn, tmp_path: Path
) -> None:
    made = make_step(connected(), None, drawn.items(), SPEC, tmp_path)
    assert made.saved is not None
    policy.set_adapter(made.saved.folder)
    served = [
        list(policy.score_tokens(one.item.prompt, [one.item.tokens])[0].processed or ())
        for one in made.report.probes
    ]
    policy.set_adapter(None)
    found = check_effect(made.report.probes, served, made.saved)
    assert found.apart < 1e-5
    assert found.share == pytest.approx(1, abs=1e-2)


def test_a_server_that_forgets_its_session(
    server: TinkerServer, connected: Connect, drawn: Drawn, tmp_path: Path
) -> None:
    """Whichever verb it is at: one line, and from the saved checkpoint the step is the same."""
    items = drawn.items()
    spec = replace(SPEC, mismatch=parse_correction("token_tis"))
    first = make_step(connected(), None, items, spec, tmp_path / "a").checkpoint
    whole = make_step(connected(), first, items, spec, tmp_path / "b").saved
    assert whole is not None
    verbs = ("create_model", "load_weights", "forward_backward", "optim_step", "save_weights")
    for verb in (*verbs, "save_weights_for_sampler"):
        trainer = connected()
        server.forgets_at = verb
        with pytest.raises(TrainingError) as raised:
            make_step(trainer, first, items, spec, tmp_path / verb)
        line = str(raised.value)
        assert server.url in line, verb
        assert "ended the session" in line, verb
        assert "with the same --run goes on" in line, verb
        assert "\n" not in line
        assert not list((tmp_path / verb).glob("*")), "whole or not at all"
    again = make_step(connected(), first, items, spec, tmp_path / "again").saved
    assert again is not None
    assert again.sha256 == whole.sha256


def test_a_server_that_has_lost_what_it_saved(
    server: TinkerServer, connected: Connect, drawn: Drawn, tmp_path: Path
) -> None:
    trainer = connected()
    first = make_step(trainer, None, drawn.items(), SPEC, tmp_path).checkpoint
    server.saved.clear()
    with pytest.raises(TrainingError, match=r"load tinker://model-\d+/weights/.*") as raised:
        trainer.start(first)
    assert str(raised.value).endswith("if they are lost, begin another --run")


def test_nothing_is_left_on_the_server_but_what_is_saved(
    server: TinkerServer, connected: Connect, drawn: Drawn, tmp_path: Path
) -> None:
    """It has room for so many adapters."""
    trainer, at = connected(), None
    spec = replace(SPEC, mismatch=parse_correction("token_tis"))
    for _ in range(3):
        at = make_step(trainer, at, drawn.items(), spec, tmp_path).checkpoint
        assert len(server.adapters) <= 2
    trainer.close()
    assert not server.adapters
    assert len(server.saved) == 3


def test_a_refused_step_moves_nothing(
    server: TinkerServer, connected: Connect, drawn: Drawn, tmp_path: Path
) -> None:
    trainer = connected()
    trainer.start(None)
    far = [replace(one, behaviour=tuple(b + 0.1 for b in one.behaviour)) for one in drawn.items()]
    with pytest.raises(StepRefusedError, match="set mismatch=token_tis:2"):
        trainer.step(far, SPEC)
    assert "optim_step" not in server.asked
    with pytest.raises(TrainingError, match="started at a checkpoint first"):
        trainer.save(tmp_path / "moved")
    trainer.start(None)
    other = [replace(one, behaviour=tuple(b + 1.0 for b in one.behaviour)) for one in far]
    with pytest.raises(StepRefusedError, match="that is another model"):
        trainer.step(other, replace(SPEC, mismatch=parse_correction("token_tis")))
    trainer.start(None)
    with pytest.raises(DivergedError, match="nats per token from the base"):
        trainer.step(drawn.items(), replace(SPEC, step_size=parse_step_size("lr:1")))
    trainer.start(None)
    assert trainer.step(drawn.items([0.0] * 12), SPEC).status == "no_signal"


def test_what_the_protocol_has_no_words_for(connected: Connect, drawn: Drawn) -> None:
    trainer = connected()
    assert not trainer.capabilities.any_temperature
    trainer.start(None)
    with pytest.raises(RequestError, match="set --temperature 1, or take trainer local"):
        trainer.step(drawn.items(), replace(SPEC, temperature=0.7))
    with pytest.raises(RequestError, match="set lr:X, or take trainer local"):
        trainer.step(drawn.items(), replace(SPEC, step_size=parse_step_size("kl:0.01")))


@pytest.mark.parametrize("kind", ["none", "token_tis:1.5", "seq_mis:3"])
def test_corrections_go_into_advantages(kind: str) -> None:
    """The gradient of −ratio·A with these advantages is that of the corrected loss."""
    rng = np.random.default_rng(5)
    behaviour, advantages = rng.normal(size=(6, 4)), rng.normal(size=(6, 4))
    logprobs = torch.tensor(behaviour + rng.normal(0, 0.6, (6, 4)), requires_grad=True)
    correction = parse_correction(kind)
    told = torch.tensor(behaviour), torch.tensor(advantages), torch.ones(6, 4, dtype=torch.bool)
    importance_loss(logprobs, *told, 6, correction).backward()  # type: ignore[no-untyped-call]
    apart = logprobs.detach().numpy() - behaviour
    own = np.array([corrected(a, d, correction) for a, d in zip(advantages, apart, strict=True)])
    assert logprobs.grad is not None
    assert logprobs.grad.numpy() == pytest.approx(-np.exp(apart) * own / 6, abs=1e-12)
    assert (kind == "none") == np.allclose(own, advantages)


def test_no_server_answers() -> None:
    address = tinker_address("tinker:http://127.0.0.1:9")
    assert address is not None
    with pytest.raises(RequestError, match=r"no server answers at http://127.0.0.1:9 .*start it"):
        check_server(address)


def test_servers_that_train_something_else(
    server: TinkerServer, connected: Connect, drawn: Drawn, tmp_path: Path
) -> None:
    first = make_step(connected(), None, drawn.items(), SPEC, tmp_path / "first").checkpoint
    with pytest.raises(RequestError, match=r"trains tiny, and not 'huge'; name one of them"):
        connected("#model=huge")
    with pytest.raises(AdapterError, match="another base model, rank or client"):
        connected(rank=4).start(first)
    server.model = "small,tiny"
    with pytest.raises(RequestError, match=r"trains small, tiny; name one, .*#model=NAME"):
        connected()
    with pytest.raises(AdapterError, match="another base model, rank or client"):
        connected("#model=small").start(first)
    server.model = "tiny"
    for saved, *_ in server.saved.values():
        saved.base = "small"
    with pytest.raises(
        AdapterError, match="rank 8 for small, and the run is one of rank 8 for tiny"
    ):
        connected().start(first)


def test_a_server_that_gives_another_rank(
    server: TinkerServer, connected: Connect, drawn: Drawn, tmp_path: Path
) -> None:
    with pytest.raises(TrainingError, match=r"begin an adapter of rank 100: .*between 1 and 64"):
        connected(rank=100).start(None)
    server.rank = 4
    with pytest.raises(AdapterError, match="rank 8 was asked for, and 84 of 84 tensors"):
        make_step(connected(), None, drawn.items(), SPEC, tmp_path)
    assert list(tmp_path.iterdir()) == [], "whole or not at all"


def test_a_server_that_answers_no_more(
    server: TinkerServer, connected: Connect, tmp_path: Path
) -> None:
    """The client would ask for ever."""
    trainer = connected(answer_seconds=5.0)
    trainer.start(None)
    with server.silent():
        with pytest.raises(TrainingError, match=r"did not save its state within 5 s; nothing is"):
            trainer.save(tmp_path / "never")
        with pytest.raises(TrainingError, match=r"did not begin an adapter of rank 8 within 5 s"):
            connected(answer_seconds=5.0).start(None)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("tinker", "write tinker:http://HOST:PORT"),
        ("tinker:somewhere", "write tinker:http://HOST:PORT"),
        ("tinker:http://x:port", "write tinker:http://HOST:PORT"),
        ("tinker:ftp://x", "write tinker:http://HOST:PORT"),
        ("tinker:http://x#alpha=16", "trainer tinker has no option 'alpha'; it has model, loss"),
        ("tinker:http://x#loss=most", "trainer tinker: loss=most"),
    ],
)
def test_addresses_in_words(text: str, says: str) -> None:
    with pytest.raises(RequestError, match=says):
        tinker_address(text)


def test_addresses_that_are_some() -> None:
    hosted, own = tinker_address("tinker:"), tinker_address("tinker:http://x:1/#model=a/b")
    assert hosted is not None
    assert own is not None
    assert (hosted.url, own.url, own.options.model) == (None, "http://x:1", "a/b")
    assert tinker_address("local:cuda") is None


def test_client_and_key(monkeypatch: pytest.MonkeyPatch) -> None:
    hosted, own = tinker_address("tinker:"), tinker_address("tinker:http://x")
    assert hosted is not None
    assert own is not None
    monkeypatch.delenv("TINKER_API_KEY", raising=False)
    check_client(own)
    with pytest.raises(RequestError, match="hosted service wants a key in TINKER_API_KEY"):
        check_client(hosted)
    monkeypatch.setenv("TINKER_API_KEY", "tml-something")
    check_client(hosted)
    held = TinkerSettings.of(WEIGHTS, own, rank=8, seed=0, in_float32=True)
    assert held.key == "tml-something"
    assert "something" not in repr(held)
    monkeypatch.setenv("TINKER_API_KEY", "something")
    with pytest.raises(RequestError, match="begin with tml-") as raised:
        check_client(own)
    assert "something" not in str(raised.value)


def test_another_client_or_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """What packages tell is all that can be put in their place."""
    own = tinker_address("tinker:http://x")
    assert own is not None
    monkeypatch.setattr(settings, "version", lambda _: "0.38.0")
    with pytest.raises(
        RequestError, match=r"client 0\.25\.0 .*0\.38\.0 is .*'bon-sweep\[tinker\]'"
    ):
        check_client(own)

    def missing(name: str) -> str:
        raise PackageNotFoundError(name)

    monkeypatch.setattr(settings, "version", missing)
    with pytest.raises(RequestError, match=r"needs its client: pip install 'bon-sweep\[tinker\]'"):
        check_client(own)
