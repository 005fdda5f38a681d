-- Each run by itself: fast_1@k of the strategies that choose by one score, and pass@k, exactly, up to
-- the run's own deepest k and over its own problems. Of a problem's correct draws in order of the
-- score, tied ones from rank a to b-1 are together picked with probability
-- avoids(n, a, k) - avoids(n, b, k), shared evenly. Where a draw of the problem has no
-- log-probability, all tie. The oracle has a fast one wherever there is one.
WITH drawn AS (
    SELECT
        *,
        count(*) OVER of_problem AS n,
        bool_or(mean_logprob IS NULL OR isnan(mean_logprob)) OVER of_problem AS unscored
    FROM judged
    WHERE run_id IN ($runs)
    WINDOW of_problem AS (PARTITION BY run_id, suite, level, problem_id)
),
depths AS (
    SELECT run_id, deepest(list(n)) AS deepest
    FROM (SELECT DISTINCT run_id, suite, level, problem_id, n FROM drawn)
    GROUP BY run_id
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
    SELECT DISTINCT run_id, suite, level, problem_id, n, strategy, k
    FROM drawn
    JOIN depths USING (run_id)
    CROSS JOIN (VALUES ('oracle'), ('surprisal'), ('confidence'), ('random')) AS names(strategy)
    CROSS JOIN (SELECT (2 ** e)::BIGINT AS k FROM range(0, 31) AS exponents(e)) AS ks
    WHERE k <= deepest AND n >= deepest
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
