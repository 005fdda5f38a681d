-- Problem by problem: how often the base model succeeds, and what learning added. The first is of the
-- base arm's first stage, the second of later draws of both arms, so that no draw is in both: an
-- unlucky stage would else look like a problem that learning helped.
WITH rates AS (
    SELECT
        arm, suite, level, problem_id,
        count(*) FILTER (fast_1 AND step = 0) / nullif(count(*) FILTER (step = 0), 0) AS first,
        count(*) FILTER (fast_1 AND step > 0) / nullif(count(*) FILTER (step > 0), 0) AS later
    FROM results
    WHERE run_id IN ($runs) AND arm IS NOT NULL AND purpose IS DISTINCT FROM 'confirm'
        AND status IS NOT NULL AND status <> 'harness_error'
    GROUP BY ALL
)
SELECT
    a.arm, a.suite, a.level, a.problem_id,
    b.first AS coverage,
    a.later - b.later AS benefit
FROM rates AS a
JOIN rates AS b USING (suite, level, problem_id)
WHERE a.arm <> 'base' AND b.arm = 'base' AND b.first IS NOT NULL AND a.later - b.later IS NOT NULL
ORDER BY a.arm, a.suite, a.level, a.problem_id
