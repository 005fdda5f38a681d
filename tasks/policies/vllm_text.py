"""Between text and tokens for a local model: its prompt, its completions, where they end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from transformers import AutoTokenizer, GenerationConfig

from tasks.errors import RequestError
from tasks.policies.answer import read_answer
from tasks.policies.base import Sample, SamplingParams
from tasks.policies.logprobs import usable
from tasks.policies.prompt import encode_prompt
from tasks.policies.reasoning import HARMONY, opens_thought
from tasks.policies.rescore import Written, tokens_of
from tasks.problems.base import Problem

_TAIL = 16  # tokens of the prompt's end, enough to hold the mark that opens a thought


class ModelText:
    """A tokenizer, a prompt template and sampling settings.

    chat: arguments of the tokenizer's chat template, for models that have one.

    Raises RequestError if `path` holds no tokenizer.
    """

    def __init__(
        self, path: Path, params: SamplingParams, template: str, chat: Mapping[str, Any]
    ) -> None:
        try:
            self._tokenizer: Any = AutoTokenizer.from_pretrained(path, local_files_only=True)
        except (OSError, ValueError, KeyError, ImportError) as error:
            reason = " ".join(str(error).split())[:200]
            raise RequestError(f"cannot load the tokenizer in {str(path)!r}: {reason}") from error
        self._params = params
        self._template = template
        self._chat = dict(chat)
        self._skip_special = HARMONY not in self._tokenizer.get_vocab()
        self.end_ids = _end_ids(path, self._tokenizer)

    def encode_prompt(self, problem: Problem, more: str = "") -> list[int]:
        """Token ids of the whole prompt, with `more` behind the task."""
        return encode_prompt(
            self._tokenizer, self._template, self._params, problem, self._chat, more
        )

    def decode(self, tokens: Sequence[int]) -> str:
        """The text of completion tokens, without special ones except Harmony's."""
        text: str = self._tokenizer.decode(
            list(tokens), skip_special_tokens=self._skip_special, clean_up_tokenization_spaces=False
        )
        return text

    def tokens_of(self, written: Written) -> tuple[list[int], Literal["stored", "retokenised"]]:
        """The tokens that a stored completion is scored by."""
        return tokens_of(
            written,
            decode=self.decode,
            encode=lambda text: self._tokenizer(text, add_special_tokens=False)["input_ids"],
            end_ids=self.end_ids,
        )

    def sample(
        self,
        problem: Problem,
        prompt: Sequence[int],
        tokens: Sequence[int],
        logprobs: Sequence[float],
        reason: Literal["stop", "length"],
    ) -> Sample:
        """The sample that these tokens are, an end token at their end included."""
        ended = bool(tokens) and tokens[-1] in self.end_ids
        written = list(tokens[:-1] if ended else tokens)
        text = self.decode(written)
        answer = read_answer(
            text,
            problem,
            self._params,
            n_tokens=len(written),
            decoded_length=lambda count: len(self.decode(written[:count])),
            thinking=opens_thought(self.decode(prompt[-_TAIL:])),
        )
        return Sample(
            completion=text,
            source=answer.source,
            code_span=answer.code_span,
            token_ids=tuple(tokens),
            logprobs=usable(logprobs),
            logprob_mode=self._params.logprob_mode,
            n_prompt_tokens=len(prompt),
            finish_reason=reason,
        )


def _end_ids(path: Path, tokenizer: Any) -> frozenset[int]:
    declared: int | list[int] | None = None
    if (path / "generation_config.json").is_file():
        declared = GenerationConfig.from_pretrained(path, local_files_only=True).eos_token_id
    if declared is None:
        declared = tokenizer.eos_token_id
    if declared is None:
        return frozenset()
    return frozenset([declared] if isinstance(declared, int) else declared)
