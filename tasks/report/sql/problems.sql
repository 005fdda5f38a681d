-- One row per problem, all runs of this report together: draws, verdicts, distinct sources, the
-- best correct candidate, and the spread of the log-probability that selection lives from.
WITH drawn AS (
    SELECT *, status IS NOT NULL AND status <> 'harness_error' AS judged
    FROM results
    WHERE run_id IN ($runs) AND coalesce(arm, 'base') = 'base'
),
spreads AS (
    SELECT suite, level, problem_id, avg(spread) AS spread, avg(spread_correct) AS spread_correct
    FROM (
        SELECT
            suite, level, problem_id,
            stddev_samp(mean_logprob) AS spread,
            stddev_samp(mean_logprob) FILTER (correct) AS spread_correct
        FROM drawn
        WHERE judged AND isfinite(mean_logprob)
        GROUP BY run_id, suite, level, problem_id
    )
    GROUP BY ALL
),
names AS (
    SELECT suite, level, problem_id, any_value(name) AS name
    FROM problems WHERE run_id IN ($runs)
    GROUP BY ALL
)
SELECT
    suite, level, problem_id, any_value(name) AS name,
    count(*) AS draws,
    count(*) FILTER (judged) AS judged,
    count(*) FILTER (correct) AS correct,
    count(*) FILTER (fast_1) AS fast_1,
    count(DISTINCT source_hash) AS sources,
    count(DISTINCT source_hash) FILTER (correct) AS correct_sources,
    arg_max(speedup, speedup) FILTER (correct) AS speedup,
    arg_max(speedup_low, speedup) FILTER (correct) AS speedup_low,
    arg_max(speedup_high, speedup) FILTER (correct) AS speedup_high,
    arg_max(runtime_ms, speedup) FILTER (correct) AS runtime_ms,
    arg_max(reference_ms, speedup) FILTER (correct) AS reference_ms,
    arg_max(bound_ms, speedup) FILTER (correct) AS bound_ms,
    any_value(spread) AS spread,
    any_value(spread_correct) AS spread_correct
FROM drawn
LEFT JOIN spreads USING (suite, level, problem_id)
LEFT JOIN names USING (suite, level, problem_id)
GROUP BY suite, level, problem_id
ORDER BY level, problem_id, suite
