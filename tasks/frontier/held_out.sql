-- Draws of held-out problems that have a verdict, under the weights after each evaluated step of an
-- arm; step 0 is the base arm's.
SELECT
    arm, step, suite, level, problem_id, sample_index, checkpoint_id, correct, fast_1,
    CASE WHEN correct AND speedup > 0 THEN ln(speedup) END AS log_speedup
FROM results
WHERE arm IS NOT NULL AND purpose = 'confirm' AND status IS NOT NULL AND status <> 'harness_error'
ORDER BY arm, step, suite, level, problem_id, sample_index
