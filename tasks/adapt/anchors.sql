-- Sources of the base arm's first stage, each by its first draw, with the first verdict on it.
WITH first AS (
    SELECT e.*
    FROM evaluations AS e
    LEFT JOIN runs_latest AS r USING (run_id)
    WHERE (r.harness_id IS NULL OR e.harness_id = r.harness_id) AND e.status <> 'harness_error'
    QUALIFY row_number() OVER (
        PARTITION BY e.suite, e.level, e.problem_id, e.source_hash
        ORDER BY e.sequence NULLS FIRST, e.evaluated_at, e.evaluation_id
    ) = 1
)
SELECT
    c.suite, c.level, c.problem_id, c.source_hash,
    min(c.sample_index) AS sample_index,
    any_value(c.source) AS source,
    any_value(f.evaluation_id) AS evaluation_id,
    any_value(f.correct AND f.speedup > 0) AS usable,
    any_value(f.speedup) AS speedup,
    any_value(f.speedup_low) AS speedup_low,
    any_value(f.speedup_high) AS speedup_high
FROM candidates AS c
LEFT JOIN first AS f USING (suite, level, problem_id, source_hash)
WHERE c.arm = 'base' AND c.step = 0 AND coalesce(c.purpose, 'round') = 'round'
GROUP BY ALL
ORDER BY c.suite, c.level, c.problem_id, c.source_hash
