-- The reference of every problem that the page shows: what a candidate is compared with.
SELECT suite, level, problem_id, any_value(name) AS name, any_value(source) AS source
FROM problems
WHERE run_id IN ($runs) AND $shown
GROUP BY suite, level, problem_id
ORDER BY level, problem_id, suite
