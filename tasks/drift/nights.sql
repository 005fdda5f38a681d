-- The first verdict of every run on each source, by the settings that the run shows.
WITH judged AS (
    SELECT e.*
    FROM evaluations AS e
    LEFT JOIN runs_latest AS r USING (run_id)
    WHERE (r.harness_id IS NULL OR e.harness_id = r.harness_id) AND e.status <> 'harness_error'
    QUALIFY row_number() OVER (
        PARTITION BY e.run_id, e.suite, e.level, e.problem_id, e.source_hash
        ORDER BY e.sequence NULLS FIRST, e.evaluated_at, e.evaluation_id
    ) = 1
)
SELECT
    run_id, suite, level, problem_id, problem_hash, source_hash, harness_id, device, machine, host,
    status, runtime_ms, reference_ms, speedup_low, speedup_high, evaluated_at
FROM judged
ORDER BY evaluated_at, evaluation_id
