-- Draws of each arm and step for each problem of a run, with a verdict or without; one row without an
-- arm for problems that nothing was drawn for. Refused problems owe nothing.
SELECT DISTINCT p.suite, p.level, p.problem_id, c.arm, c.step, coalesce(c.draws, 0) AS draws
FROM problems AS p
ANTI JOIN refused_problems USING (run_id, suite, level, problem_id)
LEFT JOIN (
    SELECT suite, level, problem_id, arm, step, count(*) AS draws
    FROM candidates
    WHERE arm IS NOT NULL AND purpose IS DISTINCT FROM 'confirm'
    GROUP BY ALL
) AS c USING (suite, level, problem_id)
