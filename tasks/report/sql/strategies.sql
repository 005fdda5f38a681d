-- fast_1@k of the strategies that choose by one score, exactly and from the draws themselves.
-- Of n draws, the correct ones are ordered by score. Tied ones from rank a to b-1 are together
-- picked with probability (C(n-a, k) - C(n-b, k)) / C(n, k), shared evenly. Where a correct draw
-- has no log-probability, all tie. (The best-of-three need joint ranks: see selections_latest.)
WITH drawn AS (
    SELECT *, count(*) OVER (PARTITION BY run_id, suite, level, problem_id) AS n
    FROM results
    WHERE run_id IN ($runs) AND coalesce(arm, 'base') = 'base' AND status IS NOT NULL AND status <> 'harness_error'
),
scored AS (
    SELECT
        *,
        CASE WHEN bool_or(mean_logprob IS NULL) OVER (PARTITION BY run_id, suite, level, problem_id)
            THEN 0 ELSE mean_logprob
        END AS logprob
    FROM drawn
    WHERE correct
),
ranked AS (
    SELECT
        run_id, suite, level, problem_id, n, strategy, fast_1,
        rank() OVER (of_problem ORDER BY score DESC) - 1 AS a,
        count(*) OVER (PARTITION BY run_id, suite, level, problem_id, strategy, score) AS tied
    FROM scored
    CROSS JOIN LATERAL (VALUES
        ('oracle', coalesce(speedup, -1)), ('surprisal', -logprob),
        ('confidence', logprob), ('random', 0)
    ) AS scores(strategy, score)
    WINDOW of_problem AS (PARTITION BY run_id, suite, level, problem_id, strategy)
),
budgets AS (
    SELECT DISTINCT run_id, suite, level, problem_id, n, strategy, k
    FROM drawn
    CROSS JOIN (VALUES ('oracle'), ('surprisal'), ('confidence'), ('random')) AS names(strategy)
    CROSS JOIN (SELECT (2 ** e)::BIGINT AS k FROM range(0, 31) AS exponents(e)) AS ks
    WHERE k <= n
),
picked AS (
    SELECT
        run_id, suite, level, problem_id, strategy, k,
        sum(CASE WHEN NOT coalesce(fast_1, false) THEN 0 ELSE (
            CASE WHEN n - a < k THEN 0 ELSE exp(
                lgamma(n - a + 1) + lgamma(n - k + 1) - lgamma(n - a - k + 1) - lgamma(n + 1)
            ) END
            - CASE WHEN n - a - tied < k THEN 0 ELSE exp(
                lgamma(n - a - tied + 1) + lgamma(n - k + 1)
                - lgamma(n - a - tied - k + 1) - lgamma(n + 1)
            ) END
        ) / tied END) AS fast_1
    FROM budgets
    LEFT JOIN ranked USING (run_id, suite, level, problem_id, n, strategy)
    GROUP BY run_id, suite, level, problem_id, strategy, k
),
by_problem AS (
    SELECT suite, level, problem_id, strategy, k, avg(fast_1) AS fast_1
    FROM picked
    GROUP BY ALL
)
SELECT strategy, k, avg(fast_1) AS fast_1, count(*) AS problems
FROM by_problem
GROUP BY strategy, k
ORDER BY strategy, k
