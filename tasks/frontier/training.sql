-- What the steps of an arm cost (reading for a teacher or a penalty included), and the GPU seconds of
-- drawing, by the step of the draws that were learned from.
WITH once AS (
    SELECT *, stage IN ('train', 'score') AS learning
    FROM spend
    WHERE stage IN ('train', 'score', 'sample')
    QUALIFY row_number() OVER (
        PARTITION BY run_id, arm, unit, step, stage ORDER BY sequence DESC NULLS LAST
    ) = 1
)
SELECT
    run_id, arm, step,
    coalesce(sum(prefill_tokens) FILTER (learning), 0)::DOUBLE AS prefill_tokens,
    coalesce(sum(teacher_tokens) FILTER (learning), 0)::DOUBLE AS teacher_tokens,
    coalesce(sum(trained_tokens) FILTER (learning), 0)::DOUBLE AS trained_tokens,
    coalesce(sum(seconds) FILTER (learning), 0)::DOUBLE AS train_seconds,
    coalesce(sum(gpu_seconds) FILTER (learning), 0)::DOUBLE AS train_gpu_seconds,
    coalesce(sum(gpu_seconds) FILTER (NOT learning), 0)::DOUBLE AS sample_gpu_seconds
FROM once
GROUP BY run_id, arm, step
ORDER BY run_id, arm, step
