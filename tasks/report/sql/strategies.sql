-- fast_1@k of the strategies that choose by one score, exactly and from the draws themselves.
-- Of n draws, the correct ones are ordered by score. Tied ones from rank a to b-1 are together
-- picked with probability avoids(n, a, k) - avoids(n, b, k), shared evenly. Where a draw of the
-- problem has no log-probability, all tie. The oracle has a fast one wherever there is one. (The
-- best-of-three need joint ranks: see selections_latest.)
WITH drawn AS (
    SELECT
        j.*, n, deepest,
        bool_or(mean_logprob IS NULL OR isnan(mean_logprob)) OVER (
            PARTITION BY run_id, suite, level, problem_id
        ) AS unscored
    FROM judged AS j
    JOIN compared([$runs]) USING (run_id, suite, level, problem_id)
),
tied AS (
    SELECT
        run_id, suite, level, problem_id, n, strategy, score,
        count(*) AS size, count(*) FILTER (fast_1) AS fast
    FROM drawn
    CROSS JOIN LATERAL (VALUES
        ('oracle', coalesce(fast_1, false)::INTEGER::DOUBLE),
        ('surprisal', if(unscored, 0, -mean_logprob)),
        ('confidence', if(unscored, 0, mean_logprob)),
        ('random', 0)
    ) AS scores(strategy, score)
    WHERE correct
    GROUP BY ALL
),
placed AS (
    SELECT *, (sum(size) OVER best_first - size)::BIGINT AS a
    FROM tied
    WINDOW best_first AS (
        PARTITION BY run_id, suite, level, problem_id, strategy ORDER BY score DESC
    )
),
budgets AS (
    SELECT run_id, suite, level, problem_id, n, strategy, k
    FROM compared([$runs])
    CROSS JOIN (VALUES ('oracle'), ('surprisal'), ('confidence'), ('random')) AS names(strategy)
    CROSS JOIN (SELECT (2 ** e)::BIGINT AS k FROM range(0, 31) AS exponents(e)) AS ks
    WHERE k <= deepest
),
picked AS (
    SELECT
        run_id, suite, level, problem_id, strategy, k,
        coalesce(sum((avoids(n, a, k) - avoids(n, a + size, k)) * fast / size), 0) AS fast_1
    FROM budgets
    LEFT JOIN placed USING (run_id, suite, level, problem_id, n, strategy)
    GROUP BY ALL
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
