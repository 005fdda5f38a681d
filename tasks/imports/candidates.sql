SELECT
    $suite AS suite,
    level,
    problem_id,
    sample_index,
    source_hash,
    source,
    n_tokens,
    coalesce(sum_logprob, mean_logprob * n_tokens) AS sum_logprob,
    mean_logprob,
    logprob_mode,
    claimed_speedup,
    claimed_correct,
    claimed_runtime_ms,
    $now::TIMESTAMPTZ AS created_at
FROM draws
