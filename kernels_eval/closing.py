"""What has to be closed closes with the `with` block that holds it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Self


class Closing(ABC):
    """Closes with its `with` block, however that ends."""

    @abstractmethod
    def close(self) -> None:
        """Give back what it holds. Safe to call twice."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *raised: object) -> None:
        self.close()
