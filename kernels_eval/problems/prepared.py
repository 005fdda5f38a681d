"""What belongs to a problem and not to a candidate: weights, input sets, answers, tolerance."""

from __future__ import annotations

import copy
import functools
import math
import pickle
import secrets
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import torch

from kernels_eval.errors import OutOfRoomError, ProblemError
from kernels_eval.problem_code import problem_code
from kernels_eval.problems.arguments import as_arguments
from kernels_eval.problems.cures import UNSEEN, look, passes, sound
from kernels_eval.problems.kinds import GIVEN, Kind, Nature, natures, recast
from kernels_eval.problems.layout import check_dense, lay_out, placed, storable
from kernels_eval.problems.module import ProblemModule, load_problem
from kernels_eval.problems.mutants import ROWS, Mutant, mutants
from kernels_eval.problems.packed import pack, same
from kernels_eval.problems.pool import Pool
from kernels_eval.problems.posed import (
    check_dependence,
    check_deterministic,
    check_drawn,
    check_order,
)
from kernels_eval.problems.repeatable import check_repeatable
from kernels_eval.problems.room import room
from kernels_eval.problems.seeds import seeded
from kernels_eval.problems.sets import InputSet
from kernels_eval.problems.settling import Settler
from kernels_eval.problems.spread import spread
from kernels_eval.problems.terms import PICKED, terms
from kernels_eval.structure import StructureError, arranged, structure_of
from kernels_eval.tree import flatten, has_arrays, other_values, unflatten
from kernels_eval.truth.fixed import FixedTolerance
from kernels_eval.truth.tolerance import (
    FEW,
    Truth,
    make_truth,
    plain_numbers,
    reduction_depth,
    usual_size,
    widened,
)
from kernels_eval.words import one_line
from kernels_eval.worker.candidate import generator_digest
from kernels_eval.worker.constants import Constant, Redraw, constants_of, impose, redrawing
from kernels_eval.worker.protocol import Job, OutputSpec

_CPU = torch.device("cpu")
_LARGE_BYTES = 256 << 20
"""Inputs that a GPU draws again rather than keeps: it takes a tenth of the time that the answer
takes, and twice as many answers find room."""

_SHALLOW = 64
"""Terms that are not counted: what is allowed hardly depends on so few."""
_LOOKS, _LOOK_BYTES = 256, 4 << 20
"""Draws that are compared with each other, and their bytes in all."""
_ATTEMPTS = 9
"""Builds of a model with other constants: with all of them, then with one after the other."""

_DRAWS, _LEAST_DRAWS, _ALIKE = 16, 4, 1.1
"""For an output's usual size; so few if the largest is no more than a tenth above the smallest."""


class PreparedProblem:
    """A problem that can be judged. Made once per source; draws input sets as needed."""

    def __init__(
        self,
        source: str,
        *,
        weight_seed: int | None = None,
        pool_bytes: int = 1 << 30,
        fixed_tolerance: bool = False,
        device: torch.device = _CPU,
        alignment: int = 64,
        reuse: bool = True,
        as_given: bool = False,
    ) -> None:
        """Inputs, weights and answers live on `device`, in at most `pool_bytes` of its memory.

        `fixed_tolerance`: KernelBench's criterion in place of float64. `alignment`: bytes, of each
        tensor in a worker's memory. `reuse`: whether several candidates are shown the same sets.
        `as_given`: inputs and parameters are as the problem has them, whatever they hide.
        Raises ProblemError if the problem cannot be judged well.
        """
        self._fixed = fixed_tolerance
        self._cures = not (fixed_tolerance or as_given)
        self._device = device
        self._alignment = alignment
        self.source = source
        self.weight_seed = secrets.randbits(62) if weight_seed is None else weight_seed
        self._module: ProblemModule = load_problem(source, device, self.weight_seed)
        drawn = as_arguments(self._module.model_class, self._module.init_inputs(self.weight_seed))
        self._arguments = pack(drawn, "get_init_inputs() returns")
        self._drawn = b""
        self._redraw = Redraw()
        self._take(self._build())
        self.pool = Pool(pool_bytes, self._draw_any, self.packed, self.unpacked, reuse=reuse)
        """The sets that are kept."""
        self.structure: Any = None
        """Of the outputs; None until they are known."""
        self.nesting: Any = None
        """Of the inputs; None until they are known."""
        self.outputs: tuple[OutputSpec, ...] = ()
        self._usual: tuple[tuple[float, ...], ...] = ()
        """For each kind, sizes of outputs of few elements: see truth/tolerance.py."""
        self._next_serial = 0
        self._redraws = self._slim = False
        self.spread = False
        """Whether inputs are scaled at random (see spread.py)."""
        self.kinds: tuple[Kind, ...] = (GIVEN,)
        """Sets are of each in turn (see kinds.py)."""
        self.redrawn: dict[str, Constant] = {}
        """Parameters and buffers that both sides draw around what the constructor makes of them."""
        self.hidden: tuple[str, ...] = ()
        """What only sets of other kinds than the problem's own show."""
        self.cannot_tell: tuple[str, ...] = ()
        """What a kernel may lack unseen."""
        self.few_inputs = False
        """Whether sets come again so often that answers can be remembered."""
        self._natures: tuple[Nature, ...] = ()
        self._scaled: tuple[bool, ...] = ()
        """Which inputs are; empty: all that are floating."""
        self._neutral: dict[str, torch.Tensor] = {}
        """What the constructor makes of those parameters."""
        self._inspect()

    # What the rest of the judge asks for

    @property
    def input_bytes(self) -> int:
        return sum(math.prod(place.shape) * place.dtype.itemsize for place in self.places)

    @property
    def output_bytes(self) -> int:
        return sum(spec.nbytes for spec in self.outputs)

    def job(self, source: str, class_name: str, module_name: str, calls: int, threads: int) -> Job:
        """What a worker gets to know."""
        return Job(
            source=source,
            module_name=module_name,
            class_name=class_name,
            arguments=self._arguments,
            weight_seed=self.weight_seed,
            state=self.state,
            drawn=self._drawn,
            nesting=self._nesting,
            structure=pack(self.structure, "Model.forward names its outputs by"),
            places=self.places,
            outputs=self.outputs,
            set_bytes=self.set_bytes,
            max_calls=calls,
            threads=threads,
            device=str(self._device),
            library_precision=self._fixed,
            redraw=self._redraw,
            trusted=class_name == "Model",
            problem_name=self._module.name,
            problem_source=self.source,
        )

    def unseen(self) -> Iterator[InputSet]:
        """Sets that one candidate has not seen; one such iterator per candidate."""
        return self.pool.unseen()

    def answers(self, inputs: Sequence[torch.Tensor]) -> list[torch.Tensor]:
        """The reference's, at its own precision. Raises ProblemError."""
        return self._call(self._model, inputs)

    def mutants(self, item: InputSet) -> list[Mutant]:
        """References that lack something which this one has."""
        known = self._natures or natures(item.inputs, item.inputs)
        return mutants(self._model, item.inputs, known, self._neutral, self._call)

    def settled(self, item: InputSet, place: int, answer: torch.Tensor) -> torch.Tensor:
        """One output (flat) for a set, with the reference's where it is right as well."""
        return self._settler.settled(item, place, answer)

    def forget(self) -> None:
        """Give up the pool; sets are drawn again when they are asked for."""
        self.pool.clear()

    def draw(self, seed: int) -> InputSet:
        """One set from a given seed, with its answers. Raises ProblemError."""
        at = seed % len(self.kinds)
        return self._drawn_as(seed, self.kinds[at], self._usual[at] if self._usual else (), at)

    def _drawn_as(self, seed: int, kind: Kind, usual: tuple[float, ...], at: int = 0) -> InputSet:
        inputs = functools.partial(self._inputs, seed, kind)
        tensors = inputs()
        self._next_serial += 1
        try:
            truths = self._answer(tensors, inputs if self._redraws else None, usual)
        except torch.OutOfMemoryError:
            raise OutOfRoomError(f"the answers do not fit into {room(self._device)}") from None
        return InputSet(self._next_serial, seed, tuple(tensors), truths, at)

    def _inputs(self, seed: int, kind: Kind | None = None) -> list[torch.Tensor]:
        """What a seed draws; of its own kind unless another is named. Raises ProblemError."""
        kind = kind or self.kinds[seed % len(self.kinds)]
        with seeded(seed):
            tensors, nesting = flatten(self._module.draw_inputs(seed))
            if not same(other_values(nesting), other_values(self.nesting)):
                raise ProblemError("get_inputs() returns other non-tensor values each time")
            tensors = spread(tensors, self._scaled) if self.spread else tensors
            return placed(recast(kind, tensors, self._natures), self.places)

    def slim(self) -> bool:
        """Keep sets without their answers' values from now on, if that is less. Whether it is.

        The reference computes them again, at its own precision: a fraction of the time of float64.
        """
        before = self.pool.largest
        self._slim = self._redraws
        self.pool.repack()
        return self.pool.largest < before

    def packed(self, item: InputSet) -> InputSet:
        """The set without what `unpacked` can make up for: memory is what is short on a GPU."""
        if not self._redraws:
            return item
        truths = item.truths
        if self._slim:
            truths = tuple(t.without_values() if isinstance(t, Truth) else t for t in truths)
        return replace(item, inputs=(), truths=truths)

    def unpacked(self, item: InputSet) -> InputSet:
        """The set with its inputs, and its answers where they were left out."""
        if item.inputs:
            return item
        inputs = tuple(self._inputs(item.seed))
        truths = item.truths
        if any(isinstance(truth, Truth) and truth.lacks_values for truth in truths):
            outputs = self._call(self._model, inputs)
            truths = tuple(
                truth.with_reference(plain_numbers(one.contiguous().reshape(-1)))
                if isinstance(truth, Truth) and truth.lacks_values
                else truth
                for one, truth in zip(outputs, truths, strict=True)
            )
        return replace(item, inputs=inputs, truths=truths)

    # How it comes to be

    def _build(self) -> Any:
        with (
            seeded(self.weight_seed),
            torch.no_grad(),
            problem_code(),
            redrawing(self._redraw),
        ):
            try:
                arguments, keywords = pickle.loads(self._arguments)  # theirs to change
                model = self._module.model_class(
                    *(_moved(value, self._device) for value in arguments),
                    **{name: _moved(value, self._device) for name, value in keywords.items()},
                )
                self._drawn = generator_digest()
                model = _moved(model, self._device)
                impose(model, self._redraw)
                return model
            except torch.OutOfMemoryError:
                raise OutOfRoomError(f"the model does not fit into {room(self._device)}") from None
            except Exception as error:
                raise ProblemError(f"Model(...) failed: {one_line(error)}") from error

    def _take(self, model: Any) -> None:
        """Go on with this model."""
        self._model = model
        self._exact_model = self._to_double(model)
        self.state = {
            name: value.detach().cpu().clone()
            for name, value in getattr(model, "state_dict", dict)().items()
            if isinstance(value, torch.Tensor)
        }

    def _outputs_anew(self, tensors: Sequence[torch.Tensor], seed: int) -> list[torch.Tensor]:
        """Of another model, of the file imported once more: what that had of chance or the time is
        another then. Objects among the inputs are of the classes of that import.

        Of another model alone where the file cannot be imported twice, or memory is short.
        """
        weights = sum(value.nbytes for value in self.state.values())
        if self._device.type != "cpu" and weights >= _LARGE_BYTES:
            return self._call(self._build(), tensors)
        module, known, nesting = self._module, sys.modules[self._module.name], self.nesting
        try:
            self._module = load_problem(self.source, self._device, self.weight_seed)
            _, self.nesting = flatten(self._module.draw_inputs(seed))
            return self._call(self._build(), tensors)
        except ProblemError:
            pass
        finally:
            self._module, sys.modules[module.name], self.nesting = module, known, nesting
        return self._call(self._build(), tensors)

    @staticmethod
    def _to_double(model: Any) -> Any:
        """A float64 copy; None if it cannot be had (then float32 is all the truth there is)."""
        try:
            with problem_code():
                return copy.deepcopy(model)._apply(widened)
        except Exception:
            return None

    def _inspect(self) -> None:
        """Layout, shapes, and whether the problem is well-posed. Fills the pool with two sets."""
        seed = secrets.randbits(62)
        tensors, self.nesting = flatten(self._module.draw_inputs(seed))
        if not tensors:
            raise ProblemError("get_inputs() returns no tensor; there is nothing to compute from")
        for index, tensor in enumerate(tensors):
            if tensor.device != self._device:
                raise ProblemError(
                    f"input {index} is on {tensor.device}; get_inputs() must draw on the CPU"
                )
        check_dense(tensors, "input")
        if has_arrays(self.nesting) and self._device.type != "cpu":
            raise ProblemError("get_inputs() returns NumPy arrays, which a GPU cannot take")
        self._nesting = pack(self.nesting, "get_inputs() returns")
        tensors = [storable(tensor) for tensor in tensors]
        self.places, self.set_bytes = lay_out(tensors, self._alignment)
        self._redraws = (
            self._device.type == "cuda"
            and self.set_bytes >= _LARGE_BYTES
            and all(map(torch.equal, tensors, self._inputs(seed)))
        )
        self._overwrites = False
        used = [t.clone() for t in tensors]
        before = [t._version for t in used]
        outputs = self._call(self._model, used)
        self._overwrites = before != [t._version for t in used]
        del used
        self.outputs = tuple(OutputSpec(tuple(t.shape), t.dtype) for t in outputs)
        if not any(spec.numel for spec in self.outputs):
            raise ProblemError("the output is empty")
        check_repeatable(
            self._model,
            outputs,
            functools.partial(self._call, tensors=tensors),
            functools.partial(self._outputs_anew, tensors, seed),
        )
        if self._cures:
            self._redraw_constants(tensors, outputs)
        self._shape_depth = self.depth = reduction_depth(
            [t.shape for t in tensors],
            [value.shape for value in self.state.values()],
            [t.shape for t in outputs],
        )
        self._alone = False
        if not self._fixed:
            self._count_terms([tensors])
        self._settler = Settler(self._moved_answers, self.outputs, self.depth)
        if not self._fixed:
            self._usual = (self._usual_sizes(GIVEN),)
        first = self.pool.fresh()
        second = self.pool.fresh()
        if self._fixed:
            return  # KernelBench asks nothing of its problems
        check_drawn(first, second, self._draw_any)
        check_deterministic(first, self._call(self._model, first.inputs, seed=1))
        try:
            check_dependence(first, second, self._draw_any, self._answer)
        except OutOfRoomError:
            raise
        except ProblemError as error:
            if not self._cures:
                text = f"{error} (`--inputs cured` scales inputs at random where that helps)"
                raise ProblemError(text) from None
            del first, second
            self._spread_inputs()
            fresh = self.pool.fresh(), self.pool.fresh()
            check_dependence(*fresh, self._draw_any, self._answer)
        check_order(self._draw_any(), self._exact_answers, self._settler.settled)
        if self._cures:
            self._cure()

    def _spread_inputs(self) -> None:
        self.pool.clear()
        self.spread = True
        self._usual = (self._usual_sizes(GIVEN),)

    def _redraw_constants(
        self, tensors: Sequence[torch.Tensor], outputs: Sequence[torch.Tensor]
    ) -> None:
        """Go on with drawn constants, as far as the reference has a meaning with them."""
        constants = constants_of(self._model)
        if not constants:
            return
        own, state = self._model, self.state
        own_exact = self._exact_outputs(tensors, list(outputs))
        attempts = [constants, *({name: one} for name, one in constants.items())]
        kept: dict[str, Constant] = {}
        for attempt in attempts[:_ATTEMPTS]:
            self._redraw = Redraw(frozenset((kept | attempt).values()), self.weight_seed)
            try:
                self._take(self._build())
                found = self._call(self._model, tensors)
                if sound(found, self._exact_outputs(tensors, found), outputs, own_exact):
                    kept |= attempt
            except ProblemError:
                pass
            if kept == constants:
                break
        now = Redraw(frozenset(kept.values()), self.weight_seed)
        if now != self._redraw or self._model is own:
            self._redraw = now
            self._take(self._build())
        self.redrawn = kept
        self._neutral = {name: state[name] for name in kept}

    def _count_terms(self, several: Sequence[Sequence[torch.Tensor]]) -> None:
        """Lower the depth to what gradients say for each of several inputs, if they do."""

        def call(given: Sequence[torch.Tensor]) -> list[torch.Tensor]:
            with torch.enable_grad(), seeded(0), problem_code():
                return self._taken_apart(self._model(*unflatten(self.nesting, given)))

        if self._shape_depth <= _SHALLOW:
            return
        try:
            counts = [terms(self._model, tensors, call) for tensors in several]
        except Exception:
            return  # a model that gradients cannot go through
        known = [count for count in counts if count is not None]
        if len(known) == len(counts):
            self.depth = min(self._shape_depth, max(known))
            self._alone = max(known) <= PICKED

    def _cure(self) -> None:
        """Find what the problem's own inputs hide; go on with such as show it. See cures.py."""
        try:
            self._look_for_what_is_hidden()
        except (OutOfRoomError, torch.OutOfMemoryError):
            self.kinds, self._usual = (GIVEN,), self._usual[:1]
            self.cannot_tell = (UNSEEN,)

    def _look_for_what_is_hidden(self) -> None:
        item, other = self._draw_any(), self._draw_any()
        self._natures = natures(item.inputs, other.inputs)
        del other
        self.few_inputs = self._repeats()
        known = self.mutants(item)
        rows = [one for one in known if one.lacks.startswith(ROWS)]
        repeated = self.few_inputs and Nature.ANY in self._natures
        if not self.spread and (repeated or any(passes(one, item) for one in rows)):
            item = self._spread_if_sound(item)
            self.few_inputs = self.few_inputs and self._repeats()
        found = look(item, known, functools.partial(self._sets_of, item))
        self.hidden, self.cannot_tell = found.hidden, found.cannot_tell
        if found.kinds:
            self.pool.clear()
            self._usual = (*self._usual, *(self._usual_sizes(kind) for kind in found.kinds))
            self.kinds = (GIVEN, *found.kinds)
            self._count_terms([self._inputs(item.seed, kind) for kind in self.kinds])
            self._settler = Settler(self._moved_answers, self.outputs, self.depth)

    def _repeats(self) -> bool:
        """Whether one of some hundred draws is another's twin; large ones are looked at less."""
        count = min(_LOOKS, _LOOK_BYTES // self.set_bytes)
        with seeded(0):
            seen = {
                b"".join(
                    one.cpu().contiguous().reshape(-1).view(torch.uint8).numpy().tobytes()
                    for one in self._inputs(secrets.randbits(62))
                )
                for _ in range(count)
            }
        return len(seen) < count

    def _spread_if_sound(self, item: InputSet) -> InputSet:
        """A set with scaled inputs, if the reference has a meaning there; else that set."""
        outputs = self._call(self._model, item.inputs)
        own_exact = self._exact_outputs(item.inputs, outputs)
        exact_model = self._exact_model
        self._scaled = tuple(nature is Nature.ANY for nature in self._natures)
        if not any(self._scaled):
            return item
        self._spread_inputs()
        try:
            scaled = self._draw_any()
            found = self._call(self._model, scaled.inputs)
            if sound(found, self._exact_outputs(scaled.inputs, found), outputs, own_exact):
                return scaled
        except OutOfRoomError:
            raise
        except ProblemError:
            pass
        self.spread, self._exact_model = False, exact_model
        self.pool.clear()
        self._usual = (self._usual_sizes(GIVEN),)
        return item

    def _sets_of(self, own: InputSet, kind: Kind) -> list[InputSet]:
        """Two of that kind; none if the reference has no meaning there."""
        if not kind.changes().keys() & set(self._natures):
            return []
        exact_model = self._exact_model
        try:
            outputs = self._call(self._model, own.inputs)
            own_exact = self._exact_outputs(own.inputs, outputs)
            tensors = self._inputs(own.seed, kind)
            found = self._call(self._model, tensors)
            if not sound(found, self._exact_outputs(tensors, found), outputs, own_exact):
                return []
            usual = self._usual_sizes(kind, _LEAST_DRAWS)
            return [self._drawn_as(seed, kind, usual) for seed in (own.seed, own.seed + 1)]
        except OutOfRoomError:
            raise
        except ProblemError:
            return []
        finally:
            self._exact_model = exact_model

    def _usual_sizes(self, kind: Kind, most: int = _DRAWS) -> tuple[float, ...]:
        """Of each output that has few elements, over some draws; 0 for others.

        Most are alike (a loss): four draws tell.
        """
        few = [
            place
            for place, spec in enumerate(self.outputs)
            if 0 < spec.numel <= FEW and not _exact_type(spec.dtype)
        ]
        found: dict[int, list[torch.Tensor]] = {place: [] for place in few}
        for count in range(1, 1 + (most if few else 0)):
            outputs = self._call(self._model, self._inputs(secrets.randbits(62), kind))
            for place in few:
                found[place].append(outputs[place])
            sizes = [[usual_size([one]) for one in kept] for kept in found.values()]
            if count >= _LEAST_DRAWS and all(max(s) < _ALIKE * min(s) for s in sizes):
                break
        return tuple(
            usual_size(found[place]) if place in found else 0.0
            for place in range(len(self.outputs))
        )

    def _exact_answers(self, wide: Sequence[torch.Tensor]) -> list[torch.Tensor] | None:
        """Outputs in float64 for inputs in float64; None if there are none."""
        if self._exact_model is None:
            return None
        try:
            return self._call(self._exact_model, wide)
        except (ProblemError, OutOfRoomError):
            return None

    def _moved_answers(self, wide: Sequence[torch.Tensor]) -> list[torch.Tensor] | None:
        """The same, at the reference's own precision if it insists on that."""
        if self._exact_model is not None:
            return self._exact_answers(wide)
        pairs = zip(wide, self.places, strict=True)
        try:
            return self._call(self._model, [one.to(place.dtype) for one, place in pairs])
        except (ProblemError, OutOfRoomError):
            return None

    def _call(
        self, model: Any, tensors: Sequence[torch.Tensor], seed: int = 0
    ) -> list[torch.Tensor]:
        """The model's outputs, taken apart; the inputs stay as they are. Raises ProblemError."""
        if self._overwrites:
            tensors = [t.clone() for t in tensors]
        arguments = unflatten(self.nesting, tensors)
        with torch.no_grad(), seeded(seed), problem_code():
            try:
                returned = model(*arguments)
            except torch.OutOfMemoryError:
                raise OutOfRoomError(
                    "the problem is too large: inputs, outputs and the float64 result do not fit "
                    f"into {room(self._device)}"
                ) from None
            except Exception as error:
                raise ProblemError(f"Model.forward failed: {one_line(error)}") from error
        outputs = self._taken_apart(returned)
        check_dense(outputs, "output")
        for index, (one, spec) in enumerate(zip(outputs, self.outputs, strict=False)):
            if tuple(one.shape) != spec.shape:
                raise ProblemError(
                    f"output {index} has another shape for other inputs ({tuple(one.shape)} and "
                    f"{spec.shape}): a candidate is told one shape"
                )
        return [one.resolve_conj().resolve_neg() for one in outputs]

    def _taken_apart(self, returned: Any) -> list[torch.Tensor]:
        """Raises ProblemError for what is no nesting of tensors, or another one than before."""
        if self.structure is not None:
            try:
                return arranged(self.structure, returned)
            except StructureError as error:
                raise ProblemError(
                    f"Model.forward arranges its outputs otherwise for other inputs: {error}"
                ) from None
        outputs, nesting = flatten(returned)
        kinds = [type(value).__name__ for value in other_values(nesting) if value is not None]
        kinds += ["ndarray"] if has_arrays(nesting) else []
        if not outputs or kinds:
            what = kinds[0] if kinds else "nothing"
            raise ProblemError(
                f"Model.forward returns {what}; it must return tensors, or a nesting of them"
            )
        self.structure = structure_of(nesting)
        return outputs

    def _exact_outputs(
        self, tensors: Sequence[torch.Tensor], fallback: list[torch.Tensor]
    ) -> list[torch.Tensor]:
        """The outputs in float64, or the float32 ones if the model insists on float32."""
        if self._exact_model is None:
            return fallback
        wide = list(map(widened, tensors))
        try:
            outputs = self._call(self._exact_model, wide)
        except OutOfRoomError:
            raise
        except ProblemError:
            self._exact_model = None
            return fallback
        agree = len(outputs) == len(fallback) and all(
            one.shape == other.shape for one, other in zip(outputs, fallback, strict=True)
        )
        return outputs if agree else fallback

    def _answer(
        self,
        tensors: Sequence[torch.Tensor],
        again: Callable[[], Sequence[torch.Tensor]] | None = None,
        usual: tuple[float, ...] | None = None,
    ) -> tuple[Truth | FixedTolerance, ...]:
        """What is right; `again` gives the tensors once more if they are not to be kept. `usual`:
        sizes of outputs of few elements, of the problem's own kind unless they are given."""
        outputs = self._call(self._model, tensors)
        if self._fixed:
            return tuple(FixedTolerance(one.clone().reshape(-1)) for one in outputs)
        exact = self._exact_outputs(tensors, outputs)
        if usual is None:
            usual = self._usual[0] if self._usual else ()
        source = again or (lambda: tensors)
        once_more = self._device.type != "cpu" and self._exact_model is not None
        return tuple(
            make_truth(
                one,
                wide,
                self.depth,
                functools.partial(self._once_more, source, place) if once_more else None,
                usual[place] if usual else 0.0,
                alone=self._alone,
            )
            for place, (one, wide) in enumerate(zip(outputs, exact, strict=True))
        )

    def _once_more(self, source: Callable[[], Sequence[torch.Tensor]], place: int) -> torch.Tensor:
        """One output in float64, flat."""
        wide = list(map(widened, source()))
        return plain_numbers(self._call(self._exact_model, wide)[place].contiguous().reshape(-1))

    def _draw_any(self) -> InputSet:
        """A set of the kind whose turn it is."""
        count = len(self.kinds)
        return self.draw(secrets.randbits(58) * count + self._next_serial % count)


def _exact_type(dtype: torch.dtype) -> bool:
    """Whether its numbers are compared exactly."""
    return not (dtype.is_floating_point or dtype.is_complex)


def _moved(value: Any, device: torch.device) -> Any:
    """Modules and tensors on the device; anything else as it is."""
    return value.to(device) if isinstance(value, torch.nn.Module | torch.Tensor) else value
