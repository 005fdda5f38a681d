-- Problems that the judge refused, and their draws, which have no verdict for it.
SELECT
    f.suite, f.level, f.problem_id, any_value(p.name) AS name,
    string_agg(DISTINCT f.reason, '; ' ORDER BY f.reason) AS reason,
    sum(f.draws)::BIGINT AS draws
FROM refused_problems AS f
LEFT JOIN (SELECT DISTINCT run_id, suite, level, problem_id, name FROM problems) AS p
    USING (run_id, suite, level, problem_id)
WHERE f.run_id IN ($runs)
GROUP BY f.suite, f.level, f.problem_id
ORDER BY f.level, f.problem_id, f.suite
