"""Arrow schemas of the lake: the one place where a column gets its name, type and unit.

`LAKE/<table>/schema=v1/run_id=<run>/part-*.parquet`. Append-only: a new measurement is a new row.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import pyarrow as pa

SCHEMA_VERSION = 1

_Field: TypeAlias = "pa.Field[Any]"

COMMENT = b"comment"
"""What a column holds, in its field's metadata: here, in every part, and in DuckDB's catalogue."""


def _optional(name: str, kind: pa.DataType, comment: str) -> _Field:
    return pa.field(name, kind, metadata={COMMENT: comment.encode()})


def _required(name: str, kind: pa.DataType, comment: str) -> _Field:
    return _optional(name, kind, comment).with_nullable(False)


def comment(field: _Field) -> str:
    """What the column holds, one line."""
    return (field.metadata or {}).get(COMMENT, b"").decode()


_UTC = pa.timestamp("us", tz="UTC")
_KEY: list[_Field] = [
    _required("run_id", pa.string(), "The run; also the name of the part's directory."),
    _required("suite", pa.string(), "The suite of the problem, as it was asked for."),
    _required("level", pa.int32(), "KernelBench's level of the problem."),
    _required("problem_id", pa.int64(), "The problem's number within its level."),
]
_FINDING = pa.struct(
    [
        pa.field("rule", pa.string()),
        pa.field("severity", pa.string()),
        pa.field("message", pa.string()),
    ]
)
_SEQUENCE = _optional(
    "sequence",
    pa.int64(),
    "Number of the append within the run's table (orders rows where clocks cannot). Null in rows "
    "of earlier releases, which are older.",
)

RUNS = pa.schema(
    [
        _KEY[0],
        _required(
            "created_at",
            _UTC,
            "When the row was written. A run that is asked for anew gets another row; the "
            "highest sequence counts.",
        ),
        _required(
            "kind",
            pa.string(),
            "sweep | import (a table with verdicts) | candidates (kernels that came unjudged).",
        ),
        _optional("profile", pa.string(), "The profile that the request began from."),
        _required("suite", pa.string(), "The suite that was asked for."),
        _optional("policy", pa.string(), "The policy as the user wrote it."),
        _optional("policy_id", pa.string(), "What the policy with its settings hashed to."),
        _required("k", pa.int32(), "Samples asked for per problem."),
        _optional("seed", pa.int64(), "Seed of the run; every draw has its own."),
        _optional(
            "harness_id",
            pa.string(),
            "The judge's settings whose verdicts `results` shows.",
        ),
        _required("config", pa.string(), "The whole request, JSON."),
        _required("versions", pa.string(), "Of the software that decides the numbers, JSON."),
        _optional("host", pa.string(), "Name of the machine that ran it."),
        _SEQUENCE,
    ]
)

PROBLEMS = pa.schema(
    [
        *_KEY,
        _required("name", pa.string(), "The problem's name."),
        _required(
            "problem_hash",
            pa.string(),
            "SHA-256 of the reference's text, 16 hex digits; empty for an imported table.",
        ),
        _required("source", pa.string(), "The reference's text."),
    ]
)

CANDIDATES = pa.schema(
    [
        *_KEY,
        _required("sample_index", pa.int64(), "Number of the draw within its problem."),
        _required(
            "source_hash",
            pa.string(),
            "SHA-256 of `source`, 16 hex digits: equal sources share one verdict. Rows imported "
            "without a source have a key of their own.",
        ),
        _optional("policy_id", pa.string(), "The policy that drew it."),
        _optional("seed", pa.int64(), "Seed of the draw."),
        _optional("completion", pa.string(), "What the model wrote, thoughts included."),
        _optional("source", pa.string(), "The module that is judged."),
        _optional(
            "finish_reason",
            pa.string(),
            "stop | length (cut short by the limit of tokens).",
        ),
        _optional("n_prompt_tokens", pa.int64(), "Length of the prompt in tokens."),
        _optional("n_tokens", pa.int64(), "Length of the completion in tokens."),
        _optional(
            "sum_logprob",
            pa.float64(),
            "Log-probability of the completion, nats. Null where none was told, or where a "
            "token's was none.",
        ),
        _optional("mean_logprob", pa.float64(), "The same per token, nats."),
        _optional(
            "logprob_mode",
            pa.string(),
            "raw_logprobs (before temperature) | processed_logprobs (after it).",
        ),
        _optional(
            "code_first_token",
            pa.int64(),
            "Index of the first token that writes the code, into `token_logprobs`. This and the "
            "next three are null without code, or where nobody can tell its tokens.",
        ),
        _optional(
            "n_code_tokens",
            pa.int64(),
            "Tokens that write the code: no thoughts, no prose, no end token.",
        ),
        _optional("code_sum_logprob", pa.float64(), "Log-probability of those tokens, nats."),
        _optional("code_mean_logprob", pa.float64(), "The same per token, nats."),
        _optional("sample_seconds", pa.float64(), "This draw's share of its shard's wall time, s."),
        _required("created_at", _UTC, "When the draw was written."),
        _optional(
            "claimed_speedup",
            pa.float64(),
            "What the source of an import said of it: reference time over candidate time.",
        ),
        _optional("claimed_correct", pa.bool_(), "What the source of an import said of it."),
        _optional("claimed_runtime_ms", pa.float64(), "What the source of an import measured, ms."),
    ]
)

TOKEN_LOGPROBS = pa.schema(
    [
        *_KEY,
        _required("sample_index", pa.int64(), "Number of the draw within its problem."),
        _required("logprob_mode", pa.string(), "raw_logprobs | processed_logprobs."),
        _required(
            "token_ids",
            pa.list_(pa.int32()),
            "Tokens of the completion, end token included; empty from servers that do not tell "
            "them.",
        ),
        _required("logprobs", pa.list_(pa.float32()), "Log-probability of each token, nats."),
    ]
)

EVALUATIONS = pa.schema(
    [
        *_KEY,
        _required("evaluation_id", pa.string(), "Key of the verdict; `timings` has its trials."),
        _optional("problem_hash", pa.string(), "Of the reference that it was judged against."),
        _required("source_hash", pa.string(), "Of the candidate that was judged."),
        _optional(
            "harness_id",
            pa.string(),
            "The judge's settings, hashed: mode, device, protocol, timeout, baseline, version.",
        ),
        _optional("protocol", pa.string(), "trusted | kernelbench | imported."),
        _optional("mode", pa.string(), "fast | full: how long was measured."),
        _optional("device", pa.string(), "cpu, cuda:0 and the like."),
        _required(
            "status",
            pa.string(),
            "correct | incorrect | compile_error | runtime_error | timeout | out_of_memory | "
            "rejected (cheating shown) | harness_error (our failure, no verdict).",
        ),
        _required("compiled", pa.bool_(), "Whether it could be loaded."),
        _required("correct", pa.bool_(), "Whether it computes what the reference does."),
        _required("fast_1", pa.bool_(), "Correct, and `speedup_low` above 1."),
        _optional("speedup", pa.float64(), "Reference time over candidate time: ratio of medians."),
        _optional("speedup_low", pa.float64(), "Lower end of its 95 % interval."),
        _optional("speedup_high", pa.float64(), "Upper end of its 95 % interval."),
        _optional("runtime_ms", pa.float64(), "Median time of the candidate, ms."),
        _optional(
            "reference_ms",
            pa.float64(),
            "Median time of the reference, measured in turn with it, ms.",
        ),
        _required("trials", pa.int32(), "Pairs of trials behind it."),
        _optional(
            "compiled_ms",
            pa.float64(),
            "Median time of the reference under torch.compile, ms.",
        ),
        _optional(
            "bound_ms",
            pa.float64(),
            "Bytes of inputs and outputs over the memory's bandwidth, ms: nothing is faster.",
        ),
        _optional(
            "error_ratio",
            pa.float64(),
            "Distance from the float64 result, in multiples of what is allowed.",
        ),
        _optional(
            "kernelbench_correct",
            pa.bool_(),
            "What KernelBench's tolerance would have said of the same outputs.",
        ),
        _optional(
            "precision",
            pa.string(),
            "float32 | tf32 | half: what it seems to have computed in; null where nothing tells.",
        ),
        _required("findings", pa.list_(_FINDING), "What screening and measuring noticed."),
        _optional("error", pa.string(), "What the failure said."),
        _required("sandbox", pa.list_(pa.string()), "What confined the candidate."),
        _optional("compile_seconds", pa.float64(), "Seconds of compiling and loading."),
        _optional("check_seconds", pa.float64(), "Seconds of checking."),
        _optional("time_seconds", pa.float64(), "Seconds of timing."),
        _optional("wall_seconds", pa.float64(), "Seconds from beginning to end."),
        _required("evaluated_at", _UTC, "When the verdict was written."),
        _optional("timeout_s", pa.float64(), "What the candidate was allowed, s."),
        _optional("host", pa.string(), "Name of the machine that judged it."),
        _optional("machine", pa.string(), "Model of the CPU or GPU that it was timed on."),
        _SEQUENCE,
        _optional(
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
        *_KEY,
        _required("problem_hash", pa.string(), "Of the reference that was refused."),
        _required("harness_id", pa.string(), "The judge's settings, hashed."),
        _required("reason", pa.string(), "Why no candidate of it can be judged."),
        _required("refused_at", _UTC, "When it was refused."),
        _SEQUENCE,
    ]
)

TIMINGS = pa.schema(
    [
        *_KEY,
        _required("evaluation_id", pa.string(), "The verdict that they belong to."),
        _required("source_hash", pa.string(), "Of the candidate."),
        _required(
            "candidate_ms",
            pa.list_(pa.float64()),
            "Times of the candidate, ms; trial i is paired with reference trial i.",
        ),
        _required("reference_ms", pa.list_(pa.float64()), "Times of the reference, ms."),
    ]
)

SELECTIONS = pa.schema(
    [
        *_KEY,
        _required("strategy", pa.string(), "The rule that picks."),
        _required("k", pa.int64(), "Draws that it picks among."),
        _required("n", pa.int64(), "Draws of the problem with a verdict."),
        _required("n_correct", pa.int64(), "Correct ones among them."),
        _required("applicable", pa.bool_(), "False: the strategy abstained."),
        _optional("fast_1", pa.float64(), "P(the pick is fast_1) over all k-subsets."),
        _optional("success", pa.float64(), "P(the pick is correct)."),
        _optional("speedup_mean", pa.float64(), "E[speedup of the pick], incorrect = 0."),
        _optional("log_speedup_mean", pa.float64(), "E[log speedup | the pick is correct]."),
        _optional("pick_sample_index", pa.int64(), "The pick among all n draws."),
        _required("computed_at", _UTC, "When it was computed. The run's highest sequence counts."),
        _optional("harness_id", pa.string(), "Of the verdicts that it was computed from."),
        _SEQUENCE,
    ]
)

RESCORES = pa.schema(
    [
        *_KEY,
        _required("sample_index", pa.int64(), "Number of the draw within its problem."),
        _required("policy", pa.string(), "The scoring policy as the user wrote it."),
        _required("policy_id", pa.string(), "What it hashed to."),
        _required("temperature", pa.float64(), "Of the processed ones."),
        _required("scored_text", pa.string(), "completion | source."),
        _required("tokens", pa.string(), "stored (the very tokens that were drawn) | retokenised."),
        _required("n_tokens", pa.int64(), "Tokens that were scored."),
        _optional("sum_raw_logprob", pa.float64(), "Before temperature, nats."),
        _optional("mean_raw_logprob", pa.float64(), "The same per token, nats."),
        _optional(
            "sum_processed_logprob",
            pa.float64(),
            "After temperature, nats; null where the policy cannot tell.",
        ),
        _optional("mean_processed_logprob", pa.float64(), "The same per token, nats."),
        _required("token_ids", pa.list_(pa.int32()), "The tokens."),
        _required("raw_logprobs", pa.list_(pa.float32()), "Of each token, nats."),
        _optional("processed_logprobs", pa.list_(pa.float32()), "Of each token, nats."),
        _required("scored_at", _UTC, "When it was scored."),
        _SEQUENCE,
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
}
