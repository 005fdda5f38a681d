-- The candidates that the strategies pick among all correct draws of a problem that the page shows,
-- with their code.
-- Ties go to the lower sample index, of equally fast ones to the better score (the curves share
-- their probability). Where a draw of the problem has no log-probability, the scores pick nothing.
WITH judged_ones AS (
    SELECT
        *,
        bool_or(mean_logprob IS NULL OR isnan(mean_logprob)) OVER (
            PARTITION BY run_id, suite, level, problem_id
        ) AS unscored
    FROM judged
    WHERE run_id IN ($runs) AND $shown
),
correct AS (
    SELECT
        *,
        row_number() OVER (problem ORDER BY speedup DESC NULLS LAST, sample_index) AS by_speedup,
        row_number() OVER (problem ORDER BY mean_logprob, sample_index) AS by_surprisal,
        row_number() OVER (problem ORDER BY mean_logprob DESC NULLS LAST, sample_index) AS by_confidence
    FROM judged_ones
    WHERE correct
    WINDOW problem AS (PARTITION BY run_id, suite, level, problem_id)
),
named AS (
    SELECT 'oracle' AS strategy, * FROM correct WHERE by_speedup = 1
    UNION ALL
    SELECT 'surprisal', * FROM correct WHERE by_surprisal = 1 AND NOT unscored
    UNION ALL
    SELECT 'confidence', * FROM correct WHERE by_confidence = 1 AND NOT unscored
    UNION ALL
    SELECT 'surprisal-top3', * FROM correct WHERE by_surprisal <= 3 AND NOT unscored
    QUALIFY row_number() OVER (
        PARTITION BY run_id, suite, level, problem_id ORDER BY speedup DESC NULLS LAST, by_surprisal
    ) = 1
    UNION ALL
    SELECT 'confidence-top3', * FROM correct WHERE by_confidence <= 3 AND NOT unscored
    QUALIFY row_number() OVER (
        PARTITION BY run_id, suite, level, problem_id ORDER BY speedup DESC NULLS LAST, by_confidence
    ) = 1
)
SELECT
    n.run_id, n.suite, n.level, n.problem_id, n.sample_index, n.source_hash,
    string_agg(n.strategy, ', ' ORDER BY n.strategy) AS strategies,
    any_value(n.status) AS status,
    any_value(n.speedup) AS speedup,
    any_value(n.speedup_low) AS speedup_low,
    any_value(n.speedup_high) AS speedup_high,
    any_value(n.runtime_ms) AS runtime_ms,
    any_value(n.reference_ms) AS reference_ms,
    any_value(n.trials)::BIGINT AS trials,
    -any_value(n.mean_logprob) AS surprisal,
    any_value(n.n_tokens) AS n_tokens,
    any_value(c.source) AS source
FROM named AS n
JOIN candidates AS c USING (run_id, suite, level, problem_id, sample_index)
GROUP BY n.run_id, n.suite, n.level, n.problem_id, n.sample_index, n.source_hash
ORDER BY n.level, n.problem_id, n.suite, n.run_id, n.sample_index
