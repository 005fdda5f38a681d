-- The steps of trainings: the mean reward of the draws that each learned from, and what it made.
WITH items AS (
    SELECT run_id, arm, unit, step, avg(reward) AS reward
    FROM (
        SELECT *
        FROM train_items
        QUALIFY row_number() OVER (
            PARTITION BY run_id, arm, unit, step, suite, level, problem_id, sample_index
            ORDER BY sequence DESC NULLS LAST
        ) = 1
    )
    GROUP BY ALL
)
SELECT
    t.run_id, t.arm, t.step::BIGINT AS step, t.step_status AS status,
    coalesce(t.n_items, 0) AS items, i.reward, t.loss, t.kl_from_base
FROM trajectory AS t
JOIN runs_latest AS r USING (run_id)
LEFT JOIN items AS i
    ON (t.run_id, t.arm, t.unit, t.step) = (i.run_id, i.arm, i.unit, i.step)
WHERE r.kind = 'train' AND t.run_id IN ($runs) AND t.step_status IS NOT NULL
ORDER BY t.run_id, t.arm, t.step
