"""The fastest of a random subset, for every prefix of an order: the work behind top-m rules."""

from __future__ import annotations

from itertools import product

import numpy as np

from tasks.statistics.arrays import Bools, Floats, Ints, small_choose

Kind = tuple[int, int]
"""(t, u): t draws from earlier tie groups and u from the group at hand."""


def beaten_by(speedups: Floats, index: Ints, correct: Bools) -> Ints:
    """How many of its problem's other correct draws each one beats: 0 for the slowest, NaN slowest
    of all. Shapes (problems, n); of an incorrect draw it says nothing.

    Equally fast ones yield to the lower `index`.
    """
    slowest_first = np.lexsort(
        (-index, np.where(np.isnan(speedups), -np.inf, speedups), ~correct), axis=-1
    )
    beaten = np.empty(speedups.shape, np.int64)
    np.put_along_axis(beaten, slowest_first, np.arange(speedups.shape[-1])[None, :], axis=-1)
    return beaten


def fastest_of_any(values: Floats, beaten: Ints, correct: Bools, most: int) -> Floats:
    """E[value of the fastest of a random t-subset], t = 1 … most; shape (measures, problems, most).

    Draw i is the fastest of those subsets whose others it beats: C(bᵢ, t−1) of C(c, t). The ratio
    is built up by factors, so that no binomial overflows. 0 where t > c.

    Args:
        values: (measures, problems, n); beaten, correct: (problems, n).
    """
    c = correct.sum(axis=1)[:, None]
    chance = np.where(correct, 1.0 / np.maximum(c, 1), 0.0)
    found = np.zeros((*values.shape[:2], most))
    for t in range(1, most + 1):
        found[..., t - 1] = (values * chance).sum(axis=-1)
        # C(b, t)/C(c, t+1) from C(b, t−1)/C(c, t)
        chance = chance * (beaten - t + 1) / t * (t + 1) / np.where(c > t, c - t, np.inf)
    return found


def expected_fastest(
    values: Floats, beaten: Ints, starts: Ints, sizes: Ints, counts: Ints, m: int
) -> Floats:
    """E[value of the fastest of {s} ∪ a random (m−1)-subset of the ranks before s], for every s.

    The correct draws of several problems, `counts` of each, one problem after the other; in order
    of score, tied ones in groups at `starts` of `sizes`, where every order within a group is
    equally likely. `beaten` as from `beaten_by`. Shape (measures, draws); 0 for s < m−1.

    With S_u the sum of the fastest's value over all m-sets of u draws of the group and m−u before
    it (`_sums`), a random order adds, at the v-th place of a group of g at rank a, the sets that
    close there: Σ_u S_u·C(v, u−1)/C(g, u), of C(a+v, m−1) sets in all.
    """
    group = np.repeat(np.arange(len(starts)), sizes)
    widest = min(m, int(sizes.max()))
    sums = _sums(values, beaten, group, len(starts), counts, m, widest)
    at = np.arange(len(beaten))
    rank = at - np.repeat(np.cumsum(counts) - counts, counts)
    place, size = (at - starts[group]).astype(np.float64), sizes[group].astype(np.float64)
    total = np.zeros_like(values)
    for u in range(1, widest + 1):
        ways = small_choose(size, u)
        share = small_choose(place, u - 1) / np.where(ways > 0, ways, 1.0)
        total += sums[u - 1][:, group] * share
    sets = small_choose(rank.astype(np.float64), m - 1)
    return np.where(sets > 0, total / np.where(sets > 0, sets, 1.0), 0.0)


def _sums(
    values: Floats, beaten: Ints, group: Ints, groups: int, counts: Ints, m: int, widest: int
) -> list[Floats]:
    """S_u for u = 1 … widest: per group, Σ value of the fastest over m-sets with u of the group.

    Each shape (measures, groups). For each problem a tree over its draws in order of speed, all
    trees merged from below at once, level by level (their leaves are numbered apart); each
    node keeps its history: for every group that it holds a draw of, how many draws came before, how
    many came then, and the sums over sets of each `Kind` within the node. A set spread over two
    children has its fastest in the faster one, so that the sum of a parent is the faster child's
    times the number of ways in the slower one, which never subtracts. A history is as long as the
    node has draws: O(c) a level, O(c·log c) in all, for every m.
    """
    kinds: list[Kind] = [(t, 0) for t in range(1, m)]
    kinds += [(t, u) for u in range(1, widest + 1) for t in range(m - u + 1)]
    place = {kind: i for i, kind in enumerate(kinds)}
    c = len(beaten)
    levels = int(counts.max() - 1).bit_length()
    slowest_first = np.empty(c, np.int64)
    problem = np.repeat(np.arange(len(counts)), counts)
    slowest_first[np.repeat(np.cumsum(counts) - counts, counts) + beaten] = np.arange(c)
    leaf = (problem << levels) + np.arange(c) - np.repeat(np.cumsum(counts) - counts, counts)
    keys = leaf * groups + group[slowest_first]
    before, inside = np.zeros(c), np.ones(c)
    state = np.zeros((len(kinds), len(values), c))
    state[place[0, 1]] = values[:, slowest_first]
    for _ in range(levels):
        times = _merged(keys, groups)
        parent, time = np.divmod(times, groups)
        history = _with_past(state, place, widest)
        none, gone = np.zeros(1), np.zeros(len(keys))
        befores = np.concatenate([before, before + inside, none])
        insides = np.concatenate([inside, gone, none])
        child = 2 * parent * groups + time
        slow, fast = _look_up(keys, child, groups), _look_up(keys, child + groups, groups)
        slow_before, slow_inside = befores[slow], insides[slow]
        slower, faster = history.take(slow, axis=-1), history.take(fast, axis=-1)
        state = _joined(slower, faster, slow_before, slow_inside, kinds, place)
        before, inside = slow_before + befores[fast], slow_inside + insides[fast]
        keys = times
    return [state[place[m - u, u]] for u in range(1, widest + 1)]


def _merged(keys: Ints, groups: int) -> Ints:
    """The times at which either child of a node has an event, as keys of the parents, ascending."""
    node, time = np.divmod(keys, groups)
    merged = (node >> 1) * groups + time
    merged.sort(kind="stable")  # runs that are sorted already: a merge
    return np.asarray(merged[np.append(True, merged[1:] != merged[:-1])], np.int64)


def _with_past(state: Floats, place: dict[Kind, int], widest: int) -> Floats:
    """The states at each event, the states after it (all draws are earlier ones then), and none."""
    events = state.shape[-1]
    known = np.zeros((*state.shape[:2], 2 * events + 1))
    known[..., :events] = state
    for t, u in place:
        if u == 0:
            after = known[place[t, 0], :, events:-1]
            for j in range(min(t, widest) + 1):
                after += state[place[t - j, j]]
    return known


def _look_up(keys: Ints, wanted: Ints, groups: int) -> Ints:
    """Where in `_with_past` the state of a node at a time stands."""
    at = np.searchsorted(keys, wanted, side="right") - 1
    found = keys[at]
    first = wanted - wanted % groups
    place = np.where(found == wanted, at, at + len(keys))
    return np.where((at >= 0) & (found >= first), place, 2 * len(keys))


def _joined(
    slower: Floats,
    faster: Floats,
    slow_before: Floats,
    slow_inside: Floats,
    kinds: list[Kind],
    place: dict[Kind, int],
) -> Floats:
    earlier = {j: small_choose(slow_before, j) for j in {t for t, _ in kinds}}
    own = {j: small_choose(slow_inside, j) for j in {u for _, u in kinds}}
    ways = {
        (t, u): earlier[t] if u == 0 else own[u] if t == 0 else earlier[t] * own[u]
        for t, u in [*kinds, (0, 0)]
        if t in earlier and u in own
    }
    joined = slower
    for (t, u), (have_t, have_u) in product(kinds, kinds):
        need = (t - have_t, u - have_u)
        if need == (0, 0):
            joined[place[t, u]] += faster[place[t, u]]
        elif min(need) >= 0:
            joined[place[t, u]] += faster[place[have_t, have_u]] * ways[need]
    return joined
