-- Best-of-k, problem by problem and exactly: P(a correct one), P(a fast one), and the expected speedup
-- of the fastest, an incorrect draw counting 0; null where a correct draw has no speedup.
CREATE OR REPLACE MACRO best_of(k) AS TABLE
WITH ranked AS (
    SELECT
        run_id, suite, level, problem_id, correct, fast_1,
        if(correct, if(speedup > 0 AND isfinite(speedup), speedup, NULL), 0) AS value,
        count(*) OVER of_problem AS n,
        row_number() OVER (of_problem ORDER BY if(correct, speedup, 0) DESC) - 1 AS ahead
    FROM judged
    WINDOW of_problem AS (PARTITION BY run_id, suite, level, problem_id)
)
SELECT
    run_id, suite, level, problem_id, any_value(n) AS n,
    pass_at_k(any_value(n), count(*) FILTER (correct), k) AS pass_at_k,
    pass_at_k(any_value(n), count(*) FILTER (fast_1), k) AS fast_1_at_k,
    if(
        count(value) = count(*), sum(value * (avoids(n, ahead, k) - avoids(n, ahead + 1, k))), NULL
    ) AS best_at_k
FROM ranked
GROUP BY run_id, suite, level, problem_id;
