"""Arrow schemas of the lake: the one place where a column gets its name, type and unit.

`LAKE/<table>/schema=v1/run_id=<run>/part-*.parquet`. Append-only: a new measurement is a new row.
"""

from __future__ import annotations

import pyarrow as pa

from storage.fields import JUDGING, KEY, RUN, SEQUENCE, UTC, optional, required
from storage.training import (
    ANCHORS,
    ARM,
    CHECKPOINTS,
    PROBES,
    SPEND,
    TRAIN_ITEMS,
    TRAIN_STEPS,
)

SCHEMA_VERSION = 1

_FINDING = pa.struct(
    [
        pa.field("rule", pa.string()),
        pa.field("severity", pa.string()),
        pa.field("message", pa.string()),
    ]
)
RUNS = pa.schema(
    [
        RUN,
        required(
            "created_at",
            UTC,
            "When the row was written. A run that is asked for anew gets another row; the "
            "highest sequence counts.",
        ),
        required(
            "kind",
            pa.string(),
            "sweep | adapt | train | import (a table with verdicts) | candidates (kernels that "
            "came unjudged).",
        ),
        optional("profile", pa.string(), "The profile that the request began from."),
        required("suite", pa.string(), "The suite that was asked for."),
        optional("policy", pa.string(), "The policy as the user wrote it."),
        optional("policy_id", pa.string(), "What the policy with its settings hashed to."),
        required("k", pa.int32(), "Samples asked for per problem, of the base model."),
        optional("seed", pa.int64(), "Seed of the run; every draw has its own."),
        optional(
            "harness_id",
            pa.string(),
            "The judge's settings whose verdicts `results` shows.",
        ),
        required("config", pa.string(), "The whole request, JSON."),
        required("versions", pa.string(), "Of the software that decides the numbers, JSON."),
        optional("host", pa.string(), "Name of the machine that ran it."),
        optional(
            "parameters",
            pa.int64(),
            "Of the base model, those that work for one token (of experts, as many as are asked). "
            "Null where its files do not tell, and in earlier releases.",
        ),
        SEQUENCE,
    ]
)

PROBLEMS = pa.schema(
    [
        *KEY,
        required("name", pa.string(), "The problem's name."),
        required(
            "problem_hash",
            pa.string(),
            "SHA-256 of the reference's text, 16 hex digits; empty for an imported table.",
        ),
        required("source", pa.string(), "The reference's text."),
    ]
)

CANDIDATES = pa.schema(
    [
        *KEY,
        required(
            "sample_index",
            pa.int64(),
            "Number of the draw within its problem, unique in its run: 0, 1, 2, … of the base "
            "model; 1,000,000 a + 10,000 s + g of draw g after s steps of the a-th trained arm.",
        ),
        required(
            "source_hash",
            pa.string(),
            "SHA-256 of `source`, 16 hex digits: equal sources share one verdict. Rows imported "
            "without a source have a key of their own.",
        ),
        optional("policy_id", pa.string(), "The policy that drew it."),
        optional("seed", pa.int64(), "Seed of the draw."),
        optional("completion", pa.string(), "What the model wrote, thoughts included."),
        optional("source", pa.string(), "The module that is judged."),
        optional(
            "finish_reason",
            pa.string(),
            "stop | length (cut short by the limit of tokens).",
        ),
        optional("n_prompt_tokens", pa.int64(), "Length of the prompt in tokens."),
        optional("n_tokens", pa.int64(), "Length of the completion in tokens."),
        optional(
            "sum_logprob",
            pa.float64(),
            "Log-probability of the completion, nats. Null where none was told, or where a "
            "token's was none.",
        ),
        optional("mean_logprob", pa.float64(), "The same per token, nats."),
        optional(
            "logprob_mode",
            pa.string(),
            "raw_logprobs (before temperature) | processed_logprobs (after it).",
        ),
        optional(
            "code_first_token",
            pa.int64(),
            "Index of the first token that writes the code, into `token_logprobs`. This and the "
            "next three are null without code, or where nobody can tell its tokens.",
        ),
        optional(
            "n_code_tokens",
            pa.int64(),
            "Tokens that write the code: no thoughts, no prose, no end token.",
        ),
        optional("code_sum_logprob", pa.float64(), "Log-probability of those tokens, nats."),
        optional("code_mean_logprob", pa.float64(), "The same per token, nats."),
        optional("sample_seconds", pa.float64(), "This draw's share of its shard's wall time, s."),
        required("created_at", UTC, "When the draw was written."),
        optional(
            "claimed_speedup",
            pa.float64(),
            "What the source of an import said of it: reference time over candidate time.",
        ),
        optional("claimed_correct", pa.bool_(), "What the source of an import said of it."),
        optional("claimed_runtime_ms", pa.float64(), "What the source of an import measured, ms."),
        *ARM,
        optional(
            "parent_sample_index",
            pa.int64(),
            "The draw that it was made from (an arm that goes on from earlier draws); else null.",
        ),
    ]
)

TOKEN_LOGPROBS = pa.schema(
    [
        *KEY,
        required("sample_index", pa.int64(), "Number of the draw within its problem."),
        required("logprob_mode", pa.string(), "raw_logprobs | processed_logprobs."),
        required(
            "token_ids",
            pa.list_(pa.int32()),
            "Tokens of the completion, end token included; empty from servers that do not tell "
            "them.",
        ),
        required("logprobs", pa.list_(pa.float32()), "Log-probability of each token, nats."),
    ]
)

EVALUATIONS = pa.schema(
    [
        *KEY,
        required("evaluation_id", pa.string(), "Key of the verdict; `timings` has its trials."),
        optional("problem_hash", pa.string(), "Of the reference that it was judged against."),
        required("source_hash", pa.string(), "Of the candidate that was judged."),
        optional(
            "harness_id",
            pa.string(),
            "The settings, hashed: mode, device, protocol, timeout, baseline, inputs, version.",
        ),
        optional("protocol", pa.string(), "trusted | kernelbench | imported."),
        optional("mode", pa.string(), "fast | full: how long was measured."),
        optional("device", pa.string(), "cpu, cuda:0 and the like."),
        required(
            "status",
            pa.string(),
            "correct | incorrect | compile_error | runtime_error | timeout | out_of_memory | "
            "rejected (cheating shown) | harness_error (our failure, no verdict).",
        ),
        required("compiled", pa.bool_(), "Whether it could be loaded."),
        required("correct", pa.bool_(), "Whether it computes what the reference does."),
        required("fast_1", pa.bool_(), "Correct, and `speedup_low` above 1."),
        optional("speedup", pa.float64(), "Reference time over candidate time: ratio of medians."),
        optional("speedup_low", pa.float64(), "Lower end of its 95 % interval."),
        optional("speedup_high", pa.float64(), "Upper end of its 95 % interval."),
        optional("runtime_ms", pa.float64(), "Median time of the candidate, ms."),
        optional(
            "reference_ms",
            pa.float64(),
            "Median time of the reference, measured in turn with it, ms.",
        ),
        required("trials", pa.int32(), "Pairs of trials behind it."),
        optional(
            "compiled_ms",
            pa.float64(),
            "Median time of the reference under torch.compile, ms.",
        ),
        optional(
            "bound_ms",
            pa.float64(),
            "Bytes of inputs and outputs over the memory's bandwidth, ms: nothing is faster.",
        ),
        optional(
            "error_ratio",
            pa.float64(),
            "Distance from the float64 result, in multiples of what is allowed.",
        ),
        optional(
            "kernelbench_correct",
            pa.bool_(),
            "What KernelBench's tolerance would have said of the same outputs.",
        ),
        optional(
            "precision",
            pa.string(),
            "float32 | tf32 | half: what it seems to have computed in; null where nothing tells.",
        ),
        required("findings", pa.list_(_FINDING), "What screening and measuring noticed."),
        optional("error", pa.string(), "What the failure said."),
        required("sandbox", pa.list_(pa.string()), "What confined the candidate."),
        *JUDGING,
        required("evaluated_at", UTC, "When the verdict was written."),
        optional("host", pa.string(), "Name of the machine that judged it."),
        optional("machine", pa.string(), "Model of the CPU or GPU that it was timed on."),
        SEQUENCE,
        optional(
            "take",
            pa.int32(),
            "1: the first verdict on the source. 2: of a winner that was measured again. 3: of one "
            "that was unsettled at the end. Of rows with equal run_id, suite, level, problem_id, "
            "source_hash and harness_id the highest sequence counts (but for a harness_error). "
            "Null in earlier releases.",
        ),
    ]
)

REFUSALS = pa.schema(
    [
        *KEY,
        required("problem_hash", pa.string(), "Of the reference that was refused."),
        required("harness_id", pa.string(), "The judge's settings, hashed."),
        required("reason", pa.string(), "Why no candidate of it can be judged."),
        required("refused_at", UTC, "When it was refused."),
        SEQUENCE,
    ]
)

TIMINGS = pa.schema(
    [
        *KEY,
        required("evaluation_id", pa.string(), "The verdict that they belong to."),
        required("source_hash", pa.string(), "Of the candidate."),
        required(
            "candidate_ms",
            pa.list_(pa.float64()),
            "Times of the candidate, ms; trial i is paired with reference trial i.",
        ),
        required("reference_ms", pa.list_(pa.float64()), "Times of the reference, ms."),
    ]
)

SELECTIONS = pa.schema(
    [
        *KEY,
        required("strategy", pa.string(), "The rule that picks."),
        required("k", pa.int64(), "Draws that it picks among."),
        required("n", pa.int64(), "Draws of the problem with a verdict."),
        required("n_correct", pa.int64(), "Correct ones among them."),
        required("applicable", pa.bool_(), "False: the strategy abstained."),
        optional("fast_1", pa.float64(), "P(the pick is fast_1) over all k-subsets."),
        optional("success", pa.float64(), "P(the pick is correct)."),
        optional("speedup_mean", pa.float64(), "E[speedup of the pick], incorrect = 0."),
        optional("log_speedup_mean", pa.float64(), "E[log speedup | the pick is correct]."),
        optional("pick_sample_index", pa.int64(), "The pick among all n draws."),
        required("computed_at", UTC, "When it was computed. The run's highest sequence counts."),
        optional("harness_id", pa.string(), "Of the verdicts that it was computed from."),
        SEQUENCE,
    ]
)

RESCORES = pa.schema(
    [
        *KEY,
        required("sample_index", pa.int64(), "Number of the draw within its problem."),
        required("policy", pa.string(), "The scoring policy as the user wrote it."),
        required("policy_id", pa.string(), "What it hashed to."),
        required("temperature", pa.float64(), "Of the processed ones."),
        required("scored_text", pa.string(), "completion | source."),
        required("tokens", pa.string(), "stored (the very tokens that were drawn) | retokenised."),
        required("n_tokens", pa.int64(), "Tokens that were scored."),
        optional("sum_raw_logprob", pa.float64(), "Before temperature, nats."),
        optional("mean_raw_logprob", pa.float64(), "The same per token, nats."),
        optional(
            "sum_processed_logprob",
            pa.float64(),
            "After temperature, nats; null where the policy cannot tell.",
        ),
        optional("mean_processed_logprob", pa.float64(), "The same per token, nats."),
        required("token_ids", pa.list_(pa.int32()), "The tokens."),
        required("raw_logprobs", pa.list_(pa.float32()), "Of each token, nats."),
        optional("processed_logprobs", pa.list_(pa.float32()), "Of each token, nats."),
        required("scored_at", UTC, "When it was scored."),
        SEQUENCE,
    ]
)

TABLES: dict[str, pa.Schema] = {
    "runs": RUNS,
    "problems": PROBLEMS,
    "candidates": CANDIDATES,
    "token_logprobs": TOKEN_LOGPROBS,
    "evaluations": EVALUATIONS,
    "timings": TIMINGS,
    "selections": SELECTIONS,
    "rescores": RESCORES,
    "refusals": REFUSALS,
    "checkpoints": CHECKPOINTS,
    "train_steps": TRAIN_STEPS,
    "train_items": TRAIN_ITEMS,
    "anchors": ANCHORS,
    "probes": PROBES,
    "spend": SPEND,
}
