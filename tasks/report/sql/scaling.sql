-- pass@k and fast_1@k, exactly: 1 - C(n-c, k) / C(n, k) for each problem, averaged over the runs of a
-- problem, then over the problems; at every k over the same ones (`compared`).
WITH counts AS (
    SELECT
        run_id, suite, level, problem_id, n, deepest,
        count(*) FILTER (correct) AS correct,
        count(*) FILTER (correct AND fast_1) AS fast_1
    FROM judged
    JOIN compared([$runs]) USING (run_id, suite, level, problem_id)
    GROUP BY ALL
),
curves AS (
    SELECT suite, level, problem_id, k, measure, avg(pass_at_k(n, c, k)) AS value
    FROM counts
    CROSS JOIN (SELECT (2 ** e)::BIGINT AS k FROM range(0, 31) AS exponents(e)) AS ks
    CROSS JOIN LATERAL (
        VALUES ('pass', counts.correct), ('fast_1', counts.fast_1)
    ) AS measures(measure, c)
    WHERE k <= deepest
    GROUP BY ALL
)
SELECT k, measure, avg(value) AS value, count(*) AS problems
FROM curves
GROUP BY k, measure
ORDER BY measure, k
