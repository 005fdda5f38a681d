-- Draws with a verdict, by arm and step: whether each succeeded, and by how much.
SELECT
    arm, step, coalesce(purpose, 'round') AS purpose, suite, level, problem_id, sample_index,
    fast_1, CASE WHEN correct AND speedup > 0 THEN speedup END AS speedup
FROM results
WHERE arm IS NOT NULL AND status IS NOT NULL AND status <> 'harness_error'
ORDER BY arm, step, suite, level, problem_id, sample_index
