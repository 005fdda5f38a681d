SELECT
    $suite AS suite,
    level,
    problem_id,
    coalesce(any_value(name), 'problem ' || problem_id) AS name,
    '' AS problem_hash,
    '' AS source
FROM draws
GROUP BY level, problem_id
ORDER BY level, problem_id
