"""The format of what `bon strategies --json`, the report and the summary of a sweep are made of."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Estimate(_Frozen):
    """A value over problems with its 95 % interval; null where undefined, never 0 or 1.

    The interval needs two problems at least.
    """

    mean: float | None
    low: float | None
    high: float | None


class StrategyAtK(_Frozen):
    """One strategy at one budget, over the problems of `Compared`: one denominator for all values
    and all budgets. Beyond its k everything is null."""

    problems: int
    """Those of `Compared`; 0 beyond its k."""
    fast_1: Estimate
    """P(the pick is correct and faster than 1x); a problem without a correct draw is a failure."""
    fast_1_at_most: float | None
    """The mean of fast_1, were every unsettled kernel faster than the reference."""
    success: Estimate
    """P(the pick is correct) = pass@k."""
    speedup_geomean: Estimate
    """Over picks that are correct: exp of the mean over problems of E[log speedup | correct]. This
    and the next two leave out the problems of `Compared.untimed`."""
    speedup_median: Estimate
    """Of the same: the median problem's typical pick."""
    speedup_mean: Estimate
    """E[speedup], an incorrect pick counting 0. Dominated by a few large values."""
    flagged: float | None
    """P(the pick is correct and carries a warning of the judge's screening)."""
    evaluations: float | None
    """Draws judged per problem when the score ranks them first and judging stops at the `top`-th
    correct one, which makes the same pick. The oracle has to judge all k."""
    judge_seconds: float | None
    """Seconds of judging per problem of the same; null where a problem's were not recorded."""
    tokens: float | None
    """Completion tokens sampled per problem, the same for every strategy; null where a problem's
    are not known."""


class EquivalentSamples(_Frozen):
    """The budget at which the Best-of-N curve (`fast_1_at_k`) reaches a strategy's fast_1.

    A value below the curve's smallest budget or above its largest is censored: that end, and
    "below" or "above".
    """

    at: int
    """The strategy's own budget."""
    k: float | None
    censored: str | None
    low: float | None
    low_censored: str | None
    high: float | None
    high_censored: str | None


class StrategyCurve(_Frozen):
    """One strategy over all budgets, and on how many problems its scores mean something."""

    k: dict[int, StrategyAtK]
    top: int
    """Kernels that are timed to make one pick."""
    problems: int
    applicable: int
    abstained_missing: int
    """Problems with a draw that could not be scored: all draws tie there, for the pick as for what
    it costs."""
    abstained_narrow: int | None
    """Withdrawn, and null: a narrow spread of log-probabilities is no reason to abstain. What they
    are worth is what they predict (`comparisons`, `association`)."""
    abstained_tied: int
    """Problems whose draws all have the same log-probability."""
    abstains: str | None
    """Why it abstains on problems, if it does, in a sentence."""
    exploratory: bool
    """Whether its tests are in the second family of `comparisons`."""
    saturation_k: int | None
    """The least budget whose fast_1 is within one percentage point of that at every larger one;
    null if the largest that all problems have still gained as much over the one before."""
    equivalent_k: EquivalentSamples | None
    spent: dict[int, Estimate]
    """P(a fast_1 draw is among the first e by score), all draws of a problem ranked before any is
    judged: success against evaluations spent. Empty for the oracle, which cannot rank before."""
    spent_seconds: dict[int, float | None]
    """Seconds of judging those e, per problem; null where they were not recorded."""


class LeftOut(_Frozen):
    """One run of one problem, with too few verdicts to be compared."""

    run_id: str
    suite: str
    level: int
    problem_id: int
    draws: int
    """With a verdict."""


class Compared(_Frozen):
    """What every curve and comparison is about: the same runs of the same problems at every k."""

    k: int | None
    """The deepest budget that at least three quarters of the runs of problems reach (more than
    half, where it would be 1 otherwise); null where none reaches the smallest asked for."""
    problems: int
    """Of which a run reaches k."""
    left_out: list[LeftOut]
    """What does not reach k, at no budget a part of any curve."""
    untimed: int
    """Problems with a correct draw without a speedup: they take no part in the speedups."""
    sentence: str | None
    """What was left out, and beyond which k nothing is said; null where nothing was."""


class ProblemSpread(_Frozen):
    """How widely the log-probabilities of one problem's draws are spread."""

    suite: str
    level: int
    problem_id: int
    logprob_std: float | None
    """Nats per token, over all judged draws."""
    applicable: bool
    """Whether it differs at all, so that draws can be ranked by it."""


class Fast1Comparison(_Frozen):
    """fast_1 of a minus that of b, paired by problem."""

    difference: Estimate
    difference_at_most: Estimate
    """The same, were every unsettled kernel faster than the reference."""
    cohens_h: float | None
    a_better: int
    b_better: int
    p: float | None
    """Two-sided, for the mean difference; null with fewer than six problems."""
    p_holm: float | None
    """Adjusted for the choice among the rules with the same control; never below `p`, and below 5 %
    exactly where the interval leaves out 0."""
    rules: int
    """How many those are."""
    mcnemar_p: float | None
    """Exact, two-sided, over the problems where a and b differ; null where `no_mcnemar` says why.
    """
    mcnemar_p_holm: float | None
    no_mcnemar: str | None
    test: str
    """What `p` is by, given the problems: "random-scores" (a against its control: the law of a's
    picks had its scores been random) or "sign-flip" (two arms that may change places, which is
    McNemar's mid-P where outcomes are 0 or 1: then "mcnemar-mid-p"; `mcnemar_p` is the exact one,
    which is larger). What differences vary over problems beyond that law is added to it."""
    problems_needed: int | None
    """For 80 % power at the gap seen, by the test of `p_holm`, if further problems are like these;
    null if no number would do."""
    problems_needed_at_least: int | None
    """The same, were the gap the largest that its interval holds; while that holds 0 there is no
    bound above."""


class SpeedupComparison(_Frozen):
    """Speedup of a over that of b on problems where both picks are correct."""

    ratio: Estimate
    """Geometric mean."""
    p: float | None
    """Two-sided, for the geometric mean; as for fast_1."""
    p_holm: float | None
    pairs: int
    """Problems where the two differ: what Wilcoxon ranks; 0 where `no_wilcoxon` says why not."""
    wilcoxon_statistic: float | None
    wilcoxon_p: float | None
    """Two-sided, on log ratios."""
    wilcoxon_p_holm: float | None
    no_wilcoxon: str | None


class PairedComparison(_Frozen):
    """Strategy a against strategy b at one budget."""

    a: str
    b: str
    k: int
    problems: int
    applicable: int
    fast_1: Fast1Comparison
    speedup: SpeedupComparison
    exploratory: bool
    """Its rules are a family of their own."""
    verdict: str
    """Of fast_1: "better", "worse", "noise" (unsettled kernels could undo it), "open", "alike"
    (nothing differs), "undefined"."""
    sentence: str


class CorrelationOut(_Frozen):
    """Spearman's rank correlation within problems, pooled."""

    rho: float | None
    p: float | None
    draws: int
    problems: int


class Quartile(_Frozen):
    """Correct draws of one quarter by surprisal within their problem; 1 is the most surprising.

    Of problems with four correct draws or more.
    """

    quartile: int
    draws: float
    """A quarter of all, exactly: a draw on a border is of both sides in part."""
    fast_1: float | None
    speedup_geomean: float | None
    speedup_mean: float | None
    tokens: float | None


class AssociationOut(_Frozen):
    """What the paper calls length control and the quartile table."""

    surprisal_speedup: CorrelationOut
    surprisal_speedup_low: float | None
    surprisal_speedup_high: float | None
    """The interval of its rho over problems."""
    surprisal_speedup_given_length: CorrelationOut
    """The rank correlation of what curves over the logarithm of length leave of both."""
    length_speedup: CorrelationOut
    quartiles: list[Quartile]
    verdict: str
    """Whether log-probabilities say something on speed here: "faster" (more surprising kernels are
    faster), "slower", "open", "undefined"."""
    length: str
    """What length has to do with that: "explains" (at equal length little is left), "not" (at equal
    length it is there, too), "open", "unknown" (lengths, or the effect itself)."""
    sentence: str


class StrategiesDocument(_Frozen):
    """Everything `bon strategies --json` prints."""

    runs: list[str]
    problems: int
    """With a verdict; how many of them are compared says `compared`."""
    samples: int
    """Judged draws, over all runs."""
    ks: list[int]
    compared: Compared
    least_spread: float
    strategies: dict[str, StrategyCurve]
    pass_at_k: dict[int, Estimate]
    fast_1_at_k: dict[int, Estimate]
    """P(some draw of k is correct and faster than 1x)."""
    fast_1_gain: dict[int, Estimate]
    """What each budget's `fast_1_at_k` adds to that of the budget before it."""
    fast_1_at_k_at_most: dict[int, float | None]
    """Its mean, were every unsettled kernel faster than the reference: the interval of such a
    kernel's speedup holds 1."""
    spread: list[ProblemSpread]
    comparisons: list[PairedComparison]
    association: AssociationOut
    """Surprisal and speed within problems, over correct draws."""
