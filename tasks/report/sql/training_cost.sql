-- What trainings took, by arm and stage, over all steps. `sample` and `judge` are of the draws that are
-- learned from, `confirm` and `confirm_judge` of the held-out problems.
WITH once AS (
    SELECT *
    FROM spend
    SEMI JOIN (SELECT run_id FROM runs_latest WHERE kind = 'train') AS trainings USING (run_id)
    WHERE run_id IN ($runs)
    QUALIFY row_number() OVER (
        PARTITION BY run_id, arm, unit, step, stage ORDER BY sequence DESC NULLS LAST
    ) = 1
)
SELECT
    run_id, arm, stage,
    sum(rollouts)::BIGINT AS rollouts,
    sum(
        prompt_tokens + prefill_tokens + completion_tokens + teacher_tokens + trained_tokens
    )::BIGINT AS tokens,
    sum(evaluations)::BIGINT AS evaluations,
    sum(seconds) AS seconds,
    sum(gpu_seconds) AS gpu_seconds
FROM once
GROUP BY run_id, arm, stage
ORDER BY run_id, (arm <> 'base'), arm, stage
