-- One row per candidate (draw) with the latest verdict on its source under the harness that the run
-- was last asked to be judged by (see evaluations_latest); status is null without one.
-- A draw that came without log-probabilities has those of its latest rescoring; `rescored_by` says
-- by which policy.
CREATE OR REPLACE VIEW results AS
SELECT
    c.run_id,
    c.suite,
    c.level,
    c.problem_id,
    c.sample_index,
    c.source_hash,
    c.policy_id,
    coalesce(c.n_tokens, s.n_tokens) AS n_tokens,
    coalesce(c.sum_logprob, s.sum_raw_logprob) AS sum_logprob,
    coalesce(c.mean_logprob, s.mean_raw_logprob) AS mean_logprob,
    if(s.policy_id IS NULL, c.logprob_mode, 'raw_logprobs') AS logprob_mode,
    e.status,
    e.compiled,
    e.correct,
    e.speedup,
    e.speedup_low,
    e.speedup_high,
    e.fast_1,
    e.runtime_ms,
    e.reference_ms,
    e.device,
    c.n_code_tokens,
    c.code_sum_logprob,
    c.code_mean_logprob,
    c.finish_reason,
    e.evaluation_id,
    e.harness_id,
    e.protocol,
    e.mode,
    e.timeout_s,
    e.trials,
    e.compiled_ms,
    e.compiled_ms / e.runtime_ms AS speedup_compiled,
    e.bound_ms,
    e.bound_ms / e.runtime_ms AS speed_of_light,
    e.error_ratio,
    e.kernelbench_correct,
    e.precision,
    e.error,
    s.policy_id AS rescored_by,
    judge_seconds(e) AS judge_seconds,
    list_contains(list_transform(e.findings, lambda one: one.severity), 'warning') AS flagged,
    -- Correct, and the interval of its speedup holds 1: as likely noise as news.
    coalesce(e.correct AND NOT e.fast_1 AND e.speedup_low <= 1 AND e.speedup_high > 1, false)
        AS unsettled,
    list_transform(e.findings, lambda one: one.rule) AS rules,
    e.take,
    c.claimed_speedup,
    c.claimed_correct,
    c.claimed_runtime_ms,
    c.arm,
    c.unit,
    c.step,
    c.checkpoint_id,
    c.purpose,
    c.parent_sample_index
FROM candidates AS c
LEFT JOIN evaluations_latest AS e USING (run_id, suite, level, problem_id, source_hash)
LEFT JOIN (
    SELECT *
    FROM rescores_latest
    QUALIFY row_number() OVER (
        PARTITION BY run_id, suite, level, problem_id, sample_index
        ORDER BY sequence DESC NULLS LAST, scored_at DESC
    ) = 1
) AS s
    ON c.mean_logprob IS NULL
    AND (c.run_id, c.suite, c.level, c.problem_id, c.sample_index)
    = (s.run_id, s.suite, s.level, s.problem_id, s.sample_index);
