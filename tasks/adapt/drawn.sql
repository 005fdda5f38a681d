-- The draws that a step of a unit learns from, with their tokens and verdicts: what it drew at the
-- step before, of the base arm's first stage for its first step. A step that was made already is made
-- again from the very verdicts that it was made from; else the latest ones count.
WITH used AS (
    SELECT suite, level, problem_id, sample_index, evaluation_id
    FROM train_items
    WHERE arm = $arm AND unit = $unit AND step = $made
)
SELECT
    c.run_id, c.suite, c.level, c.problem_id, c.sample_index, c.source,
    t.token_ids, t.logprobs,
    e.evaluation_id, e.status, e.error, e.correct, e.fast_1, e.speedup, e.speedup_low, e.speedup_high
FROM candidates AS c
JOIN token_logprobs AS t USING (run_id, suite, level, problem_id, sample_index)
LEFT JOIN evaluations_latest AS l USING (run_id, suite, level, problem_id, source_hash)
LEFT JOIN used AS u USING (suite, level, problem_id, sample_index)
JOIN evaluations AS e ON e.evaluation_id = coalesce(u.evaluation_id, l.evaluation_id)
WHERE
    CASE WHEN $made = 1 THEN c.arm = 'base' ELSE c.arm = $arm AND c.unit = $unit END
    AND c.step = $made - 1
    AND coalesce(c.purpose, 'round') = 'round'
    AND e.status <> 'harness_error'
    AND (u.evaluation_id IS NOT NULL OR (SELECT count(*) FROM used) = 0)
ORDER BY c.suite, c.level, c.problem_id, c.sample_index
