-- The runs of problems that curves and comparisons of these runs are about, at every budget up to
-- `deepest` the same: those with at least as many verdicts, `n`.
CREATE OR REPLACE MACRO compared(runs) AS TABLE
WITH counted AS (
    SELECT run_id, suite, level, problem_id, count(*) AS n
    FROM judged
    WHERE list_contains(runs, run_id)
    GROUP BY run_id, suite, level, problem_id
),
depth AS (
    SELECT deepest(list(n)) AS deepest FROM counted
)
SELECT run_id, suite, level, problem_id, n, deepest
FROM counted
CROSS JOIN depth
WHERE n >= deepest;
