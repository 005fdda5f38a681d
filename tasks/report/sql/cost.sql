-- What the report's draws cost: tokens and seconds, by run and stage. Equal sources are judged
-- once, so judge seconds belong to evaluations (repeated and failed ones included), not to draws.
-- The stages add up to them. 'judge: rest': a timeout's limit, and in earlier releases drawing inputs
-- and waiting.
WITH sampling AS (
    SELECT
        run_id, 'sampling' AS stage, count(*) AS items, sum(sample_seconds) AS seconds,
        sum(n_prompt_tokens)::BIGINT AS prompt_tokens, sum(n_tokens)::BIGINT AS completion_tokens
    FROM candidates
    WHERE run_id IN ($runs) AND coalesce(arm, 'base') = 'base'
    GROUP BY run_id
),
judging AS (
    SELECT
        run_id,
        count(*) AS items,
        sum(compile_seconds) AS compile_s,
        sum(draw_seconds) AS draw_s,
        sum(check_seconds) AS check_s,
        sum(time_seconds) AS time_s,
        sum(greatest(
            judge_seconds(e) - coalesce(compile_seconds, 0) - coalesce(draw_seconds, 0)
            - coalesce(check_seconds, 0) - coalesce(time_seconds, 0), 0
        )) AS rest_s
    FROM evaluations AS e
    SEMI JOIN (SELECT * FROM candidates WHERE coalesce(arm, 'base') = 'base') AS own
        USING (run_id, suite, level, problem_id, source_hash)
    WHERE run_id IN ($runs)
    GROUP BY run_id
)
SELECT run_id, stage, items, seconds, prompt_tokens, completion_tokens
FROM sampling
UNION ALL
SELECT run_id, stage, items, seconds, NULL, NULL
FROM judging
CROSS JOIN LATERAL (VALUES
    ('judge: compile', compile_s), ('judge: draw', draw_s), ('judge: check', check_s),
    ('judge: timing', time_s), ('judge: rest', rest_s)
) AS stages(stage, seconds)
ORDER BY run_id, stage <> 'sampling', stage
