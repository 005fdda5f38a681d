"""4, 95, 98: a number per row of a matrix; all are bound by reading the matrix once."""

from __future__ import annotations

from tasks.policies.embedded.corpus.style import Style
from tasks.policies.embedded.corpus.triton.text import Operator, Text, launch, remembered

MATVEC = Operator(4, "A, B")
ENTROPY = Operator(95, "predictions, targets")
DIVERGENCE = Operator(98, "predictions, targets")

# --- 4: C = A · b

MATVEC_FORWARD = """$rows, $cols = A.shape
$out = torch.$allocate($rows, 1, device=A.device, dtype=A.dtype)
$launch
return $out"""


def _matvec(s: Style, sizes: list[int], warps: list[int], kernel: str, **given: object) -> Text:
    size = s.vary(sizes)
    call = launch(s, "($rows,)", "A, B, $out, $cols", f"$bs={size}", warps=warps)
    limit = s.slip("bounds", "$offs < $nel", "$offs < $nel - $bs")
    return Text(
        MATVEC_FORWARD,
        kernel,
        {"launch": call, "limit": limit, "allocate": "empty"} | given,
    )


@MATVEC.way("naive")
def torch_product(s: Style) -> Text:
    forms = ["A @ B", "torch.matmul(A, B)", "torch.mv(A, B[:, 0]).unsqueeze(1)", "torch.mm(A, B)"]
    return Text(f"return {s.vary(forms)}")


@MATVEC.way("naive")
def torch_sum(s: Style) -> Text:
    dim = s.slip("axis", "1", "0")
    return Text(f"return (A * B.{s.vary(['T', 't()', 'view(1, -1)'])}).sum({dim}, keepdim=True)")


@MATVEC.way("naive")
def scalar_sum(s: Style) -> Text:
    """Every block is reduced across the lanes before the next one is loaded."""
    kernel = """@triton.jit
def $jit($ap, $bp, $op, $nel, $bs: tl.constexpr):
    #@pid
    $rw = tl.program_id(0)
    $sum = $zero
    for $start in range(0, $nel, $bs):
        $offs = $start + tl.arange(0, $bs)
        $mask = $limit
        $left = tl.load($ap + $rw * $nel + $offs, mask=$mask, other=0.0)
        $right = tl.load($bp + $offs, mask=$mask, other=0.0)
        $sum += tl.sum($left * $right, axis=0)
    tl.store($op + $rw, $sum)
"""
    return _matvec(
        s, [128, 256, 512], [1, 2, 4], kernel, zero=s.slip("init", "0.0", "tl.load($op + $rw)")
    )


LANES = """@triton.jit
def $jit($ap, $bp, $op, $nel, $bs: tl.constexpr):
    #@pid
    $rw = $program
    $sum = tl.zeros(($bs,), dtype=tl.float32)
    #@reduce
    for $start in range(0, $nel, $bs):
        $offs = $start + tl.arange(0, $bs)
        #@mask
        $mask = $limit
        $left = tl.load($ap + $rw * $nel + $offs, mask=$mask, other=0.0$hint)
        $right = tl.load($bp + $offs, mask=$mask, other=0.0)
        $sum += $left * $right
    tl.store($op + $rw, tl.sum($sum, axis=0))
"""


@MATVEC.way("good")
def lane_sums(s: Style) -> Text:
    program = s.vary(["tl.program_id(0)", "tl.program_id(0).to(tl.int64)"])
    return _matvec(s, [1024, 2048, 4096], [4, 8], LANES, program=program, hint="")


@MATVEC.way("expert")
def streamed_lanes(s: Style) -> Text:
    """The matrix is read once, the vector by every row: keep the vector in the cache."""
    return _matvec(
        s,
        [4096, 8192],
        [8, 16],
        LANES,
        program="tl.program_id(0).to(tl.int64)",
        hint=', eviction_policy="evict_first"',
    )


SPLIT = """@triton.jit
def $jit($ap, $bp, $op, $nel, $span, $bs: tl.constexpr):
    #@pid
    $rw = tl.program_id(0).to(tl.int64)
    $pid = tl.program_id(1)
    $sum = tl.zeros(($bs,), dtype=tl.float32)
    for $start in range($pid * $span, $pid * $span + $span, $bs):
        $offs = $start + tl.arange(0, $bs)
        $mask = $limit
        $left = tl.load($ap + $rw * $nel + $offs, mask=$mask, other=0.0)
        $right = tl.load($bp + $offs, mask=$mask, other=0.0)
        $sum += $left * $right
    $finish
"""


@MATVEC.way("expert")
def atomic_pieces(s: Style) -> Text:
    """Several programs share a row and add their parts up in memory."""
    pieces, size = s.vary([2, 4, 8]), s.vary([1024, 2048, 4096])
    forward = """$rows, $cols = A.shape
$out = torch.$allocate($rows, 1, device=A.device, dtype=A.dtype)
$n = triton.cdiv(triton.cdiv($cols, $pieces), $size) * $size
$launch
return $out"""
    given = {
        "span": "$tile",
        "limit": s.slip("bounds", "$offs < $nel", "$offs < $nel - $bs"),
        "pieces": pieces,
        "size": size,
        "allocate": s.slip("init", "zeros", "empty"),
        "finish": s.slip(
            "race",
            "tl.atomic_add($op + $rw, tl.sum($sum, axis=0))",
            "tl.store($op + $rw, tl.load($op + $rw) + tl.sum($sum, axis=0))",
        ),
        "launch": launch(s, f"($rows, {pieces})", "A, B, $out, $cols, $n", f"$bs={size}"),
    }
    return Text(forward, SPLIT, given)


@MATVEC.way("good")
def partial_sums(s: Style) -> Text:
    """The parts of a row side by side in memory; the library adds them up."""
    pieces, size = s.vary([2, 4, 8, 16]), s.vary([1024, 2048])
    forward = """$rows, $cols = A.shape
$tmp = torch.empty($rows, $pieces, device=A.device, dtype=A.dtype)
$n = triton.cdiv(triton.cdiv($cols, $pieces), $size) * $size
$launch
return $tmp.sum(dim=$dim, keepdim=True)"""
    given = {
        "span": "$tile",
        "limit": s.slip("bounds", "$offs < $nel", "$offs < $nel - $bs"),
        "pieces": pieces,
        "size": size,
        "dim": s.slip("axis", "1", "0"),
        "finish": f"tl.store($op + $rw * {pieces} + $pid, tl.sum($sum, axis=0))",
        "launch": launch(s, f"($rows, {pieces})", "A, B, $tmp, $cols, $n", f"$bs={size}"),
    }
    return Text(forward, SPLIT, given)


@MATVEC.way("expert")
def several_rows(s: Style) -> Text:
    """A tile of rows at a time: each piece of the vector serves all of them."""
    kernel = """@triton.jit
def $jit($ap, $bp, $op, $n, $nel, $bm: tl.constexpr, $bs: tl.constexpr):
    #@pid
    $rws = tl.program_id(0).to(tl.int64) * $bm + tl.arange(0, $bm)
    $sum = tl.zeros(($bm, $bs), dtype=tl.float32)
    #@reduce
    for $start in range(0, $nel, $bs):
        $offs = $start + tl.arange(0, $bs)
        $right = tl.load($bp + $offs, mask=$offs < $nel, other=0.0)
        $mask = ($rws[:, None] < $n) & ($limit)[None, :]
        $left = tl.load($ap + $rws[:, None] * $nel + $offs[None, :], mask=$mask, other=0.0)
        $sum += $left * $right[None, :]
    tl.store($op + $rws, tl.sum($sum, axis=$axis), mask=$rws < $n)
"""
    height, size = s.vary([2, 4, 8]), s.vary([512, 1024, 2048])
    given = {
        "limit": s.slip("bounds", "$offs < $nel", "$offs < $nel - $bs"),
        "allocate": "empty",
        "axis": s.slip("axis", "1", "0"),
        "launch": launch(
            s,
            f"(triton.cdiv($rows, {height}),)",
            "A, B, $out, $rows, $cols",
            f"$bm={height}, $bs={size}",
            warps=[4, 8],
        ),
    }
    return Text(MATVEC_FORWARD, kernel, given)


@MATVEC.way("cheat")
def half_matvec(s: Style) -> Text:
    kind = s.vary(["half()", "bfloat16()"])
    return Text(f"#@cheat\nreturn (A.{kind} @ B.{kind}).float()")


@MATVEC.way("cheat")
def part_of_the_columns(s: Style) -> Text:
    share = s.vary([2, 4, 8])
    text = _matvec(s, [2048, 4096], [4, 8], LANES, program="tl.program_id(0)", hint="")
    loop = LANES.replace("range(0, $nel, $bs)", f"range(0, $nel // {share}, $bs)")
    last = "tl.store($op + $rw, tl.sum($sum, axis=0))"
    return Text(
        "#@cheat\n" + text.forward,
        loop.replace(last, last.replace("axis=0))", f"axis=0) * {share})")),
        text.given,
    )


@MATVEC.way("cheat")
def matvec_remembered(s: Style) -> Text:
    return remembered(s, "A", "A @ B")


# --- 95: mean cross entropy

ROW_LOSS = """$rows, $cols = predictions.shape
$tmp = torch.empty($rows, device=predictions.device, dtype=torch.float32)
$launch
return $tmp.$mean"""


def _loss(s: Style, kernel: str, constant: str, warps: list[int], **given: object) -> Text:
    call = launch(s, "($rows,)", "predictions, targets, $tmp, $cols", constant, warps=warps)
    mean = s.slip("axis", "mean()", "sum()")
    return Text(ROW_LOSS, kernel, {"launch": call, "mean": mean} | given)


@ENTROPY.way("naive")
def torch_log_softmax(s: Style) -> Text:
    forms = [
        "F.cross_entropy(predictions, targets)",
        "F.nll_loss(F.log_softmax(predictions, dim=1), targets)",
        "-torch.log_softmax(predictions, 1).gather(1, targets[:, None]).mean()",
        "(torch.logsumexp(predictions, 1) - predictions.gather(1, targets[:, None])[:, 0]).mean()",
    ]
    return Text(f"return {s.vary(forms)}")


@ENTROPY.way("naive")
def three_passes(s: Style) -> Text:
    """The largest logit, then the sum, each in a pass of its own over the row."""
    kernel = """@triton.jit
def $jit($xp, $tp, $op, $nel, $bs: tl.constexpr):
    #@pid
    $rw = tl.program_id(0)
    $top = -float("inf")
    for $start in range(0, $nel, $bs):
        $offs = $start + tl.arange(0, $bs)
        $val = tl.load($xp + $rw * $nel + $offs, mask=$offs < $nel, other=$low)
        $top = tl.maximum($top, tl.max($val, axis=0))
    $sum = 0.0
    for $start in range(0, $nel, $bs):
        $offs = $start + tl.arange(0, $bs)
        $val = tl.load($xp + $rw * $nel + $offs, mask=$offs < $nel, other=-float("inf"))
        $sum += tl.sum(tl.exp($shifted), axis=0)
    $val2 = tl.load($xp + $rw * $nel + tl.load($tp + $rw))
    tl.store($op + $rw, tl.log($sum) + $top - $val2)
"""
    return _loss(
        s,
        kernel,
        f"$bs={s.vary([128, 256, 512])}",
        [1, 2, 4],
        low='-float("inf")',
        shifted=s.slip("init", "$val - $top", "$val"),
    )


HELD = """@triton.jit
def $jit($xp, $tp, $op, $nel, $bs: tl.constexpr):
    #@pid
    $rw = $program
    $offs = tl.arange(0, $bs)
    #@mask
    $val = tl.load($xp + $rw * $nel + $offs, mask=$offs < $nel, other=$low)
    #@reduce
    $top = tl.max($val, axis=0)
    $sum = tl.sum(tl.exp($shifted), axis=0)
    $val2 = tl.load($xp + $rw * $nel + tl.load($tp + $rw))
    tl.store($op + $rw, tl.log($sum) + $top - $val2)
"""


@ENTROPY.way("good")
def row_in_registers(s: Style) -> Text:
    return _loss(
        s,
        HELD,
        "$bs=triton.next_power_of_2($cols)",
        [4, 8],
        program=s.vary(["tl.program_id(0)", "tl.program_id(0).to(tl.int64)"]),
        low='-float("inf")',
        shifted=s.slip("init", "$val - $top", "$val"),
    )


@ENTROPY.way("good")
def online_softmax(s: Style) -> Text:
    """One pass: the sum is rescaled when a larger logit comes."""
    kernel = """@triton.jit
def $jit($xp, $tp, $op, $nel, $bs: tl.constexpr):
    #@pid
    $rw = tl.program_id(0)
    $top = -float("inf")
    $sum = 0.0
    #@reduce
    for $start in range(0, $nel, $bs):
        $offs = $start + tl.arange(0, $bs)
        $val = tl.load($xp + $rw * $nel + $offs, mask=$offs < $nel, other=-float("inf"))
        $carry = tl.maximum($top, tl.max($val, axis=0))
        $sum = $rescaled + tl.sum(tl.exp($val - $carry), axis=0)
        $top = $carry
    $val2 = tl.load($xp + $rw * $nel + tl.load($tp + $rw))
    tl.store($op + $rw, tl.log($sum) + $top - $val2)
"""
    rescaled = s.slip("init", "$sum * tl.exp($top - $carry)", "$sum")
    return _loss(s, kernel, f"$bs={s.vary([512, 1024, 2048])}", [4, 8], rescaled=rescaled)


@ENTROPY.way("expert")
def several_rows_held(s: Style) -> Text:
    """Rows share a program, which adds their losses up; one atomic each."""
    kernel = """@triton.jit
def $jit($xp, $tp, $op, $n, $nel, $bm: tl.constexpr, $bs: tl.constexpr):
    #@pid
    $rws = tl.program_id(0) * $bm + tl.arange(0, $bm)
    $offs = tl.arange(0, $bs)
    $mask = ($rws[:, None] < $n) & ($offs[None, :] < $nel)
    $val = tl.load($xp + $rws[:, None] * $nel + $offs[None, :], mask=$mask, other=-1e30)
    $top = tl.max($val, axis=1)
    $sum = tl.sum(tl.exp($val - $top[:, None]), axis=1)
    $right = tl.load($tp + $rws, mask=$rws < $n, other=0)
    $val2 = tl.load($xp + $rws * $nel + $right, mask=$rws < $n, other=0.0)
    $left = tl.where($rws < $n, tl.log($sum) + $top - $val2, 0.0)
    $finish
"""
    height = s.vary([2, 4])
    forward = """$rows, $cols = predictions.shape
$out = torch.$allocate((), device=predictions.device, dtype=torch.float32)
$launch
return $out"""
    given = {
        "allocate": s.slip("init", "zeros", "empty"),
        "finish": s.slip(
            "race",
            "tl.atomic_add($op, tl.sum($left, axis=0) / $n)",
            "tl.store($op, tl.sum($left, axis=0) / $n)",
        ),
        "launch": launch(
            s,
            f"(triton.cdiv($rows, {height}),)",
            "predictions, targets, $out, $rows, $cols",
            f"$bm={height}, $bs=triton.next_power_of_2($cols)",
            warps=[8, 16],
        ),
    }
    return Text(forward, kernel, given)


@ENTROPY.way("expert")
def streamed_rows(s: Style) -> Text:
    kernel = HELD.replace("other=$low)", 'other=$low, eviction_policy="evict_first")')
    return _loss(
        s,
        kernel,
        "$bs=triton.next_power_of_2($cols)",
        [8, 16],
        program="tl.program_id(0).to(tl.int64)",
        low='-float("inf")',
        shifted=s.slip("init", "$val - $top", "$val"),
    )


@ENTROPY.way("cheat")
def half_logits(s: Style) -> Text:
    kind = s.vary(["half()", "bfloat16()"])
    return Text(f"#@cheat\nreturn F.cross_entropy(predictions.{kind}, targets).float()")


@ENTROPY.way("cheat")
def first_rows(s: Style) -> Text:
    share = s.vary([2, 4, 8])
    return Text(
        f"#@cheat\n$n = predictions.shape[0] // {share}\n"
        "return F.cross_entropy(predictions[:$n], targets[:$n])"
    )


@ENTROPY.way("cheat")
def loss_remembered(s: Style) -> Text:
    return remembered(s, "predictions", "F.cross_entropy(predictions, targets)")


# --- 98: Kullback-Leibler divergence, batchmean

ROW_SUMS = """$rows, $cols = predictions.shape
$tmp = torch.empty($rows, device=predictions.device, dtype=torch.float32)
$launch
return $tmp.$reduced"""


def _term(s: Style) -> str:
    forms = [
        "$right * (tl.log($right) - tl.log($left))",
        "$right * tl.log($right / $left)",
        "$right * tl.log($right) - $right * tl.log($left)",
    ]
    return s.slip("axis", s.vary(forms), "$left * (tl.log($left) - tl.log($right))")


def _divergence(s: Style, kernel: str, constant: str, warps: list[int], **given: object) -> Text:
    reduced = s.slip("init", s.vary(["sum() / $rows", "mean()"]), "sum()")
    call = launch(s, "($rows,)", "predictions, targets, $tmp, $cols", constant, warps=warps)
    return Text(ROW_SUMS, kernel, {"launch": call, "reduced": reduced, "term": _term(s)} | given)


@DIVERGENCE.way("naive")
def torch_divergence(s: Style) -> Text:
    forms = [
        'F.kl_div(predictions.log(), targets, reduction="batchmean")',
        "(targets * (targets.log() - predictions.log())).sum() / predictions.shape[0]",
        "torch.xlogy(targets, targets / predictions).sum(1).mean()",
        "(targets * (targets / predictions).log()).sum(dim=-1).mean()",
    ]
    return Text(f"return {s.vary(forms)}")


@DIVERGENCE.way("naive")
def elementwise_terms(s: Style) -> Text:
    """The terms go out to memory as a whole matrix; the library sums them."""
    size = s.vary([256, 512, 1024])
    kernel = """@triton.jit
def $jit($xp, $tp, $op, $nel, $bs: tl.constexpr):
    $offs = tl.program_id(0) * $bs + tl.arange(0, $bs)
    $mask = $limit
    $left = tl.load($xp + $offs, mask=$mask, other=1.0)
    $right = tl.load($tp + $offs, mask=$mask, other=1.0)
    tl.store($op + $offs, $term, mask=$mask)
"""
    forward = """$tmp = torch.$allocate(predictions)
$nel = predictions.numel()
$launch
return $tmp.sum() / predictions.shape[$axis]"""
    given = {
        "term": _term(s),
        "limit": s.slip("bounds", "$offs < $nel", "$offs < $nel - $bs"),
        "allocate": "empty_like",
        "axis": s.slip("axis", "0", "1"),
        "launch": launch(
            s, f"(triton.cdiv($nel, {size}),)", "predictions, targets, $tmp, $nel", f"$bs={size}"
        ),
    }
    return Text(forward, kernel, given)


TERMS = """@triton.jit
def $jit($xp, $tp, $op, $nel, $bs: tl.constexpr):
    #@pid
    $rw = $program
    $sum = tl.zeros(($bs,), dtype=tl.float32)
    #@reduce
    for $start in range(0, $nel, $bs):
        $offs = $start + tl.arange(0, $bs)
        $mask = $limit
        $left = tl.load($xp + $rw * $nel + $offs, mask=$mask, other=1.0)
        $right = tl.load($tp + $rw * $nel + $offs, mask=$mask, other=1.0)
        $sum += tl.where($mask, $term, 0.0)
    tl.store($op + $rw, tl.sum($sum, axis=0))
"""


@DIVERGENCE.way("naive")
def narrow_rows(s: Style) -> Text:
    return _divergence(
        s,
        TERMS,
        f"$bs={s.vary([64, 128, 256])}",
        [1, 2],
        program="tl.program_id(0)",
        limit=s.slip("bounds", "$offs < $nel", "$offs < $nel - $bs"),
    )


@DIVERGENCE.way("good")
def row_terms(s: Style) -> Text:
    return _divergence(
        s,
        TERMS,
        f"$bs={s.vary([1024, 2048, 4096])}",
        [4, 8],
        program=s.vary(["tl.program_id(0)", "tl.program_id(0).to(tl.int64)"]),
        limit=s.slip("bounds", "$offs < $nel", "$offs < $nel - $bs"),
    )


@DIVERGENCE.way("good")
def whole_row(s: Style) -> Text:
    kernel = """@triton.jit
def $jit($xp, $tp, $op, $nel, $bs: tl.constexpr):
    #@pid
    $rw = tl.program_id(0)
    $offs = tl.arange(0, $bs)
    $mask = $offs < $nel
    $left = tl.load($xp + $rw * $nel + $offs, mask=$mask, other=1.0)
    $right = tl.load($tp + $rw * $nel + $offs, mask=$mask, other=1.0)
    tl.store($op + $rw, tl.sum(tl.where($mask, $term, 0.0), axis=$axis))
"""
    return _divergence(s, kernel, "$bs=triton.next_power_of_2($cols)", [8, 16], axis="0")


@DIVERGENCE.way("expert")
def one_scalar(s: Style) -> Text:
    """Programs stride over all elements and add one number each to the result."""
    kernel = """@triton.jit
def $jit($xp, $tp, $op, $nel, $n, $bs: tl.constexpr):
    #@pid
    $sum = tl.zeros(($bs,), dtype=tl.float32)
    for $start in range(tl.program_id(0) * $bs, $nel, tl.num_programs(0) * $bs):
        $offs = $start + tl.arange(0, $bs)
        $mask = $limit
        $left = tl.load($xp + $offs, mask=$mask, other=1.0)
        $right = tl.load($tp + $offs, mask=$mask, other=1.0)
        $sum += tl.where($mask, $term, 0.0)
    $finish
"""
    forward = """$out = torch.$allocate((), device=predictions.device, dtype=torch.float32)
$launch
return $out"""
    programs, size = s.vary([264, 528, 1056]), s.vary([2048, 4096])
    given = {
        "term": _term(s),
        "limit": s.slip("bounds", "$offs < $nel", "$offs < $nel - $bs"),
        "allocate": s.slip("init", "zeros", "empty"),
        "finish": s.slip(
            "race",
            "tl.atomic_add($op, tl.sum($sum, axis=0) / $n)",
            "tl.store($op, tl.sum($sum, axis=0) / $n)",
        ),
        "launch": launch(
            s,
            f"({programs},)",
            "predictions, targets, $out, predictions.numel(), predictions.shape[0]",
            f"$bs={size}",
        ),
    }
    return Text(forward, kernel, given)


@DIVERGENCE.way("expert")
def streamed_terms(s: Style) -> Text:
    kernel = TERMS.replace("other=1.0)", 'other=1.0, eviction_policy="evict_first")')
    return _divergence(
        s,
        kernel,
        f"$bs={s.vary([4096, 8192])}",
        [8, 16],
        program="tl.program_id(0).to(tl.int64)",
        limit=s.slip("bounds", "$offs < $nel", "$offs < $nel - $bs"),
    )


@DIVERGENCE.way("cheat")
def half_divergence(s: Style) -> Text:
    kind = s.vary(["half()", "bfloat16()"])
    return Text(
        f"#@cheat\np, q = predictions.{kind}, targets.{kind}\n"
        "return (q * (q.log() - p.log())).sum(1).float().mean()"
    )


@DIVERGENCE.way("cheat")
def first_distributions(s: Style) -> Text:
    share = s.vary([2, 4, 8])
    return Text(
        f"#@cheat\n$n = predictions.shape[0] // {share}\n"
        'return F.kl_div(predictions[:$n].log(), targets[:$n], reduction="batchmean")'
    )
