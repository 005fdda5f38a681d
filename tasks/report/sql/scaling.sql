-- pass@k and fast_1@k, exactly: 1 - C(n-c, k) / C(n, k) for each problem with n >= k draws,
-- averaged over the runs of a problem, then over the problems.
WITH counts AS (
    SELECT
        run_id, suite, level, problem_id,
        count(*) AS n,
        count(*) FILTER (WHERE correct) AS correct,
        count(*) FILTER (WHERE fast_1) AS fast_1
    FROM results
    WHERE run_id IN ($runs) AND coalesce(arm, 'base') = 'base' AND status IS NOT NULL AND status <> 'harness_error'
    GROUP BY ALL
),
curves AS (
    SELECT
        suite, level, problem_id, k, measure,
        avg(CASE
            WHEN n - c < k THEN 1.0
            WHEN c = 0 THEN 0.0
            ELSE 1.0 - exp(
                lgamma(n - c + 1) + lgamma(n - k + 1) - lgamma(n - c - k + 1) - lgamma(n + 1)
            )
        END) AS value
    FROM counts
    CROSS JOIN (SELECT (2 ** e)::BIGINT AS k FROM range(0, 31) AS exponents(e)) AS ks
    CROSS JOIN LATERAL (
        VALUES ('pass', counts.correct), ('fast_1', counts.fast_1)
    ) AS measures(measure, c)
    WHERE k <= n
    GROUP BY ALL
)
SELECT k, measure, avg(value) AS value, count(*) AS problems
FROM curves
GROUP BY k, measure
ORDER BY measure, k
