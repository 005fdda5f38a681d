-- What a run's draws and the first verdicts on them cost: one row per draw so far, and what judging
-- its source took.
WITH judging AS (
    SELECT
        suite, level, problem_id, source_hash,
        count(*) AS evaluations,
        sum(judge_seconds(e)) AS seconds,
        sum(judge_gpu_seconds(e)) AS gpu_seconds
    FROM evaluations AS e
    WHERE coalesce(take, 1) = 1
    GROUP BY ALL
)
SELECT
    c.arm, coalesce(c.unit, 'batch') AS unit, c.step, coalesce(c.purpose, 'round') AS purpose,
    c.suite, c.level, c.problem_id, c.sample_index, c.source_hash,
    c.n_prompt_tokens, c.n_tokens, c.sample_seconds,
    coalesce(j.evaluations, 0) AS evaluations,
    coalesce(j.seconds, 0) AS judge_seconds,
    coalesce(j.gpu_seconds, 0) AS judge_gpu_seconds
FROM candidates AS c
LEFT JOIN judging AS j USING (suite, level, problem_id, source_hash)
WHERE c.arm IS NOT NULL
ORDER BY c.step, c.suite, c.level, c.problem_id, c.sample_index
