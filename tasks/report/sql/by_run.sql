-- Each run by itself: fast_1@k of the strategies that choose by one score, and pass@k, exactly. Of a
-- problem's correct draws in order of the score, tied ones from rank a to b-1 are together picked
-- with probability avoids(n, a, k) - avoids(n, b, k), shared evenly.
WITH drawn AS (
    SELECT *, count(*) OVER (PARTITION BY run_id, suite, level, problem_id) AS n
    FROM judged
    WHERE run_id IN ($runs)
),
scored AS (
    SELECT
        *,
        if(bool_or(mean_logprob IS NULL) OVER (PARTITION BY run_id, suite, level, problem_id),
            0, mean_logprob) AS logprob
    FROM drawn
    WHERE correct
),
tied AS (
    SELECT
        run_id, suite, level, problem_id, n, strategy, score,
        count(*) AS size, count(*) FILTER (fast_1) AS fast
    FROM scored
    CROSS JOIN LATERAL (VALUES
        ('oracle', coalesce(speedup, -1)), ('surprisal', -logprob),
        ('confidence', logprob), ('random', 0)
    ) AS scores(strategy, score)
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
    SELECT DISTINCT run_id, suite, level, problem_id, n, strategy, k
    FROM drawn
    CROSS JOIN (VALUES ('oracle'), ('surprisal'), ('confidence'), ('random')) AS names(strategy)
    CROSS JOIN (SELECT (2 ** e)::BIGINT AS k FROM range(0, 31) AS exponents(e)) AS ks
    WHERE k <= n
),
picked AS (
    SELECT
        run_id, suite, level, problem_id, strategy, k,
        coalesce(sum((avoids(n, a, k) - avoids(n, a + size, k)) * fast / size), 0) AS fast_1,
        coalesce(sum(avoids(n, a, k) - avoids(n, a + size, k)), 0) AS success
    FROM budgets
    LEFT JOIN placed USING (run_id, suite, level, problem_id, n, strategy)
    GROUP BY ALL
)
SELECT
    run_id, strategy, k, avg(fast_1) AS fast_1, avg(success) AS success, count(*) AS problems
FROM picked
GROUP BY run_id, strategy, k
ORDER BY run_id, strategy, k
