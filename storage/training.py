"""Schemas of what training at test time adds to the lake: weights, steps, items, and their price.

A run holds the base arm and any number of arms that are trained. An arm has a trajectory per unit:
one for the whole batch of problems, or one for each problem.
"""

from __future__ import annotations

import pyarrow as pa

from storage.fields import JUDGING, KEY, RUN, SEQUENCE, UTC, optional, required

_ABOUT_ARM = "`base`, or the objective that the arm is trained by."
_ABOUT_UNIT = "What one trajectory is of: `batch`, or level/problem_id."

ARM = [
    optional("arm", pa.string(), f"{_ABOUT_ARM} Null in sweeps."),
    optional("unit", pa.string(), f"{_ABOUT_UNIT} Null in sweeps, and for the base arm."),
    optional(
        "step",
        pa.int32(),
        "Gradient steps before the draw; of the base arm the stage, under the same weights. Null "
        "in sweeps.",
    ),
    optional("checkpoint_id", pa.string(), "The weights that drew it; null: the base model's."),
    optional(
        "purpose",
        pa.string(),
        "round (what the next step learns from) | tail (more search under the same weights, within "
        "the arm's budget) | confirm (fresh, outside every budget). Null in sweeps, and in earlier "
        "releases, which had rounds only.",
    ),
]
"""Of a draw: where in a run of several arms it stands."""

_STEP = [
    RUN,
    required("arm", pa.string(), _ABOUT_ARM),
    required("unit", pa.string(), _ABOUT_UNIT),
    required("step", pa.int32(), "Gradient steps so far; 0 is the base model."),
]

CHECKPOINTS = pa.schema(
    [
        *_STEP,
        required(
            "checkpoint_id",
            pa.string(),
            "Hash of what made it: parent, items, how the step was made, trainer. 16 hex digits.",
        ),
        required("parent_id", pa.string(), "The checkpoint that the step began from, or `base`."),
        required("policy", pa.string(), "What samples from it, for `--policy`."),
        required("policy_id", pa.string(), "What that hashes to."),
        required("trainer_id", pa.string(), "Base weights, LoRA, number type, versions, hashed."),
        required("path", pa.string(), "Its folder, from the lake's on."),
        required("sha256", pa.string(), "Of the adapter's file."),
        required("optimizer_sha256", pa.string(), "Of the optimizer's file."),
        required("bytes", pa.int64(), "Of all its files."),
        optional(
            "files",
            pa.string(),
            "Name within the folder → SHA-256 of each file that was saved, JSON. Null in earlier "
            "releases.",
        ),
        required("created_at", UTC, "When it was saved."),
        SEQUENCE,
    ]
)

TRAIN_STEPS = pa.schema(
    [
        *_STEP,
        optional("checkpoint_id", pa.string(), "What the step made; null where it made nothing."),
        required("parent_id", pa.string(), "The checkpoint that it began from, or `base`."),
        required("objective", pa.string(), "The objective, as it was asked for."),
        required("reward", pa.string(), "The reward, as it was asked for."),
        required("spec", pa.string(), "How the step was made, JSON."),
        required("n_items", pa.int64(), "Draws that it learned from."),
        required("n_tokens", pa.int64(), "Their tokens that carry loss."),
        optional("loss", pa.float64(), "Before the step."),
        optional("grad_norm", pa.float64(), "Euclidean, before clipping."),
        optional(
            "mismatch_mean",
            pa.float64(),
            "Mean over tokens of |log p of the trainer - log p of the sampler|, nats.",
        ),
        optional("mismatch_max", pa.float64(), "The largest one, nats."),
        optional("ess", pa.float64(), "Effective sample size over the number of draws."),
        optional("learning_rate", pa.float64(), "Adam's; found by bisection for `kl:X`."),
        optional("kl_from_parent", pa.float64(), "Nats per token, behind the draws' prefixes."),
        optional("kl_from_base", pa.float64(), "Nats per token, behind the draws' prefixes."),
        required("seconds", pa.float64(), "Of the step."),
        optional("peak_bytes", pa.int64(), "Of the device's memory; null on a CPU."),
        required(
            "status",
            pa.string(),
            "done | no_signal (all advantages 0) | refused (sampler and trainer disagree) | "
            "diverged.",
        ),
        optional(
            "message",
            pa.string(),
            "Why it was refused or diverged; of a step that was done, what it lacked.",
        ),
        required("made_at", UTC, "When it ended."),
        SEQUENCE,
    ]
)

TRAIN_ITEMS = pa.schema(
    [
        *KEY,
        required("arm", pa.string(), _ABOUT_ARM),
        required("unit", pa.string(), _ABOUT_UNIT),
        required("step", pa.int32(), "The step that learned from it."),
        required("sample_index", pa.int64(), "The draw."),
        required("evaluation_id", pa.string(), "The very verdict that its reward is from."),
        required("reward", pa.float64(), "What the reward made of that verdict."),
        required("advantage", pa.float64(), "Mean over the draw's tokens."),
        SEQUENCE,
    ]
)

ANCHORS = pa.schema(
    [
        *KEY,
        required("round", pa.int32(), "The round in whose queue it was measured, from 1."),
        required("sample_index", pa.int64(), "The draw of the base arm's first stage."),
        required("source_hash", pa.string(), "Of the source that was measured."),
        required("first_evaluation_id", pa.string(), "The first verdict on it."),
        optional("harness_id", pa.string(), "The judge's settings, hashed."),
        optional("machine", pa.string(), "Model of the CPU or GPU that it was timed on."),
        optional("device", pa.string(), "cpu, cuda:0 and the like."),
        required("status", pa.string(), "As in `evaluations`."),
        optional("speedup", pa.float64(), "Reference time over candidate time: ratio of medians."),
        optional("speedup_low", pa.float64(), "Lower end of its 95 % interval."),
        optional("speedup_high", pa.float64(), "Upper end of its 95 % interval."),
        optional("runtime_ms", pa.float64(), "Median time of the candidate, ms."),
        optional("reference_ms", pa.float64(), "Median time of the reference, ms."),
        required("trials", pa.int32(), "Pairs of trials behind it."),
        *JUDGING,
        required("evaluated_at", UTC, "When it was written."),
        SEQUENCE,
    ]
)
"""Not in `evaluations`: what is measured anew to watch the evaluator is no verdict on a draw."""

PROBES = pa.schema(
    [
        *KEY,
        required(
            "checkpoint_id", pa.string(), "Under which weights it was scored; `base`: the base's."
        ),
        required("draws_run", pa.string(), "The run that the draw is of."),
        required("sample_index", pa.int64(), "The draw."),
        required(
            "logprob_mode", pa.string(), "raw_logprobs | processed_logprobs, as it was drawn."
        ),
        required("n_prompt_tokens", pa.int64(), "Tokens of the prompt that were read before it."),
        required("n_tokens", pa.int64(), "Tokens that were scored."),
        required("sum_logprob", pa.float64(), "Log-probability of the completion, nats."),
        required("mean_logprob", pa.float64(), "The same per token, nats."),
        required(
            "divergence",
            pa.float64(),
            "Sum over tokens of exp(-d) - 1 + d, d the token's log-probability when it was drawn "
            "less the one here. Its mean is the KL divergence of who drew from who scores, nats a "
            "completion; never negative.",
        ),
        required("seconds", pa.float64(), "Its share of the wall time of scoring, s."),
        required("scored_at", UTC, "When it was scored."),
        SEQUENCE,
    ]
)

SPEND = pa.schema(
    [
        *_STEP,
        required(
            "stage",
            pa.string(),
            "sample | judge | train | score: of the arm's budget. confirm (draws) | "
            "confirm_judge | anchor (measured anew) | probe: outside of it. Of equal run, arm, "
            "unit, step and stage the highest sequence counts.",
        ),
        required("rollouts", pa.int64(), "Completions drawn."),
        required("prompt_tokens", pa.int64(), "Tokens of their prompts."),
        required(
            "prefill_tokens", pa.int64(), "Tokens read besides: scored, or a teacher's prompt."
        ),
        required("completion_tokens", pa.int64(), "Tokens drawn."),
        required("teacher_tokens", pa.int64(), "Tokens that a teacher scored."),
        required("trained_tokens", pa.int64(), "Tokens that went forward and backward."),
        required("evaluations", pa.int64(), "Verdicts made; equal sources are judged once."),
        required(
            "seconds",
            pa.float64(),
            "Wall time; of verdicts what they took without waiting (`judge_seconds`).",
        ),
        required("gpu_seconds", pa.float64(), "Seconds times the GPUs held; 0 on a CPU."),
        required("spent_at", UTC, "When the stage ended."),
        SEQUENCE,
    ]
)
