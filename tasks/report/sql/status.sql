-- What became of each draw, by problem that the page shows. A correct draw counts as fast when the lower end of its
-- speedup interval is above 1.
SELECT
    suite, level, problem_id,
    CASE
        WHEN status IS NULL THEN 'not judged'
        WHEN fast_1 THEN 'correct, faster'
        WHEN correct THEN 'correct, not faster'
        ELSE status
    END AS outcome,
    count(*) AS draws
FROM results
WHERE run_id IN ($runs) AND $shown
GROUP BY ALL
ORDER BY level, problem_id, suite, outcome
