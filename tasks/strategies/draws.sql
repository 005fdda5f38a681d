-- Judged draws, problem by problem; a harness error is no verdict on the candidate.
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
    speedup
FROM results
WHERE status IS NOT NULL AND status <> 'harness_error'
ORDER BY run_id, suite, level, problem_id, sample_index
