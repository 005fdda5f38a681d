"""Sampling from a causal language model as `transformers` loads it."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import torch
from safetensors import SafetensorError
from transformers import (
    AutoModelForCausalLM,
    AutoTokenizer,
    GenerationConfig,
    LogitsProcessorList,
    StoppingCriteriaList,
)

from tasks.errors import RequestError
from tasks.policies.base import Sample, SamplingParams, policy_hash
from tasks.policies.cache import growing_cache
from tasks.policies.draw import FillerRowsStop, SeededDraw
from tasks.policies.extract import extract_code
from tasks.policies.prompt import render
from tasks.policies.scaffold import scaffold_body
from tasks.problems.base import Problem

_IDENTITY_SUFFIXES = {".safetensors", ".bin", ".json", ".txt", ".model", ".jinja"}
_NOT_IDENTITY = {"TRAINING.json"}


def best_device() -> torch.device:
    """The first CUDA device if there is one, else the CPU."""
    return torch.device("cuda:0" if torch.cuda.is_available() else "cpu")


def fingerprint(path: Path) -> bytes:
    """SHA-256 over the names and bytes of the files that decide what a model says."""
    digest = hashlib.sha256()
    for file in sorted(path.iterdir()):
        if file.suffix in _IDENTITY_SUFFIXES and file.name not in _NOT_IDENTITY:
            digest.update(file.name.encode() + b"\0")
            with file.open("rb") as stream:
                digest.update(hashlib.file_digest(stream, "sha256").digest())
    return digest.digest()


class CausalLMPolicy:
    """A local model, a prompt template and sampling settings.

    Every batch has the same number of rows: short ones are filled up with rows that count as ended.
    Matrix products choose their kernels by shape, so only a constant shape makes a candidate's
    rounding, and with it its draw, independent of how many others are asked for (a resumed shard
    asks for fewer).

    name: prefix of the policy id.
    path: directory with config.json, weights and tokenizer.
    template: prompt template (see prompt.py); goes into a user turn where the tokenizer has a chat
        template, else is the prompt itself.
    batch_rows: rows of every batch; None takes 16 on a CPU, 64 on a GPU.

    Raises RequestError if `path` holds no loadable model.
    """

    def __init__(
        self,
        *,
        name: str,
        path: Path,
        params: SamplingParams,
        template: str,
        device: torch.device,
        batch_rows: int | None = None,
    ) -> None:
        if params.temperature < 0:
            raise RequestError(f"temperature must be 0 or more, not {params.temperature:g}")
        if params.max_tokens < 1:
            raise RequestError(f"max_tokens must be 1 or more, not {params.max_tokens}")
        if not (path / "config.json").is_file():
            raise RequestError(f"no model in {str(path)!r}: give a directory with a config.json")
        self._params = params
        self._template = template
        self._device = device
        self._batch_rows = batch_rows or (16 if device.type == "cpu" else 64)
        # A CPU has no fast half precision everywhere; a GPU runs the model as it was saved.
        dtype = torch.float32 if device.type == "cpu" else "auto"
        try:
            self._tokenizer: Any = AutoTokenizer.from_pretrained(path, local_files_only=True)
            model: Any = AutoModelForCausalLM.from_pretrained(
                path, local_files_only=True, dtype=dtype
            )
        except (OSError, ValueError, KeyError, ImportError, SafetensorError) as error:
            reason = " ".join(str(error).split())[:200]
            raise RequestError(f"cannot load the model in {str(path)!r}: {reason}") from error
        self._model = model.to(device).eval()
        self._end_ids = _end_ids(self._model, self._tokenizer)
        # Replaces the model's own generation defaults (top-k, penalties): they would change the
        # distribution behind our back.
        self._model.generation_config = GenerationConfig(
            do_sample=False,
            num_beams=1,
            use_cache=True,
            eos_token_id=sorted(self._end_ids),
            pad_token_id=_pad_id(self._tokenizer, self._end_ids),
        )
        content = fingerprint(path) + str(self._model.dtype).encode() + template.encode()
        self._policy_id = policy_hash(name, content, params)

    @property
    def policy_id(self) -> str:
        return self._policy_id

    def sample(self, problem: Problem, seeds: Sequence[int]) -> list[Sample]:
        """One sample per seed, in order.

        Raises RequestError if the prompt leaves the model no room to answer, or if `body` mode
        meets a reference that cannot be scaffolded.
        """
        prompt = self.encode_prompt(problem)
        samples: list[Sample] = []
        for start in range(0, len(seeds), self._batch_rows):
            samples += self._sample_batch(problem, prompt, seeds[start : start + self._batch_rows])
        return samples

    def encode_prompt(self, problem: Problem) -> list[int]:
        """Token ids of the whole prompt."""
        text = render(
            self._template,
            self._params,
            level=problem.level,
            problem_id=problem.problem_id,
            name=problem.name,
            source=problem.source,
        )
        if self._tokenizer.chat_template:
            encoded = self._tokenizer.apply_chat_template(
                [{"role": "user", "content": text}],
                add_generation_prompt=True,
                return_dict=True,
            )
            return list(encoded["input_ids"])
        return list(self._tokenizer(text)["input_ids"])

    @torch.inference_mode()
    def _sample_batch(
        self, problem: Problem, prompt: list[int], seeds: Sequence[int]
    ) -> list[Sample]:
        max_tokens = self._room(problem, len(prompt))
        fillers = [0] * (self._batch_rows - len(seeds))
        draw = SeededDraw(self._params.temperature, [*seeds, *fillers], max_tokens)
        inputs = torch.tensor([prompt] * self._batch_rows, device=self._device)
        sequences = self._model.generate(
            input_ids=inputs,
            attention_mask=torch.ones_like(inputs),
            max_new_tokens=max_tokens,
            past_key_values=growing_cache(self._model.config),
            logits_processor=LogitsProcessorList([draw]),
            stopping_criteria=StoppingCriteriaList([FillerRowsStop(len(seeds))]),
        )
        tokens = sequences[: len(seeds), len(prompt) :].tolist()
        kept = draw.raw if self._params.logprob_mode == "raw_logprobs" else draw.processed
        logprobs = torch.stack(kept, dim=1)[: len(seeds)].tolist()
        return [
            self._finish(problem, len(prompt), row, row_logprobs)
            for row, row_logprobs in zip(tokens, logprobs, strict=True)
        ]

    def _room(self, problem: Problem, n_prompt: int) -> int:
        context: int | None = getattr(self._model.config, "max_position_embeddings", None)
        if context is None:
            return self._params.max_tokens
        if n_prompt >= context:
            raise RequestError(
                f"problem {problem.problem_id}: the prompt has {n_prompt} tokens, the model's "
                f"context {context}; take a model with a longer context"
            )
        return min(self._params.max_tokens, context - n_prompt)

    def _finish(
        self, problem: Problem, n_prompt: int, row: list[int], logprobs: list[float]
    ) -> Sample:
        end = next((i for i, token in enumerate(row) if token in self._end_ids), None)
        length = len(row) if end is None else end + 1
        reason: Literal["stop", "length"] = "length" if end is None else "stop"
        text = self._tokenizer.decode(
            row[:end], skip_special_tokens=True, clean_up_tokenization_spaces=False
        )
        return Sample(
            completion=text,
            source=to_source(text, problem, self._params),
            token_ids=tuple(row[:length]),
            logprobs=tuple(logprobs[:length]),
            logprob_mode=self._params.logprob_mode,
            n_prompt_tokens=n_prompt,
            finish_reason=reason,
        )


def to_source(completion: str, problem: Problem, params: SamplingParams) -> str:
    """The module that is judged, from what the model wrote."""
    code = extract_code(completion)
    return scaffold_body(problem, code) if params.mode == "body" else code


def _end_ids(model: Any, tokenizer: Any) -> frozenset[int]:
    declared: int | list[int] | None = model.generation_config.eos_token_id
    if declared is None:
        declared = tokenizer.eos_token_id
    if declared is None:
        return frozenset()
    return frozenset([declared] if isinstance(declared, int) else declared)


def _pad_id(tokenizer: Any, end_ids: frozenset[int]) -> int:
    declared: int | None = tokenizer.pad_token_id
    return min(end_ids, default=0) if declared is None else declared
