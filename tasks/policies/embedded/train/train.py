"""The training loop."""

from __future__ import annotations

import math
import time
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from tokenizers import Tokenizer

from tasks.policies.embedded.corpus import generate
from tasks.policies.embedded.train.batches import (
    HELD_OUT,
    IGNORED,
    Batch,
    Pools,
    batches_of,
    pool,
    prompt_of,
)
from tasks.policies.embedded.train.card import corpus_hash, write_card
from tasks.policies.embedded.train.checkpoint import Progress, load_checkpoint, save_checkpoint
from tasks.policies.embedded.train.heldout import held_out_loss
from tasks.policies.embedded.train.model import build_model, export_model
from tasks.policies.embedded.train.tokenizer import (
    END_ID,
    PAD_ID,
    Split,
    learn_tokenizer,
    save_tokenizer,
)

WARMUP = 0.02
"""Share of the budget over which the learning rate rises."""


@dataclass(frozen=True)
class TrainConfig:
    """Settings of one training. With `steps` the result depends on nothing but these settings and
    the corpus; without, `minutes` shapes the schedule and so does the machine."""

    out: Path
    minutes: float = 40.0
    steps: int | None = None
    seed: int = 0
    threads: int = 1
    workers: int = 0
    device: str = "cpu"
    batch_tokens: int = 8192
    lr: float = 2e-3
    vocabulary: int = 2048
    layers: int = 6
    split: Split = "lines"
    backend: str = "all"
    """What to learn to write: one of the corpus's backends, or all of them."""
    weight_decay: float = 0.05
    pool_examples: int = 2048
    tokenizer_examples: int = 20_000
    held_out_examples: int = 1024
    checkpoint_seconds: float = 120.0


def train(config: TrainConfig) -> None:
    """Train the embedded policy and write model, tokenizer and card to `--out`; run again, the same
    command goes on from the last checkpoint there."""
    config.out.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(config.seed)
    torch.set_num_threads(config.threads)
    torch.set_float32_matmul_precision("high")
    device = torch.device(config.device)
    corpus = corpus_hash(config.backend)
    tokenizer = _tokenizer(config)
    model = build_model(
        tokenizer.get_vocab_size(), layers=config.layers, end_id=END_ID, pad_id=PAD_ID
    ).to(device)
    optimizer = torch.optim.AdamW(
        _groups(model, config.weight_decay), lr=config.lr, betas=(0.9, 0.98), fused=True
    )
    progress = load_checkpoint(config.out, model, optimizer, device)
    held_out = pool(tokenizer, HELD_OUT + config.seed, config.held_out_examples, config.backend)

    started = saved = time.monotonic()
    spent_before = progress.seconds
    pools = Pools(tokenizer, config.seed, config.pool_examples, config.workers, config.backend)
    stream = pools.iterate(progress.pool)
    done = _done(config, progress)
    while done < 1.0:
        index, members = next(stream)
        for batch in batches_of(members, config.batch_tokens, pools.seed(index)):
            loss = _step(model, optimizer, batch, config.lr * learning_rate_share(done), device)
            progress.step += 1
            progress.tokens += batch.n_targets
            progress.examples += batch.ids.shape[0]
            # Read back rarely: on a GPU every read waits for the device.
            if progress.step % 20 == 0:
                _note_loss(progress, float(loss))
            progress.seconds = spent_before + time.monotonic() - started
            done = _done(config, progress)
            if done >= 1.0:
                break
        progress.pool = index + 1
        if time.monotonic() - saved > config.checkpoint_seconds:
            saved = time.monotonic()
            save_checkpoint(config.out, model, optimizer, progress)
            model.eval()
            now = held_out_loss(model, held_out[:256], device)
            model.train()
            print(
                f"step {progress.step}  examples {progress.examples}  "
                f"tokens/s {progress.tokens / progress.seconds:.0f}  "
                f"train {progress.train_loss:.4f}  held out {now.per_token:.4f} nats/token, "
                f"{now.per_example:.1f} nats/example  {100 * done:.0f} %",
                flush=True,
            )
    stream.close()
    save_checkpoint(config.out, model, optimizer, progress)
    model.eval()
    final = held_out_loss(model, held_out, device)
    export_model(model, config.out)
    settings = {k: v for k, v in asdict(config).items() if k not in {"out", "threads", "workers"}}
    write_card(
        config.out,
        settings=settings,
        parameters=sum(p.numel() for p in model.parameters()),
        progress=progress,
        held_out=final,
        corpus=corpus,
        device=torch.cuda.get_device_name() if device.type == "cuda" else "cpu",
    )
    print(f"held out {final.per_token:.4f} nats/token, {final.per_example:.1f} nats/example")


def learning_rate_share(done: float) -> float:
    """Linear warm-up, then a cosine to zero; `done` is the share of the budget spent."""
    if done < WARMUP:
        return max(done / WARMUP, 0.01)
    return 0.5 * (1 + math.cos(math.pi * (done - WARMUP) / (1 - WARMUP)))


def _done(config: TrainConfig, progress: Progress) -> float:
    if config.steps is not None:
        return progress.step / config.steps
    return progress.seconds / (60 * config.minutes)


def _tokenizer(config: TrainConfig) -> Tokenizer:
    """The one in `out` if a training was interrupted there, else a new one."""
    file = config.out / "tokenizer.json"
    if file.is_file():
        return Tokenizer.from_file(str(file))
    examples = islice(
        generate(HELD_OUT - 1 - config.seed, config.backend), config.tokenizer_examples
    )
    texts = (text for example in examples for text in (prompt_of(example), example.text))
    tokenizer = learn_tokenizer(texts, config.vocabulary, config.split)
    save_tokenizer(tokenizer, config.out)
    return tokenizer


def _groups(model: Any, weight_decay: float) -> list[dict[str, Any]]:
    """Matrices decay, norms do not."""
    matrices = [p for p in model.parameters() if p.ndim >= 2]
    vectors = [p for p in model.parameters() if p.ndim < 2]
    return [
        {"params": matrices, "weight_decay": weight_decay},
        {"params": vectors, "weight_decay": 0.0},
    ]


def _step(model: Any, optimizer: Any, batch: Batch, lr: float, device: torch.device) -> Any:
    for group in optimizer.param_groups:
        group["lr"] = lr
    precision: AbstractContextManager[Any] = (
        torch.autocast("cuda", torch.bfloat16) if device.type == "cuda" else nullcontext()
    )
    with precision:
        logits = model(input_ids=batch.ids.to(device, non_blocking=True), use_cache=False).logits
    targets = batch.labels[:, 1:].to(device, non_blocking=True)
    loss = F.cross_entropy(
        logits[:, :-1].flatten(0, 1).float(), targets.flatten(), ignore_index=IGNORED
    )
    loss.backward()  # type: ignore[no-untyped-call]
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    optimizer.zero_grad(set_to_none=True)
    return loss.detach()


def _note_loss(progress: Progress, loss: float) -> None:
    if math.isnan(progress.train_loss):
        progress.train_loss = loss
    progress.train_loss += 0.05 * (loss - progress.train_loss)
