"""Arrow schemas of the lake: the one place where a column gets its name, type and unit.

`LAKE/<table>/schema=v1/run_id=<run>/part-*.parquet`. Append-only: a new measurement is a new row.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import pyarrow as pa

SCHEMA_VERSION = 1

_Field: TypeAlias = "pa.Field[Any]"

_UTC = pa.timestamp("us", tz="UTC")
_KEY: list[_Field] = [
    pa.field("run_id", pa.string(), nullable=False),
    pa.field("suite", pa.string(), nullable=False),
    pa.field("level", pa.int32(), nullable=False),
    pa.field("problem_id", pa.int64(), nullable=False),
]
_FINDING = pa.struct(
    [
        pa.field("rule", pa.string()),
        pa.field("severity", pa.string()),
        pa.field("message", pa.string()),
    ]
)
_SEQUENCE = pa.field("sequence", pa.int64())
"""Number of the append within the run's table (storage.sequence); orders rows where time cannot."""

RUNS = pa.schema(
    [
        _KEY[0],
        pa.field("created_at", _UTC, nullable=False),
        pa.field("kind", pa.string(), nullable=False),  # sweep | import | candidates
        pa.field("profile", pa.string()),
        pa.field("suite", pa.string(), nullable=False),
        pa.field("policy", pa.string()),  # what the user asked for
        pa.field("policy_id", pa.string()),  # what it hashed to
        pa.field("k", pa.int32(), nullable=False),  # samples asked for per problem
        pa.field("seed", pa.int64()),
        pa.field("harness_id", pa.string()),
        pa.field("config", pa.string(), nullable=False),  # the whole request, JSON
        pa.field("versions", pa.string(), nullable=False),  # of the software that matters, JSON
        pa.field("host", pa.string()),
        _SEQUENCE,
    ]
)

PROBLEMS = pa.schema(
    [
        *_KEY,
        pa.field("name", pa.string(), nullable=False),
        pa.field("problem_hash", pa.string(), nullable=False),
        pa.field("source", pa.string(), nullable=False),
    ]
)

CANDIDATES = pa.schema(
    [
        *_KEY,
        pa.field("sample_index", pa.int64(), nullable=False),
        pa.field("source_hash", pa.string(), nullable=False),
        pa.field("policy_id", pa.string()),
        pa.field("seed", pa.int64()),
        pa.field("completion", pa.string()),  # what the model wrote
        pa.field("source", pa.string()),  # the module that is judged
        pa.field("finish_reason", pa.string()),  # stop | length
        pa.field("n_prompt_tokens", pa.int64()),
        pa.field("n_tokens", pa.int64()),
        pa.field("sum_logprob", pa.float64()),  # nats
        pa.field("mean_logprob", pa.float64()),  # nats per token
        pa.field("logprob_mode", pa.string()),  # raw_logprobs | processed_logprobs
        # Of the tokens that write the code alone: without reasoning, prose and end token. Null
        # without code, or where a source of samples cannot tell which tokens wrote it.
        pa.field("code_first_token", pa.int64()),  # index into token_logprobs
        pa.field("n_code_tokens", pa.int64()),
        pa.field("code_sum_logprob", pa.float64()),  # nats
        pa.field("code_mean_logprob", pa.float64()),  # nats per token
        pa.field("sample_seconds", pa.float64()),  # this draw's share of its shard's wall time
        pa.field("created_at", _UTC, nullable=False),
    ]
)

TOKEN_LOGPROBS = pa.schema(
    [
        *_KEY,
        pa.field("sample_index", pa.int64(), nullable=False),
        pa.field("logprob_mode", pa.string(), nullable=False),
        pa.field("token_ids", pa.list_(pa.int32()), nullable=False),
        pa.field("logprobs", pa.list_(pa.float32()), nullable=False),
    ]
)

EVALUATIONS = pa.schema(
    [
        *_KEY,
        pa.field("evaluation_id", pa.string(), nullable=False),
        pa.field("problem_hash", pa.string()),
        pa.field("source_hash", pa.string(), nullable=False),
        pa.field("harness_id", pa.string()),
        pa.field("protocol", pa.string()),  # trusted | kernelbench | imported
        pa.field("mode", pa.string()),  # fast | full
        pa.field("device", pa.string()),
        pa.field("status", pa.string(), nullable=False),
        pa.field("compiled", pa.bool_(), nullable=False),
        pa.field("correct", pa.bool_(), nullable=False),
        pa.field("fast_1", pa.bool_(), nullable=False),
        pa.field("speedup", pa.float64()),
        pa.field("speedup_low", pa.float64()),
        pa.field("speedup_high", pa.float64()),
        pa.field("runtime_ms", pa.float64()),
        pa.field("reference_ms", pa.float64()),
        pa.field("trials", pa.int32(), nullable=False),
        pa.field("compiled_ms", pa.float64()),  # the reference under torch.compile
        pa.field("bound_ms", pa.float64()),  # bytes of inputs and outputs over bandwidth
        pa.field("error_ratio", pa.float64()),
        pa.field("findings", pa.list_(_FINDING), nullable=False),
        pa.field("error", pa.string()),
        pa.field("sandbox", pa.list_(pa.string()), nullable=False),
        pa.field("compile_seconds", pa.float64()),
        pa.field("check_seconds", pa.float64()),
        pa.field("time_seconds", pa.float64()),
        pa.field("wall_seconds", pa.float64()),
        pa.field("evaluated_at", _UTC, nullable=False),
        pa.field("timeout_s", pa.float64()),  # what the candidate was allowed
        pa.field("host", pa.string()),  # where it was judged
        pa.field("machine", pa.string()),  # model of the CPU or GPU that it was timed on
        _SEQUENCE,
    ]
)

REFUSALS = pa.schema(
    [
        *_KEY,
        pa.field("problem_hash", pa.string(), nullable=False),
        pa.field("harness_id", pa.string(), nullable=False),
        pa.field("reason", pa.string(), nullable=False),  # why no candidate of it can be judged
        pa.field("refused_at", _UTC, nullable=False),
        _SEQUENCE,
    ]
)

TIMINGS = pa.schema(
    [
        *_KEY,
        pa.field("evaluation_id", pa.string(), nullable=False),
        pa.field("source_hash", pa.string(), nullable=False),
        pa.field("candidate_ms", pa.list_(pa.float64()), nullable=False),  # trial i is paired with
        pa.field("reference_ms", pa.list_(pa.float64()), nullable=False),  # reference trial i
    ]
)

SELECTIONS = pa.schema(
    [
        *_KEY,
        pa.field("strategy", pa.string(), nullable=False),
        pa.field("k", pa.int64(), nullable=False),
        pa.field("n", pa.int64(), nullable=False),  # draws of this problem
        pa.field("n_correct", pa.int64(), nullable=False),
        pa.field("applicable", pa.bool_(), nullable=False),  # False: the strategy abstained
        pa.field("fast_1", pa.float64()),  # P(the pick is fast_1) over all k-subsets
        pa.field("success", pa.float64()),  # P(the pick is correct)
        pa.field("speedup_mean", pa.float64()),  # E[speedup of the pick], incorrect = 0
        pa.field("log_speedup_mean", pa.float64()),  # E[log speedup | the pick is correct]
        pa.field("pick_sample_index", pa.int64()),  # the pick among all n draws
        pa.field("computed_at", _UTC, nullable=False),
        pa.field("harness_id", pa.string()),  # of the verdicts that it was computed from
        _SEQUENCE,
    ]
)

RESCORES = pa.schema(
    [
        *_KEY,
        pa.field("sample_index", pa.int64(), nullable=False),
        pa.field("policy", pa.string(), nullable=False),  # what the user asked for
        pa.field("policy_id", pa.string(), nullable=False),  # what it hashed to
        pa.field("temperature", pa.float64(), nullable=False),  # of the processed ones
        pa.field("scored_text", pa.string(), nullable=False),  # completion | source
        pa.field("tokens", pa.string(), nullable=False),  # stored | retokenised
        pa.field("n_tokens", pa.int64(), nullable=False),
        pa.field("sum_raw_logprob", pa.float64()),  # nats
        pa.field("mean_raw_logprob", pa.float64()),  # nats per token
        pa.field("sum_processed_logprob", pa.float64()),  # null where the policy cannot tell
        pa.field("mean_processed_logprob", pa.float64()),
        pa.field("token_ids", pa.list_(pa.int32()), nullable=False),
        pa.field("raw_logprobs", pa.list_(pa.float32()), nullable=False),
        pa.field("processed_logprobs", pa.list_(pa.float32())),
        pa.field("scored_at", _UTC, nullable=False),
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
