-- All strategies at every k, from the stored per-problem expectations: a problem's runs are
-- averaged first, then the problems, at every k the same ones (`compared`). Misses count 0 in fast_1 and speedup_mean; the geometric mean
-- is over problems where there is something correct to pick.
WITH by_problem AS (
    SELECT
        strategy, k, suite, level, problem_id,
        avg(fast_1) AS fast_1,
        avg(success) AS success,
        avg(speedup_mean) AS speedup_mean,
        avg(log_speedup_mean) AS log_speedup,
        bool_and(applicable) AS applicable
    FROM selections_latest AS s
    JOIN compared([$runs]) AS c USING (run_id, suite, level, problem_id)
    WHERE k <= c.deepest
    GROUP BY ALL
)
SELECT
    strategy,
    k,
    count(*) AS problems,
    count(*) FILTER (applicable) AS applicable,
    avg(fast_1) AS fast_1,
    avg(success) AS success,
    exp(avg(log_speedup)) AS speedup_geomean,
    avg(speedup_mean) AS speedup_mean
FROM by_problem
GROUP BY strategy, k
ORDER BY k DESC, fast_1 DESC, strategy
