-- Judged draws, problem by problem; a harness error is no verdict on the candidate. A speedup that is
-- no positive number is no measurement.
SELECT
    run_id,
    suite,
    level,
    problem_id,
    sample_index,
    n_tokens::DOUBLE AS n_tokens,
    sum_logprob,
    mean_logprob,
    correct,
    correct AND fast_1 AS fast_1,
    CASE WHEN correct AND speedup > 0 AND isfinite(speedup) THEN speedup END AS speedup,
    correct AND flagged AS flagged,
    unsettled,
    judge_seconds$columns
FROM results$joins
WHERE status IS NOT NULL AND status <> 'harness_error' AND coalesce(arm, 'base') = 'base'
ORDER BY run_id, suite, level, problem_id, sample_index
