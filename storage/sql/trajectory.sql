-- One row per run, arm, unit and step: what the weights of that step drew, but for what confirms, and
-- the gradient step that made them. The base arm has stages in place of steps, always under the same
-- weights, and no unit.
CREATE OR REPLACE VIEW trajectory AS
WITH drawn AS (
    SELECT
        run_id,
        arm,
        unit,
        step,
        any_value(checkpoint_id) AS checkpoint_id,
        count(*) AS draws,
        count(*) FILTER (status <> 'harness_error') AS judged,
        count(*) FILTER (correct) AS correct,
        count(*) FILTER (fast_1) AS fast_1,
        count(*) FILTER (status = 'rejected') AS rejected,
        count(DISTINCT (suite, level, problem_id, source_hash)) AS distinct_sources,
        max(speedup) FILTER (correct) AS best_speedup,
        avg(mean_logprob) AS mean_logprob
    FROM results
    WHERE arm IS NOT NULL AND purpose IS DISTINCT FROM 'confirm'
    GROUP BY run_id, arm, unit, step
),
made AS (
    SELECT *
    FROM train_steps
    QUALIFY row_number() OVER (
        PARTITION BY run_id, arm, unit, step ORDER BY sequence DESC NULLS LAST
    ) = 1
)
SELECT
    coalesce(d.run_id, m.run_id) AS run_id,
    coalesce(d.arm, m.arm) AS arm,
    coalesce(d.unit, m.unit) AS unit,
    coalesce(d.step, m.step) AS step,
    coalesce(d.checkpoint_id, m.checkpoint_id) AS checkpoint_id,
    coalesce(d.draws, 0) AS draws,
    coalesce(d.judged, 0) AS judged,
    coalesce(d.correct, 0) AS correct,
    coalesce(d.fast_1, 0) AS fast_1,
    coalesce(d.rejected, 0) AS rejected,
    coalesce(d.distinct_sources, 0) AS distinct_sources,
    d.best_speedup,
    d.mean_logprob,
    m.objective,
    m.reward,
    m.status AS step_status,
    m.n_items,
    m.loss,
    m.grad_norm,
    m.ess,
    m.kl_from_parent,
    m.kl_from_base,
    m.seconds AS step_seconds
FROM drawn AS d
FULL JOIN made AS m USING (run_id, arm, unit, step);
