-- What scoring under each checkpoint took so far: of the base model, and of the first arm, unit and
-- step that a checkpoint is of.
WITH places AS (
    SELECT arm, unit, step, checkpoint_id
    FROM checkpoints
    QUALIFY row_number() OVER (PARTITION BY checkpoint_id ORDER BY arm, unit, step) = 1
)
SELECT
    coalesce(c.arm, 'base') AS arm,
    coalesce(c.unit, 'batch') AS unit,
    coalesce(c.step, 0) AS step,
    sum(p.n_prompt_tokens + p.n_tokens)::BIGINT AS prefill_tokens,
    sum(p.seconds) AS seconds
FROM probes AS p
LEFT JOIN places AS c USING (checkpoint_id)
GROUP BY ALL
ORDER BY ALL
