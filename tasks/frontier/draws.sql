-- Draws with a verdict of the arms of a run, each with what it cost to draw it and to judge its text.
-- `fresh` are those that confirm, outside of every budget.
WITH judging AS (
    SELECT
        run_id, suite, level, problem_id, source_hash,
        count(*) AS evaluations,
        sum(judge_seconds(e)) AS seconds,
        sum(judge_gpu_seconds(e)) AS gpu_seconds
    FROM evaluations AS e
    WHERE coalesce(take, 1) = 1
    GROUP BY ALL
)
SELECT
    r.run_id, r.arm, r.step, r.suite, r.level, r.problem_id, r.sample_index, r.source_hash,
    coalesce(r.purpose = 'confirm', false) AS fresh,
    r.fast_1,
    CASE WHEN r.correct AND r.speedup > 0 THEN ln(r.speedup) END AS log_speedup,
    coalesce(c.n_prompt_tokens, 0) AS prompt_tokens,
    coalesce(r.n_tokens, 0) AS completion_tokens,
    coalesce(c.sample_seconds, 0) AS sample_seconds,
    coalesce(j.evaluations, 0) AS evaluations,
    coalesce(j.seconds, 0) AS judge_seconds,
    coalesce(j.gpu_seconds, 0) AS judge_gpu_seconds
FROM results AS r
JOIN candidates AS c USING (run_id, suite, level, problem_id, sample_index)
LEFT JOIN judging AS j
    ON (r.run_id, r.suite, r.level, r.problem_id, r.source_hash)
    = (j.run_id, j.suite, j.level, j.problem_id, j.source_hash)
WHERE r.arm IS NOT NULL AND r.status IS NOT NULL AND r.status <> 'harness_error'
ORDER BY r.run_id, r.suite, r.level, r.problem_id, r.arm, r.step, fresh, r.sample_index
