"""A byte-level BPE tokenizer, learned from the corpus, in the form `AutoTokenizer` loads."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Literal

from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

END, PAD = "<|end|>", "<|pad|>"
END_ID, PAD_ID = 0, 1
"""Special tokens get the first ids."""


Split = Literal["words", "lines"]
"""Where a token must end: at words (GPT-2's rule), or only at line breaks, so that merges may span
words (as in SuperBPE, arXiv 2503.13423)."""


def learn_tokenizer(texts: Iterable[str], vocabulary: int, split: Split = "lines") -> Tokenizer:
    """Byte-level BPE of at most `vocabulary` tokens, END = 0 and PAD = 1.

    Every byte is a token, so any text round-trips.
    """
    tokenizer = Tokenizer(models.BPE())
    if split == "words":
        tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    else:
        tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
            [
                pre_tokenizers.Split(Regex(r"\n+ *"), "isolated"),
                pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
            ]
        )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary,
        special_tokens=[END, PAD],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    return tokenizer


def save_tokenizer(tokenizer: Tokenizer, out: Path) -> None:
    """Write tokenizer.json and tokenizer_config.json."""
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        eos_token=END,
        pad_token=PAD,
        clean_up_tokenization_spaces=False,
    )
    fast.save_pretrained(out)
