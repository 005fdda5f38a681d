"""Mean cross entropy between rows of logits and class indices."""

import torch
import torch.nn as nn

SIZE = "cpu"
BATCH, CLASSES = {"cpu": (1024, 4096), "kernelbench": (32768, 4096)}[SIZE]


class Model(nn.Module):
    def forward(self, predictions: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        return torch.nn.functional.cross_entropy(predictions, targets)


def get_inputs():
    # Logits spread like a trained model's: drawn from [0, 1) the loss is log(CLASSES) whatever the
    # targets are. Rows at different heights do not change the loss, but overflow a careless exp.
    logits = 4.0 * torch.randn(BATCH, CLASSES) + 40.0 * torch.randn(BATCH, 1)
    return [logits, torch.randint(0, CLASSES, (BATCH,))]


def get_init_inputs():
    return []
