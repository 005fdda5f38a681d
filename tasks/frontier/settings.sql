-- What each run was asked for, how many problems it has, and its draws that no judge has looked at
-- (but for those of refused problems).
SELECT
    r.run_id, r.kind, r.config, r.parameters,
    coalesce(p.problems, 0) AS problems,
    coalesce(u.unjudged, 0) AS unjudged
FROM runs_latest AS r
LEFT JOIN (
    SELECT run_id, count(DISTINCT (suite, level, problem_id)) AS problems
    FROM problems
    GROUP BY run_id
) AS p USING (run_id)
LEFT JOIN (
    SELECT run_id, count(*) AS unjudged
    FROM results
    ANTI JOIN refused_problems USING (run_id, suite, level, problem_id)
    WHERE arm IS NOT NULL AND (status IS NULL OR status = 'harness_error')
    GROUP BY run_id
) AS u USING (run_id)
ORDER BY r.run_id
