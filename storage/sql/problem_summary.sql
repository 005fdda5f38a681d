-- One row per run and problem, of the base model's draws (trained arms: `trajectory`). n counts draws; rates are over the draws with a verdict (n_judged),
-- so neither missing evaluations nor harness errors count against the candidates.
CREATE OR REPLACE VIEW problem_summary AS
WITH
judged AS (
    SELECT *, status IS NOT NULL AND status <> 'harness_error' AS has_verdict
    FROM results
    WHERE coalesce(arm, 'base') = 'base'
),
names AS (
    SELECT run_id, suite, level, problem_id, any_value(name) AS name
    FROM problems
    GROUP BY ALL
),
summary AS (
    SELECT
        run_id,
        suite,
        level,
        problem_id,
        count(*) AS n,
        count(*) FILTER (has_verdict) AS n_judged,
        count(*) FILTER (correct) AS n_correct,
        count(*) FILTER (fast_1) AS n_fast_1,
        count(DISTINCT source_hash) AS distinct_sources,
        count(DISTINCT source_hash) FILTER (correct) AS distinct_correct_sources,
        count(*) FILTER (correct) / nullif(count(*) FILTER (has_verdict), 0) AS pass_rate,
        count(*) FILTER (fast_1) / nullif(count(*) FILTER (has_verdict), 0) AS fast_1_rate,
        max(speedup) FILTER (correct) AS best_speedup,
        median(speedup) FILTER (correct) AS median_speedup,
        stddev_samp(mean_logprob) AS logprob_std,
        stddev_samp(mean_logprob) FILTER (correct) AS logprob_std_correct
    FROM judged
    GROUP BY ALL
)
SELECT s.run_id, s.suite, s.level, s.problem_id, n.name, s.* EXCLUDE (run_id, suite, level, problem_id)
FROM summary AS s
LEFT JOIN names AS n USING (run_id, suite, level, problem_id);
