-- One row per run and problem that the judge refused: why, when last, and how many draws have no
-- verdict for it. Of the harness that the run was last asked to be judged by. A problem that a later
-- judge took is not among them once all its draws have verdicts.
CREATE OR REPLACE VIEW refused_problems AS
WITH latest AS (
    SELECT f.*
    FROM refusals AS f
    JOIN runs_latest AS r USING (run_id, harness_id)
    QUALIFY row_number() OVER (
        PARTITION BY f.run_id, f.suite, f.level, f.problem_id
        ORDER BY f.sequence DESC NULLS LAST, f.refused_at DESC
    ) = 1
)
SELECT
    l.run_id, l.suite, l.level, l.problem_id,
    l.reason, l.harness_id, l.refused_at,
    count(*) AS draws
FROM latest AS l
JOIN results AS d USING (run_id, suite, level, problem_id)
WHERE d.status IS NULL OR d.status = 'harness_error'
GROUP BY ALL;
