"""What judge and worker say to each other.

Judge to worker: a pickled `Job` (the judge is trusted) and two plain commands. Worker to judge: one
fixed-size struct and a fixed array of 64-bit integers, nothing that needs interpreting. The judge
takes every field for a claim.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from enum import IntEnum

import torch

from kernels_eval.worker.constants import Redraw

TEXT_BYTES = 2000
_REPORT = struct.Struct(f"<4sBBHQq{TEXT_BYTES}s")
REPORT_BYTES = _REPORT.size
_COMMAND = struct.Struct("<4sBxxxQQ")
COMMAND_BYTES = _COMMAND.size
_MAGIC = b"kev1"

MAX_DIMENSIONS = 8
RECORD_WORDS = 3 + MAX_DIMENSIONS
"""Per output tensor: segment (0 on the CPU), address there (on the CPU: in the process), number of
strides (0: contiguous), strides in elements."""


class Command(IntEnum):
    """Judge to worker."""

    PREPARE = 1
    """(n, bytes) Drop old outputs, build the arguments of n calls, whose sets start so far into the
    inputs' memory."""
    GO = 2
    """(n, number) Call n times; it is the batch of that number."""
    ATTACH = 3
    """(n, bytes) Take memory for the inputs of n calls, and so much to spare, in place of what was
    there; its descriptor rides along. No answer."""


class Report(IntEnum):
    """Worker to judge."""

    READY = 1
    """Imported and built; `value` is the nanoseconds it took, the text names weights of its own
    that the reference's took the place of."""
    PREPARED = 2
    DONE = 3
    """All calls returned; `value` is the nanoseconds they took by the worker's own clock, `second`
    (on a GPU) those until the last was launched."""
    FAILED = 4
    """`value` is how many processes and threads it has."""
    SEGMENT = 5
    """Device memory that outputs lie in; its descriptor rides along. `value` is its size in bytes,
    `second` the serial by which records call it."""
    UP = 6
    """The process has its device, and imports the candidate next: the first message of all."""


class Failure(IntEnum):
    """Why a worker gave up: always a claim against the candidate itself."""

    NONE = 0
    IMPORT = 1
    BUILD = 2
    CALL = 3
    MEMORY = 4
    NOT_MATERIALISED = 5
    WRONG_OUTPUT = 6
    """Number, shape or dtype of the outputs."""


@dataclass(frozen=True, slots=True)
class Message:
    report: Report
    failure: Failure
    value: int
    text: str
    second: int = 0


def pack_report(report: Report, failure: Failure, value: int, text: str, second: int = 0) -> bytes:
    encoded = text.encode(errors="replace")[:TEXT_BYTES]
    return _REPORT.pack(_MAGIC, report, failure, len(encoded), second, value, encoded)


def unpack_report(raw: bytes) -> Message | None:
    """The message, or None if these bytes are not one (the worker, or what runs in it, forged)."""
    if len(raw) != REPORT_BYTES:
        return None
    magic, report, failure, length, second, value, text = _REPORT.unpack(raw)
    if magic != _MAGIC or length > TEXT_BYTES or value < 0:
        return None
    try:
        return Message(
            Report(report), Failure(failure), value, text[:length].decode(errors="replace"), second
        )
    except ValueError:
        return None


def pack_command(command: Command, count: int, size: int = 0) -> bytes:
    return _COMMAND.pack(_MAGIC, command, count, size)


def unpack_command(raw: bytes) -> tuple[Command, int, int]:
    _, command, count, size = _COMMAND.unpack(raw)
    return Command(command), count, size


@dataclass(frozen=True)
class TensorPlace:
    """Where one input tensor of a set lies: bytes from the set's start; strides in elements."""

    offset: int
    shape: tuple[int, ...]
    stride: tuple[int, ...]
    dtype: torch.dtype


@dataclass(frozen=True)
class OutputSpec:
    """What a call must return at one place."""

    shape: tuple[int, ...]
    dtype: torch.dtype

    @property
    def numel(self) -> int:
        count = 1
        for extent in self.shape:
            count *= extent
        return count

    @property
    def nbytes(self) -> int:
        return self.numel * self.dtype.itemsize


@dataclass(frozen=True)
class Job:
    """All a worker needs to know. Nothing in here tells inputs, seeds of inputs, or answers."""

    source: str
    module_name: str
    class_name: str
    arguments: bytes
    """Pickled: positional and keyword arguments of the class."""
    weight_seed: int
    """Of what is drawn on import, and again of what is drawn by the class."""
    state: dict[str, torch.Tensor]
    """The reference's parameters and buffers, loaded where name and shape agree."""
    drawn: bytes
    """Digest of torch's generator after the reference was constructed: who drew the same has it."""
    nesting: bytes
    """Pickled: of the inputs."""
    structure: bytes
    """Pickled: of the outputs (structure.py)."""
    places: tuple[TensorPlace, ...]
    outputs: tuple[OutputSpec, ...]
    set_bytes: int
    max_calls: int
    threads: int
    device: str = "cpu"
    reduced_precision: bool = False
    library_precision: bool = False
    """TF32: in products, and in convolutions (where it is torch's default). Both off unless the
    protocol is KernelBench's."""
    objects: dict[str, bytes] = field(default_factory=dict)
    """What this very source compiled to in an earlier worker (backends/objects.py)."""
    trusted: bool = False
    """The reference."""
    redraw: Redraw = field(default_factory=Redraw)
    """Constants of the constructor that both sides draw around their values."""
    problem_name: str = ""
    problem_source: str = ""
    """The module whose classes what is pickled may be of."""

    def region_bytes(self, calls: int) -> int:
        """Memory for the inputs of `calls` calls."""
        return max(4096, self.set_bytes * calls)

    @property
    def record_count(self) -> int:
        return self.max_calls * len(self.outputs)

    @property
    def turn_word(self) -> int:
        """Behind the records: the number of the batch that the device has last come to the end of,
        as it says itself, so that nobody waits for a message. It decides nothing."""
        return RECORD_WORDS * self.record_count

    @property
    def report_bytes(self) -> int:
        return max(4096, 8 * (self.turn_word + 1))
