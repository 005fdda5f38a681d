-- Correct draws in quarters by surprisal, the most surprising first: among all correct draws
-- ('pooled', which mixes problems) and among the correct draws of each problem ('within problem',
-- problems with fewer than four left out).
WITH drawn AS (
    SELECT
        coalesce(fast_1, false) AS fast_1, speedup, n_tokens,
        -mean_logprob AS surprisal,
        ntile(4) OVER (ORDER BY mean_logprob, run_id, level, problem_id, sample_index) AS pooled,
        ntile(4) OVER (
            PARTITION BY run_id, suite, level, problem_id ORDER BY mean_logprob, sample_index
        ) AS within_problem,
        count(*) OVER (PARTITION BY run_id, suite, level, problem_id) AS n_correct
    FROM results
    WHERE run_id IN ($runs) AND coalesce(arm, 'base') = 'base' AND correct AND isfinite(mean_logprob) AND speedup > 0
),
ranked AS (
    SELECT 'pooled' AS ranking, pooled AS quartile, * FROM drawn
    UNION ALL
    SELECT 'within problem', within_problem, * FROM drawn WHERE n_correct >= 4
)
SELECT
    ranking,
    quartile::BIGINT AS quartile,
    count(*) AS draws,
    avg(surprisal) AS surprisal,
    avg(fast_1::INTEGER) AS fast_1,
    exp(avg(ln(speedup))) AS speedup_geomean,
    median(speedup) AS speedup_median,
    avg(speedup) AS speedup_mean,
    avg(n_tokens) AS n_tokens
FROM ranked
GROUP BY ranking, quartile
ORDER BY ranking, quartile
