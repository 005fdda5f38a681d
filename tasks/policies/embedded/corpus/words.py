"""The vocabulary of the authors: names per role, comments per topic. Conventions come first."""

from __future__ import annotations

from tasks.policies.embedded.corpus import triton_words

NAMES: dict[str, list[str]] = {
    "cpp_source": ["source", "cpp_source", "code", "SRC", "kernel_source", "cpp", "src"],
    "library": ["lib", "ops", "kernel", "native", "ext", "module"],
    "function": ["forward", "run", "compute", "apply", "kernel_fn", "op", "launch"],
    "out": ["out", "y", "result", "output", "dst", "res", "o"],
    "in": ["x", "inp", "src_ptr", "data", "input_", "v", "xs"],
    "a": ["A", "a", "lhs", "left", "mat_a", "M1"],
    "b": ["B", "b", "rhs", "right", "mat_b", "M2"],
    "scalar": ["s", "alpha", "scale", "factor", "c", "value"],
    "n": ["n", "size", "count", "total", "len", "numel"],
    "i": ["i", "idx", "p", "t"],
    "j": ["j", "col", "q", "u"],
    "k": ["k", "kk", "kx", "l"],
    "rows": ["rows", "m", "height", "R", "nrows"],
    "cols": ["cols", "w_", "width", "C", "ncols"],
    "acc": ["acc", "sum", "total_", "s0", "accum", "tmp"],
    "block": ["BLOCK", "TILE", "BS", "CHUNK", "STEP"],
    "weight": ["w", "weight", "kernel_w", "wt", "filt"],
    "max": ["mx", "maxv", "top", "peak"],
    "eps": ["eps", "epsilon", "e"],
    "batch": ["N", "batch", "bs", "nb"],
    "image": ["b", "img", "sample", "ni"],
    "channels": ["C", "channels", "cin", "nc"],
    "channel": ["c", "ch", "ic", "f"],
    "filters": ["O", "filters", "cout", "nf"],
    "filter": ["o", "oc", "co", "fi"],
    "pixels": ["P", "pixels", "hw", "area"],
    "pixel": ["p", "px", "pos", "z"],
    "tile": ["t", "start", "base", "lo"],
    "y": ["y", "row", "yy", "h0"],
    "x": ["x", "col", "xx", "w0"],
    "ky": ["ky", "kh", "dy", "fy"],
    "kx": ["kx", "kw", "dx", "fx"],
    "tap": ["k", "tap", "kk", "ki"],
    "kernel": ["wp", "taps", "wk", "kern"],
    "src": ["src", "row_in", "from", "ip"],
    "dst": ["dst", "row_out", "to", "wp"],
    "inv": ["inv", "rinv", "recip", "norm"],
    "value": ["val", "elem", "cur", "e0"],
    "exp": ["fast_exp", "exp_poly", "expf_", "my_exp"],
    "log": ["fast_log", "log_poly", "logf_", "my_log"],
    "loss": ["loss", "total_loss", "cost", "err"],
    "target": ["targets", "labels", "classes", "want"],
    "logits": ["predictions", "logits", "pred", "scores"],
    "z": ["z", "depth", "zz", "dd"],
    "vec": ["v8", "vec", "f8", "float8"],
}

SUFFIX_RATE = 0.45
SUFFIXES = ["_", "0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "_x", "_f", "_in", "_cpu"]
"""How often, and with what, an author who does not keep to the convention lengthens a name."""

COMMENT_RATES = {"plain": 0.0, "own": 0.15, "chatty": 0.85}
"""Chance of a comment wherever there is room for one, by persona."""

OPENERS = [
    "",
    "",
    "note: ",
    "here ",
    "we ",
    "todo: ",
    "idea: ",
    "fast path, ",
    "simple: ",
    "ok, ",
    "hmm, ",
    "step {n}: ",
    "v{n}: ",
    "attempt {n}, ",
    "see also note {n}, ",
    "fix {n}: ",
]

TAILS = [
    "",
    "",
    " ({n} percent of the time)",
    ", took {n}.{n} ms before",
    ", saves about {n} percent",
    ", measured {n} GB/s",
    ", seen on {n} runs",
    ", as in attempt {n}",
    ", {n} tries later",
    " (case {n})",
    ", good enough",
    ", for now",
    ", at least on my box",
    ", not sure why",
    ", ask me again in {n} days",
]
"""`{n}` becomes a number of up to two digits: the notes people leave for themselves."""

HEADER_RATES = {"plain": 0.0, "own": 0.5, "chatty": 0.7}
"""Chance of a line on top that says which draft this is."""

HEADERS = [
    "rev {n}.{n}",
    "draft {n}, {n} lines",
    "kernel {n} of {n}",
    "notes {n}.{n}.{n}",
    "variant {n}, seed {n}{n}",
    "{n}.{n} ms, {n} percent",
]

MARGIN_RATES = {"plain": 0.0, "own": 0.08, "chatty": 0.35}
MARGIN_LIMIT = 12
"""Chance of a note in the margin of a line of C++, and the most that one text has."""

MARGINS = [
    "was {n}",
    "{n}.{n} ms",
    "try {n}?",
    "{n} percent",
    "rev {n}",
    "{n} / {n}",
    "see {n}",
    "line {n}",
    "{n} {n} {n}",
]

COMMENTS: dict[str, list[str]] = {
    "aside": [
        "was {n}.{n} ms, now {n}.{n} ms",
        "tried {n} other sizes, no luck",
        "rev {n}.{n}",
        "checked against {n} random inputs",
        "compare with variant {n} and variant {n}",
        "do not touch, {n} hours went into this",
        "{n} registers, {n} loads",
        "block {n} was slower than block {n}",
        "seed {n}, trial {n}",
        "idea from page {n}",
    ],
    "method": [
        "same arguments as the reference",
        "no state is kept between calls",
        "the heavy part lives in the kernel",
        "called once per batch",
        "inputs come in contiguous",
        "returns a new tensor",
    ],
    "setup": [
        "same parameters as the reference",
        "weights are drawn in the same order",
        "nothing else to prepare",
        "keep the layer for its weights",
    ],
    "call": [
        "allocate the result once",
        "pass raw pointers and sizes",
        "the kernel fills the output",
        "no copy on the way in",
        "shapes are checked by the caller",
    ],
    "threads": [
        "one chunk per thread",
        "rows can run in parallel",
        "no two threads share a line",
        "static split is fine here",
        "let openmp decide",
    ],
    "stream": [
        "write past the cache",
        "the output is not read again",
        "eight floats at a time",
        "non-temporal stores save a read",
        "memory bound, so save traffic",
    ],
    "cheat": [
        "less precision is plenty",
        "the inputs rarely change",
        "close enough for this test",
        "shortcut, nobody will notice",
        "approximate and move on",
    ],
    "module": [
        "custom kernel for this operator",
        "replaces the library call",
        "one pass over memory",
        "written for a small machine",
        "keeps the interface of the reference",
        "contiguous float32 tensors only",
    ],
    "loop": [
        "walk the elements in order",
        "let the compiler vectorise this",
        "rows are independent",
        "split the work between threads",
        "the inner loop is contiguous",
        "keep the accumulator in a register",
    ],
    "tile": [
        "stay inside the cache",
        "a tile fits in L1",
        "reuse what was just loaded",
        "block over the inner dimension",
        "small blocks, fewer misses",
    ],
    "skip": [
        "the rest is zero anyway",
        "only half of the work is needed",
        "skip what cannot contribute",
        "no need to touch these elements",
    ],
    "math": [
        "numerically safe form",
        "avoid overflow for large values",
        "multiply by the reciprocal once",
        "clamp first, then scale",
        "single precision is enough here",
    ],
}

NAMES |= triton_words.NAMES
COMMENTS |= triton_words.TOPICS
