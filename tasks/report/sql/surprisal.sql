-- Surprisal (minus the mean token log-probability, in nats) against speedup: one row per correct
-- draw; of more than 4,000 draws, 4,000 taken by hash, since a page shows no more.
WITH drawn AS (
    SELECT
        run_id, suite, level, problem_id, sample_index,
        -mean_logprob AS surprisal,
        speedup,
        coalesce(fast_1, false) AS fast_1
    FROM results
    WHERE run_id IN ($runs) AND coalesce(arm, 'base') = 'base' AND correct AND isfinite(mean_logprob) AND speedup > 0
    ORDER BY hash(run_id, suite, level, problem_id, sample_index)
    LIMIT 4000
)
SELECT * FROM drawn
ORDER BY run_id, suite, level, problem_id, sample_index
