-- fast_p@k: P(some draw of k is correct and more than p times as fast as the reference), exactly from
-- the counts of each problem. p = 0 is pass@k; p = 1 by the point of the speedup, where fast_1 in the
-- rest of the report asks for the interval's lower end. At every k over the same problems (`compared`).
WITH counts AS (
    SELECT
        run_id, suite, level, problem_id, p, n, deepest,
        count(*) FILTER (correct AND (p = 0 OR speedup > p)) AS c
    FROM judged
    JOIN compared([$runs]) USING (run_id, suite, level, problem_id)
    CROSS JOIN (SELECT unnest([0, 0.5, 0.8, 1, 1.25, 1.5, 2, 3, 5, 10]) AS p)
    GROUP BY ALL
),
by_problem AS (
    SELECT suite, level, problem_id, p, k, avg(pass_at_k(n, c, k)) AS fast_p
    FROM counts
    CROSS JOIN (SELECT (2 ** e)::BIGINT AS k FROM range(0, 31) AS exponents(e)) AS ks
    WHERE k <= deepest
    GROUP BY ALL
)
SELECT p::DOUBLE AS p, k, avg(fast_p) AS fast_p, count(*) AS problems
FROM by_problem
GROUP BY p, k
ORDER BY k, p
