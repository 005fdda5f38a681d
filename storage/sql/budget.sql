-- One row per run, arm and step: what it cost, and what the arm had cost by then (`..._so_far`). What
-- lies outside every arm's budget is in `spend` only: draws that confirm, anchors, the probe. `flops`:
-- about 2 for each parameter and token that was read or drawn, 4 for one that a LoRA was trained on;
-- null where the run does not know its parameters.
CREATE OR REPLACE VIEW budget AS
WITH once AS (
    SELECT *
    FROM spend
    WHERE stage NOT IN ('confirm', 'confirm_judge', 'anchor', 'probe')
    QUALIFY row_number() OVER (
        PARTITION BY run_id, arm, unit, step, stage ORDER BY sequence DESC NULLS LAST
    ) = 1
),
steps AS (
    SELECT
        run_id,
        arm,
        step,
        sum(rollouts)::BIGINT AS rollouts,
        sum(prompt_tokens)::BIGINT AS prompt_tokens,
        sum(prefill_tokens)::BIGINT AS prefill_tokens,
        sum(completion_tokens)::BIGINT AS completion_tokens,
        sum(teacher_tokens)::BIGINT AS teacher_tokens,
        sum(trained_tokens)::BIGINT AS trained_tokens,
        sum(evaluations)::BIGINT AS evaluations,
        sum(seconds) AS seconds,
        coalesce(sum(seconds) FILTER (stage = 'sample'), 0) AS sample_seconds,
        coalesce(sum(seconds) FILTER (stage = 'judge'), 0) AS judge_seconds,
        coalesce(sum(seconds) FILTER (stage = 'train'), 0) AS train_seconds,
        sum(gpu_seconds) AS gpu_seconds
    FROM once
    GROUP BY run_id, arm, step
),
counted AS (
    SELECT
        steps.*,
        parameters::DOUBLE * (
            2 * (prompt_tokens + prefill_tokens + completion_tokens + teacher_tokens)
            + 4 * trained_tokens
        ) AS flops
    FROM steps
    LEFT JOIN (SELECT run_id, parameters FROM runs_latest) USING (run_id)
)
SELECT
    *,
    sum(rollouts) OVER so_far::BIGINT AS rollouts_so_far,
    sum(completion_tokens) OVER so_far::BIGINT AS completion_tokens_so_far,
    sum(evaluations) OVER so_far::BIGINT AS evaluations_so_far,
    sum(seconds) OVER so_far AS seconds_so_far,
    sum(gpu_seconds) OVER so_far AS gpu_seconds_so_far,
    sum(flops) OVER so_far AS flops_so_far
FROM counted
WINDOW so_far AS (PARTITION BY run_id, arm ORDER BY step);
