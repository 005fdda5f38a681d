-- Draws of each arm, step and problem of a run, with a verdict or without; none of refused problems.
SELECT c.arm, c.step, c.suite, c.level, c.problem_id, count(*) AS draws
FROM candidates AS c
ANTI JOIN refused_problems USING (run_id, suite, level, problem_id)
WHERE c.arm IS NOT NULL
GROUP BY ALL
