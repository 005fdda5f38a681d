-- Speedups of a unit's correct draws before those that a step learns from, oldest first.
SELECT suite, level, problem_id, speedup
FROM results
WHERE
    (arm = 'base' AND step = 0 OR arm = $arm AND unit = $unit)
    AND step < $made - 1
    AND coalesce(purpose, 'round') = 'round'
    AND correct
ORDER BY suite, level, problem_id, step, sample_index
