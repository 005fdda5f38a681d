"""An adaptation's request: a sweep of its base arm, with arms beside it that learn."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, ClassVar, Literal, Self

import numpy as np
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from flows.errors import RequestError
from flows.request import SweepRequest
from storage import Lake
from tasks.adapt.base_model import base_weights, check_trainable
from tasks.adapt.correction import parse_correction
from tasks.adapt.extent import last_step
from tasks.adapt.group import Group, Verdicts
from tasks.adapt.method import Method
from tasks.adapt.named import loadable_policy, worn_adapter
from tasks.adapt.numbering import MOST_DRAWS, MOST_STEPS, check_numbers
from tasks.adapt.objectives import parse_objective
from tasks.adapt.rewards import DEFAULT, parse_reward
from tasks.adapt.rounds import Rounds
from tasks.adapt.step_size import parse_step_size
from tasks.adapt.trainers.base import StepSpec, TrainerSettings
from tasks.adapt.trainers.local import LocalSettings
from tasks.adapt.trainers.tinker import ALPHA, TinkerSettings, tinker_address
from tasks.adapt.trainers.tinker.settings import check_client, check_server, check_spec
from tasks.adapt.units import BASE_ARM, Unit, units_of
from tasks.cluster import is_remote
from tasks.policies import policy_needs
from tasks.policies.adapter_config import adapter_config, check_make, check_trained_on
from tasks.problems import Problem


def _trained(arms: tuple[str, ...]) -> tuple[str, ...]:
    """The base arm is always there, and may be named or not."""
    return tuple(arm for arm in arms if arm != BASE_ARM)


_GROWING = ("steps", "confirm")
"""What may grow within a run."""


_DEVICES = {"local": "cpu", "local:cuda": "cuda"}
_ALPHA = 8.0


def gpus_here() -> int:
    """GPUs that torch finds in this process."""
    import torch

    return torch.cuda.device_count()


class Adapting(BaseModel):
    """How arms learn."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    arms: Annotated[tuple[str, ...], AfterValidator(_trained)]
    """Objectives of the trained arms; the base arm is beside them."""
    steps: int = Field(ge=1, le=MOST_STEPS)
    group: int = Field(ge=1, le=MOST_DRAWS)
    """G: draws of a problem in one step of an arm."""
    unit: Literal["problem", "batch"] = "problem"
    """What one trajectory of weights is for."""
    reward: str = DEFAULT
    step_size: str = "lr:0.005"
    trainer: str = "local"
    """`local`, `local:cuda` on a GPU of the flow's machine, `tinker:URL` on a server."""
    dtype: Literal["float32", "as-saved"] | None = None
    """Of the frozen weights in training; None: float32 on a CPU, as they were saved on a GPU. Of a
    server's: `float32` says that they are, and the effect check is then as sharp as on a CPU."""
    rank: int = Field(8, ge=1, le=4096)
    alpha: float = Field(_ALPHA, gt=0, allow_inf_nan=False)
    """Through tinker it is the server's, 32."""
    mismatch: str = "none"
    """What is done where sampler and trainer disagree (tasks.adapt.correction)."""
    patience: int = Field(3, ge=1)
    """A unit ends with so many steps without a signal, one after the other."""
    budget: int | None = Field(None, ge=1)
    """Rollouts of one arm, over all problems: no round is begun that would exceed it."""
    tail: int = Field(0, ge=0, le=MOST_DRAWS)
    """H more draws of a problem under every checkpoint, within the arm's budget."""
    confirm: int = Field(0, ge=0, le=MOST_DRAWS)
    """H fresh draws of a problem under every checkpoint, outside of it."""

    @property
    def paid(self) -> int:
        """Draws of a problem in one round of an arm that count for its budget."""
        return self.group + self.tail

    @model_validator(mode="after")
    def _alpha_of_servers(self) -> Self:
        # Nobody's wish, but the default: what is recorded is what the server does.
        if self.alpha == _ALPHA and self.trainer.startswith("tinker"):
            object.__setattr__(self, "alpha", ALPHA)
        return self


class AdaptRequest(SweepRequest):
    """Everything that decides what an adaptation draws, measures and learns. `k`, the draws of the
    base arm, follows from the rest."""

    command: ClassVar[str] = "adapt"
    default_profile: ClassVar[str] = "adapt-demo"
    identity: ClassVar[tuple[str, ...]] = (
        *SweepRequest.identity,
        *("problems", "judge", "adapt.arms", "adapt.group", "adapt.unit", "adapt.reward"),
        *("adapt.step_size", "adapt.trainer", "adapt.dtype", "adapt.rank", "adapt.alpha"),
        *("adapt.mismatch", "adapt.patience", "adapt.tail"),
    )

    k: int = Field(1, ge=1)
    adapt: Adapting

    @model_validator(mode="after")
    def _base_draws(self) -> Self:
        # Not a property: it is a column of `runs`, and a field of the class above.
        object.__setattr__(self, "k", self.adapt.paid * (self.adapt.steps + 1))
        return self

    def check(self) -> None:
        """Raise RequestError for names that mean nothing, and for what does not go together."""
        adapt = self.adapt
        if not adapt.arms:
            raise RequestError(
                "no arm to train; name objectives with --arms, as in centred,placebo"
            )
        if len(set(adapt.arms)) != len(adapt.arms):
            raise RequestError(f"--arms {','.join(adapt.arms)} names an arm twice; leave one out")
        self._check_trainer()
        check_trainable(self.policy)
        if find_spec("peft") is None:
            raise RequestError("adaptation needs peft: pip install 'bon-sweep[adapt]'")
        self.method()
        check_numbers(adapt.steps, adapt.group, len(adapt.arms))
        for arm in adapt.arms:
            parse_objective(arm).check(adapt.group)
        self._check_sampling()
        self._check_verdicts()
        self._check_problems()

    def _check_problems(self) -> None:
        problems = self.selected()
        if self.adapt.unit == "batch" and len(problems) < 2:
            raise RequestError(
                "--unit batch is one trajectory for two problems or more; name more problems, or "
                "take --unit problem"
            )
        self._check_budget(problems)

    def check_lake(self, lake: Lake) -> None:
        """Raise RequestError for an adapter to begin with that steps cannot go on from."""
        super().check_lake(lake)
        begin = worn_adapter(loadable_policy(lake, self.policy))
        if begin is None:
            return
        if tinker_address(self.adapt.trainer):
            raise RequestError(
                f"policy {self.policy!r} begins with an adapter, and none can be uploaded to a "
                "server of trainer tinker; take --trainer local, or a policy without"
            )
        config = adapter_config(begin)
        check_make(begin, config, self.adapt.rank, self.adapt.alpha)
        base = base_weights(self.policy)
        if (base / "config.json").is_file():  # else the policy says so
            from tasks.policies.adapters import base_name  # only now: they need torch
            from tasks.policies.causal_lm import fingerprint

            check_trained_on(begin, config, base_name(fingerprint(base)))

    def _check_trainer(self) -> None:
        adapt = self.adapt
        if tinker_address(adapt.trainer):
            check_spec(self.method().spec)
            if adapt.alpha != ALPHA:
                raise RequestError(
                    f"alpha {adapt.alpha:g}: trainer tinker's is {ALPHA:g}, whatever is asked for; "
                    "leave alpha out, and mind that learning rates do not carry over"
                )
        elif adapt.trainer not in _DEVICES:
            raise RequestError(
                f"there is no trainer {adapt.trainer!r}; take local, local:cuda for a GPU of this "
                "machine, or tinker:URL for a server"
            )

    def check_machine(self) -> None:
        """Raise RequestError for devices that this machine lacks."""
        super().check_machine()
        if address := tinker_address(self.adapt.trainer):
            check_client(address)
        elif self.trains_on_gpu and not gpus_here():
            raise RequestError(
                f"trainer {self.adapt.trainer!r}: this machine has no GPU that torch finds; take "
                "local"
            )
        self._check_policys_gpus()

    def _check_policys_gpus(self) -> None:
        wanted, there = policy_needs(self.policy).gpus, gpus_here()
        if wanted > there:
            raise RequestError(
                f"policy {self.policy!r} wants {wanted} GPU(s), and torch finds {there} on this "
                "machine; take embedded, transformers:PATH, openai:MODEL@URL with a vLLM server, "
                "or vllm:PATH with vLLM for CPUs"
            )
        if wanted and is_remote():
            raise RequestError(
                f"policy {self.policy!r} may be put on any node of the cluster at RAY_ADDRESS that "
                "has a GPU, and its adapters lie on this machine; unset RAY_ADDRESS, or take a "
                "vLLM server (openai:MODEL@URL)"
            )

    def _check_sampling(self) -> None:
        temperature, mode = self.sampling.temperature, self.sampling.logprob_mode
        if temperature != 1 and self.policy.startswith(("vllm:", "openai:")):
            raise RequestError(
                f"temperature {temperature:g}: vLLM tells log-probabilities of given tokens at "
                "temperature 1 only, and steps are checked by them; give --temperature 1, or take "
                "transformers:PATH"
            )
        if temperature == 0:
            raise RequestError(
                "temperature 0: nothing can be learned from greedy draws; take one above 0"
            )
        if temperature != 1 and mode != "processed_logprobs":
            raise RequestError(
                f"temperature {temperature:g}: what is optimised is what was sampled, so draws "
                "have to come with processed_logprobs; give --logprob-mode processed_logprobs"
            )

    def _check_verdicts(self) -> None:
        """Raise RequestError if rewards or objectives want intervals, and the protocol gives
        none."""
        if self.judge.protocol != "kernelbench":
            return
        n = self.adapt.group
        yes, unknown = np.ones(n, np.bool_), np.full(n, np.nan)
        verdicts = Verdicts(yes, yes, np.ones(n), unknown, unknown)
        rewards = parse_reward(self.adapt.reward)(verdicts)
        for arm in self.adapt.arms:
            tokens = [np.zeros(1)] * n
            group = Group(rewards, verdicts, sampled=tokens, base=tokens, teacher=tokens)
            parse_objective(arm).token_advantages([group])

    def _check_budget(self, problems: tuple[Problem, ...]) -> None:
        budget, round_ = self.adapt.budget, self.adapt.paid * len(problems)
        if budget is not None and budget < 2 * round_:
            tail = f" and {self.adapt.tail} of a tail" if self.adapt.tail else ""
            raise RequestError(
                f"--budget {budget}: a round draws {round_} ({self.adapt.group}{tail} of each of "
                f"{len(problems)} problems), and learning takes two; give {2 * round_} or more, or "
                "lower -g"
            )

    def grown_from(self, earlier: Self) -> Self:
        """The steps only grow, and so do the draws that confirm; a budget may be set anew."""
        most = {one: max(getattr(earlier.adapt, one), getattr(self.adapt, one)) for one in _GROWING}
        adapt = self.adapt.model_copy(update=most)
        return type(self).model_validate(self.model_dump() | {"adapt": adapt.model_dump()})

    def last_step(self, problems: int) -> int:
        """How many steps are made: as many as were asked for, within the budget."""
        adapt = self.adapt
        return last_step(adapt.steps, adapt.paid, problems, adapt.budget)

    def units(self, problems: tuple[Problem, ...]) -> list[Unit]:
        """All trajectories."""
        return units_of(self.adapt.arms, problems, self.adapt.unit)

    def rounds(self) -> Rounds:
        """What is drawn in which round."""
        problems = self.selected()
        last = self.last_step(len(problems))
        return Rounds(problems, self.units(problems), self.method(), last)

    def method(self) -> Method:
        """As the steps take it. Raises RequestError for names that mean nothing."""
        parse_reward(self.adapt.reward)
        spec = StepSpec(
            temperature=self.sampling.temperature,
            step_size=parse_step_size(self.adapt.step_size),
            mismatch=parse_correction(self.adapt.mismatch),
        )
        adapt = self.adapt
        return Method(adapt.group, adapt.reward, spec, adapt.patience, adapt.tail, adapt.confirm)

    @property
    def policy_options(self) -> dict[str, object]:
        """Room for the adapters in an engine that has to know of it when it starts."""
        if not self.policy.startswith("vllm:") or "lora_rank=" in self.policy:
            return super().policy_options
        return super().policy_options | {"lora_rank": self.adapt.rank}

    @property
    def trains_on_gpu(self) -> bool:
        """Whether the trainer holds a GPU of the flow's machine."""
        return _DEVICES.get(self.adapt.trainer) == "cuda"

    def trainer_settings(self, threads: int, begin: Path | None = None) -> TrainerSettings:
        """Of whichever trainer was asked for. begin: the adapter that steps begin with."""
        address = tinker_address(self.adapt.trainer)
        if address is None:
            return self.local_settings(threads, begin)
        return TinkerSettings.of(
            base_weights(self.policy),
            address,
            rank=self.adapt.rank,
            seed=self.seed,
            in_float32=self.adapt.dtype == "float32",
        )

    def check_trainer_there(self) -> None:
        """Raise RequestError if it is a server's and none answers."""
        if address := tinker_address(self.adapt.trainer):
            check_server(address)

    def local_settings(self, threads: int, begin: Path | None = None) -> LocalSettings:
        """Of the local trainer. begin: the adapter that steps begin with."""
        return LocalSettings(
            base=base_weights(self.policy),
            rank=self.adapt.rank,
            alpha=self.adapt.alpha,
            seed=self.seed,
            threads=threads,
            device=_DEVICES[self.adapt.trainer],
            dtype=self.adapt.dtype,
            begin=begin,
        )
