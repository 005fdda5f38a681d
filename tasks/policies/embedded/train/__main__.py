"""Command line of the trainer."""

from __future__ import annotations

import argparse
from pathlib import Path

import torch

from tasks.policies.embedded.train.train import TrainConfig, train


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m tasks.policies.embedded.train", description=train.__doc__
    )
    parser.add_argument("--out", type=Path, required=True, help="directory of the trained model")
    parser.add_argument("--minutes", type=float, default=40.0, help="training time, all runs added")
    parser.add_argument("--steps", type=int, help="stop after so many steps: exactly repeatable")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=1, help="of torch, on a CPU")
    parser.add_argument("--workers", type=int, default=0, help="processes that write examples")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--batch-tokens", type=int, default=8192, help="per optimizer step")
    parser.add_argument("--lr", type=float, default=2e-3, help="peak learning rate")
    parser.add_argument("--vocabulary", type=int, default=2048)
    parser.add_argument("--layers", type=int, default=6)
    parser.add_argument("--split", choices=["words", "lines"], default="lines")
    parser.add_argument("--backend", choices=["all", "cpp", "triton"], default="all")
    arguments = parser.parse_args()
    train(TrainConfig(**vars(arguments)))


if __name__ == "__main__":
    main()
