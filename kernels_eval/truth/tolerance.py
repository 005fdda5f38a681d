"""How far from the float64 result a candidate may be, and how far it is.

The float32 reference r has its own distance from the float64 result t. With ‖·‖ the root of the sum
of squares over a set W of elements, a candidate c passes on W if

    ‖c − t‖ ≤ slack(W) · ( 16·‖r − t‖ + (32 + √n)·ε·‖t‖ + floor )

ε is the unit roundoff distance of the computation (`torch.finfo(float32).eps`, doubled for half
types' own rounding), n the depth of the longest sum a kernel may have to form.

- W = all elements of the output, slack 1: the norm-relative test.
- W = every run of 256 neighbours, slack 4: the elementwise test. A single wrong element of relative
  error δ weighs δ/16 in its window, so it shows from about 3e-4 on at n = 1000, however
  large the output; windows with a small scale are held to their own scale.

Why √n: adding n terms in sequence rounds n times. With rounding errors independent and of mean
zero the relative error of the sum grows as about 0.2·ε·√n, for terms of either sign and of one
sign alike (N. Higham, T. Mary, "A new approach to probabilistic rounding error analysis", 2019:
the constant is of order one, in √n·u). A library's blocked sums do better, by a factor that its
own distance does not tell; so an honest naive loop gets five times its expected error. n is capped
at 2²⁰: beyond it a naive float32 loop is wrong, not reordered. Silent half precision has a relative
error of about 1.4e-4 (float16), 1e-3 (bfloat16) or 2e-4 (TF32, in a product): 3 to 100 times what
is allowed up to n = 10⁵.

Where an output has few elements (16 at most), sums of signed terms come out near zero now and then,
and rounding follows the terms. So ‖t‖ is at least what it usually is, over several draws, there
(`usual_size`).

`floor` is √|W|·(32 + √n)·ε·rms(t over the output) / 8: where sums of large terms happen to cancel
(a running sum crossing zero), rounding follows the terms, not the result. So a window smaller than
about 10⁻⁵ of the output's scale is not held to its own scale.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import torch

from kernels_eval.truth import on_gpu

WINDOW = 256
_CHUNK = 512 * WINDOW
_NEAR_CHUNK = 256 * WINDOW
_GPU_CHUNK = (1 << 18) * WINDOW
_LARGE_BYTES = 64 << 20
SURE = 0.9
"""Of the allowed sum of squares: 0.95 of the distance, leaving more than the 1/64 of rounding."""
_FLOAT32_SQUARES = (1e-30, 1e30)
"""Sums of squares that float32 forms without underflow or overflow."""
_MULTIPLE = 16.0
_BASE_ULPS = 32.0
_DEPTH_CAP = 1 << 20
_WINDOW_SLACK = 4.0
_FLOOR, _FLOOR_ALONE = 2.0**-3, 2.0**-10
"""Where outputs are sums, and where each element is made of a few numbers alone."""
FEW = 16
"""Elements of an output that is compared with its usual size, too."""
_MANY = 16
"""Windows of which a share says something."""
_CLIP = 3.0
"""Of the median: an output that is a thousand times as large now and then is not usual then."""


@dataclass(frozen=True)
class Truth:
    """The float64 result of one output, with what is allowed around it. Flat, in memory order."""

    expected: torch.Tensor
    """(N,) float64, or the exact integers; empty where `exact` gives it again on demand."""
    other: torch.Tensor | None = None
    """Integers only: the float32 reference's answer where it differs; either is right."""
    window_allowed: torch.Tensor | None = None
    """(⌈N / 256⌉,) float64: largest sum of squares of a window's distance."""
    allowed: float = 0.0
    """Largest sum of squares of the whole distance."""
    finite: bool = True
    """False: some elements are infinite or not a number, and must be so in a candidate too."""
    rounded: torch.Tensor | None = None
    """`expected` in float32, where a look at that precision can settle that an answer passes."""
    exact: Callable[[], torch.Tensor] | None = None
    """Computes `expected` once more: on a GPU that is quick, and memory is what is short."""
    off: tuple[float, float] = (0.0, 0.0)
    """Distance of `rounded` beyond its rounding, in units of what is allowed: of its worst window,
    and as a whole."""
    reference_off: tuple[float, float] = (0.0, 0.0)
    """The same of the float32 reference's answer, of which 16 are allowed: at most 1/64, 1/16."""
    reference_bits: int | None = None
    """The sum of that answer's words: whether it came out the same when it is computed again."""

    @property
    def is_empty(self) -> bool:
        """Whether the output has no elements."""
        return self.window_allowed is None and not self.expected.numel()

    def values(self) -> torch.Tensor:
        """(N,) the result in float64, or the exact integers."""
        return self.expected if self.exact is None else self.exact()

    def without_values(self) -> Truth:
        """To be kept where memory is short: `with_reference` makes up for what is left out."""
        rounded = self.rounded
        if self.exact is None or rounded is None or not _large(rounded):
            return self
        return replace(self, rounded=None)

    @property
    def lacks_values(self) -> bool:
        return self.rounded is None and self.reference_bits is not None

    def with_reference(self, reference: torch.Tensor) -> Truth:
        """With the float32 reference's answer (flat, computed again) in the place of `rounded`.

        How far it is from the float64 result is known, if it is the same answer. If not, float64
        is computed again instead.
        """
        if word_sum(reference) != self.reference_bits:
            return self
        return replace(self, rounded=reference, off=self.reference_off)

    @property
    def nbytes(self) -> int:
        total = self.expected.numel() * self.expected.element_size()
        if self.window_allowed is not None:
            total += self.window_allowed.numel() * 8
        if self.rounded is not None:
            total += self.rounded.numel() * 4
        return total

    def distance(self, answer: torch.Tensor) -> float:
        """Distance of a flat `answer` in units of what is allowed; ≤ 1 passes, inf is hopeless."""
        answer = plain_numbers(answer)
        if self.window_allowed is None:
            return self._exact(answer)
        if self.finite:
            near = self._near(answer)
            return self._norms(answer) if near is None else near
        compared = self._compare_non_finite(answer)
        return math.inf if compared is None else self._norms(compared)

    def within(self, answer: torch.Tensor, most: float) -> bool:
        """Whether a flat `answer` is no farther than `most`; a part that surely is settles it."""
        answer = plain_numbers(answer)
        if self.rounded is not None and answer.dtype is torch.float32:
            assert self.window_allowed is not None
            sure = (most + self.off[0] + 1 / 64) ** 2
            step = chunk_of(answer, _NEAR_CHUNK)
            for start in range(0, self.rounded.numel(), step):
                stop = min(start + step, self.rounded.numel())
                squares = window_squares(answer[start:stop] - self.rounded[start:stop])
                first = start // WINDOW
                allowed = self.window_allowed[first : first + squares.numel()]
                if not bool((squares <= sure * allowed).all()):
                    return False
        return self.distance(answer) <= most

    def unseen_share(self) -> float:
        """Of the windows that are not zero throughout: those in which zeros would pass."""
        if self.window_allowed is None or not self.finite:
            return 0.0
        if self.window_allowed.numel() < _MANY:
            return 0.0
        expected, step = self.values(), chunk_of(self.window_allowed, _CHUNK)
        squares = torch.cat(
            [
                window_squares(expected[start : start + step].clone())
                for start in range(0, expected.numel(), step)
            ]
        )
        some = squares > 0
        return float((squares[some] <= self.window_allowed[some]).double().mean().nan_to_num(0.0))

    def _exact(self, answer: torch.Tensor) -> float:
        right = answer == self.expected
        if self.other is not None:
            right |= answer == self.other
        return 0.0 if bool(right.all()) else math.inf

    def _compare_non_finite(self, answer: torch.Tensor) -> torch.Tensor | None:
        """The answer with its rightly non-finite elements made equal; None if they are not."""
        special = ~torch.isfinite(self.expected)  # kept: not finite is not representable
        wide = answer.to(self.expected.dtype)
        same = torch.isclose(wide[special], self.expected[special], equal_nan=True)
        if not bool(same.all()):
            return None
        return torch.where(special, torch.zeros_like(wide), wide)

    def _near(self, answer: torch.Tensor) -> float | None:
        """The distance as float32 sees it if that proves that the answer passes, else None.

        Rounding `expected` moves it by ε/2·‖t‖ at most, so by 1/64 of what is allowed for the whole
        and 1/256 for a window, since both allow 32·ε·‖t‖ or more. A third of the time of `_norms`.
        Where `rounded` is off by more, that much is added: the triangle inequality, so what is
        returned is an upper bound then.
        """
        if self.rounded is None or answer.dtype is not torch.float32:
            return None
        assert self.window_allowed is not None
        if on_gpu.fits(answer, self.rounded, torch.float32):
            squares = on_gpu.against_rounded(answer, self.rounded)
            total, worst = torch.stack(
                [squares.sum(), (squares / self.window_allowed).max()]
            ).tolist()
            return self._sure(worst, total)
        total, worst = 0.0, 0.0
        step = chunk_of(answer, _NEAR_CHUNK)
        for start in range(0, self.rounded.numel(), step):
            stop = min(start + step, self.rounded.numel())
            squares = window_squares(answer[start:stop] - self.rounded[start:stop])
            first = start // WINDOW
            ratio = squares / self.window_allowed[first : first + squares.numel()]
            total += float(squares.sum())
            worst = max(worst, float(ratio.max()))
            if self._sure(worst, total) is None:
                return None
        return self._sure(worst, total)

    def _sure(self, worst: float, total: float) -> float | None:
        """The distance from the squares of float32, None if it might be too large or no number."""
        whole = total / self.allowed if total else 0.0
        if not (0.0 <= worst < math.inf and 0.0 <= whole < math.inf):
            return None
        distance = max(math.sqrt(worst) + self.off[0], math.sqrt(whole) + self.off[1])
        return distance if distance <= math.sqrt(SURE) else None

    def _norms(self, answer: torch.Tensor) -> float:
        assert self.window_allowed is not None
        expected = self.values()
        step = chunk_of(answer, _CHUNK)
        if not self.finite:
            expected = torch.where(torch.isfinite(expected), expected, torch.zeros_like(expected))
        total, worst = 0.0, 0.0
        for start in range(0, expected.numel(), step):
            stop = min(start + step, expected.numel())
            squares = window_squares(answer[start:stop].to(torch.float64) - expected[start:stop])
            first = start // WINDOW
            allowed = self.window_allowed[first : first + squares.numel()]
            ratio = torch.where(squares == 0, squares, squares / allowed)
            total += float(squares.sum())
            chunk_worst = float(ratio.max())
            if not chunk_worst <= worst:
                worst = chunk_worst  # also when it is not a number
            if math.isnan(worst):
                return math.inf
        if total == 0.0:
            return 0.0
        whole = total / self.allowed if self.allowed > 0 else math.inf
        result = math.sqrt(max(whole, worst))
        return result if math.isfinite(result) else math.inf


def chunk_of(tensor: torch.Tensor, on_cpu: int) -> int:
    """Elements to look at at once: what caches hold, or what keeps a GPU busy."""
    return on_cpu if tensor.device.type == "cpu" else _GPU_CHUNK


def window_squares(difference: torch.Tensor) -> torch.Tensor:
    """Sum of squares over each run of 256; a remainder counts as one shorter run."""
    squares = difference.square_()
    whole = squares.numel() // WINDOW * WINDOW
    sums = squares[:whole].view(-1, WINDOW).sum(1)
    if whole == squares.numel():
        return sums
    return torch.cat([sums, squares[whole:].sum().reshape(1)])


def word_sum(tensor: torch.Tensor) -> int:
    """The sum of the words of a flat float32 tensor as integers, two by two where that is quick."""
    pairs = tensor.numel() % 2 == 0 and tensor.data_ptr() % 8 == 0
    return int(tensor.view(torch.int64 if pairs else torch.int32).sum(dtype=torch.int64))


def make_truth(
    reference: torch.Tensor,
    exact: torch.Tensor,
    depth: int,
    again: Callable[[], torch.Tensor] | None = None,
    usual: float = 0.0,
    *,
    alone: bool = False,
) -> Truth:
    """What is right for one output, from the reference at its own precision and at float64.

    `depth` is n of the module's docstring. Both tensors have the output's shape. With `again`,
    which computes `exact` once more (flat, as plain numbers), float64 values are not kept where
    float32 settles most. `usual`: the size of other draws' outputs (`usual_size`), which counts for
    an output of few elements. `alone`: nothing is summed, so nothing large can have cancelled.
    """
    reference = reference.contiguous().reshape(-1)
    exact = exact.contiguous().reshape(-1)
    if reference.is_complex():
        plain = plain_numbers(reference), plain_numbers(exact)
        return make_truth(*plain, depth, again, usual, alone=alone)
    if not (reference.dtype.is_floating_point and reference.numel()):
        exact = plain_numbers(exact.to(reference.dtype))
        reference = plain_numbers(reference)
        differs = bool((exact != reference).any())
        return Truth(expected=exact, other=reference if differs else None)
    expected = exact.to(torch.float64)
    relative = relative_allowance(reference.dtype, depth)
    least_value = usual**2 if expected.numel() <= 2 * FEW else 0.0  # complex ones are two each
    norms = _window_norms(reference, expected, least_value)
    floor = relative * (_FLOOR_ALONE if alone else _FLOOR)
    window_allowed, error, value, least = _allowed(*norms, relative, floor, expected.numel())
    finite = math.isfinite(error + value)
    if not finite:
        # Where float32 itself overflows, what float32 says is right.
        bad = ~torch.isfinite(expected) | ~torch.isfinite(reference)
        expected = torch.where(bad, reference.to(torch.float64), expected)
        zero = torch.zeros((), dtype=torch.float64, device=expected.device)
        norms = _window_norms(
            torch.where(bad, zero.to(reference.dtype), reference),
            torch.where(bad, zero, expected),
            least_value,
        )
        window_allowed, error, value, least = _allowed(*norms, relative, floor, expected.numel())
    whole = _MULTIPLE * math.sqrt(error) + relative * math.sqrt(value)
    smallest, largest = _FLOAT32_SQUARES
    representable = (
        finite and reference.dtype is torch.float32 and value < largest and least > smallest
    )
    rounded = expected.to(torch.float32) if representable else None
    forget = rounded is not None and again is not None
    slims = forget and _large(reference)
    reference_off = (0.0, 0.0)
    if slims:
        worst = float((norms[0] / window_allowed).max())
        reference_off = (math.sqrt(worst), math.sqrt(error) / whole if whole else 0.0)
    return Truth(
        expected=expected[:0].clone() if forget else expected,
        window_allowed=window_allowed,
        allowed=whole**2,
        finite=finite,
        rounded=rounded,
        exact=again if forget else None,
        reference_off=reference_off,
        reference_bits=word_sum(reference) if slims else None,
    )


_UNSIGNED = {torch.uint16: torch.int16, torch.uint32: torch.int32, torch.uint64: torch.int64}
"""What torch hardly computes with, and what has the same bits."""


def plain_numbers(flat: torch.Tensor) -> torch.Tensor:
    """A flat tensor as numbers that can be compared: real and imaginary parts, signed integers."""
    if flat.is_complex():
        return torch.view_as_real(flat).reshape(-1)
    return flat.view(_UNSIGNED.get(flat.dtype, flat.dtype))


def widened(tensor: torch.Tensor) -> torch.Tensor:
    """In float64, or complex128; what has neither kind of numbers as it is."""
    if tensor.is_complex():
        return tensor.to(torch.complex128)
    return tensor.double() if tensor.is_floating_point() else tensor


def _large(rounded: torch.Tensor) -> bool:
    """Whether the values of such an output are worth leaving out where memory is short."""
    return rounded.numel() * 4 >= _LARGE_BYTES


def _allowed(
    error_squares: torch.Tensor,
    value_squares: torch.Tensor,
    relative: float,
    floor: float,
    numel: int,
) -> tuple[torch.Tensor, float, float, float]:
    """What each window is allowed, the sums of both squares, and the least that is allowed.

    One look at the device for all of them: on a GPU a look takes longer than the sums.
    """
    error, value = error_squares.sum(), value_squares.sum()
    floor_scale = (value / numel).sqrt_().mul_(floor)
    window = error_squares.sqrt().mul_(_MULTIPLE).add_(value_squares.sqrt(), alpha=relative)
    window += math.sqrt(WINDOW) * floor_scale
    if remainder := numel % WINDOW:
        window[-1] -= (math.sqrt(WINDOW) - math.sqrt(remainder)) * floor_scale
    allowed = window.mul_(_WINDOW_SLACK).square_()
    errors, values, smallest = torch.stack([error, value, allowed.amin()]).tolist()
    return allowed, errors, values, smallest


def usual_size(outputs: Sequence[torch.Tensor]) -> float:
    """The root of a sum of squares that is usual for one output, from several draws of it.

    Draws that are larger than three times the median count as much; numbers that are none do not.
    """
    sizes = torch.stack([one.to(torch.complex128).abs().square().sum().sqrt() for one in outputs])
    sizes = sizes[sizes.isfinite()]
    if not sizes.numel():
        return 0.0
    return float(sizes.clamp(max=_CLIP * float(sizes.median())).square().mean().sqrt())


def _window_norms(
    reference: torch.Tensor, expected: torch.Tensor, least_value: float = 0.0
) -> tuple[torch.Tensor, torch.Tensor]:
    """Sums of squares per window, of the reference's error and of the expected values, the latter
    at least `least_value`."""
    if least_value:
        of_error, of_value = _window_norms(reference, expected)
        return of_error, of_value.clamp(min=least_value)
    if on_gpu.fits(reference, expected, torch.float64):
        return on_gpu.against_exact(reference, expected)
    errors, values = [], []
    step = chunk_of(expected, _CHUNK)
    for start in range(0, expected.numel(), step):
        exact = expected[start : start + step]
        errors.append(window_squares(reference[start : start + step].to(torch.float64) - exact))
        values.append(window_squares(exact.clone()))
    return torch.cat(errors), torch.cat(values)


def relative_allowance(dtype: torch.dtype, depth: int) -> float:
    """(32 + √n)·ε; for half types 2·ε of the type on top, since they compute in float32."""
    computing = torch.float64 if dtype is torch.float64 else torch.float32
    allowance = (_BASE_ULPS + math.sqrt(min(depth, _DEPTH_CAP))) * torch.finfo(computing).eps
    if torch.finfo(dtype).bits < 32:
        allowance += 2 * torch.finfo(dtype).eps
    return allowance


def reduction_depth(
    inputs: list[torch.Size], weights: list[torch.Size], outputs: list[torch.Size]
) -> int:
    """An upper estimate of n from shapes alone.

    The largest extent of any operand (products, scans), a weight's elements per output channel
    (convolutions), and all inputs over all outputs (full reductions).
    """
    extents = [extent for shape in (*inputs, *weights) for extent in shape]
    per_channel = [shape.numel() // max(1, shape[0]) for shape in weights if len(shape) > 1]
    drawn = sum(shape.numel() for shape in inputs)
    given = max(1, sum(shape.numel() for shape in outputs))
    return max([1, *extents, *per_channel, drawn // given])
