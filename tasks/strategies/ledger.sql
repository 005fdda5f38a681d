-- What the runs spent, by stage. Equal sources are judged once, so judge seconds belong to
-- evaluations (repeated and failed ones included), not to draws; the stages add up to them. The rest:
-- a timeout's limit, and in earlier releases drawing inputs and waiting.
SELECT
    run_id,
    'sampling' AS stage,
    count(*) AS rollouts,
    sum(n_prompt_tokens)::BIGINT AS prompt_tokens,
    sum(n_tokens)::BIGINT AS completion_tokens,
    NULL::BIGINT AS evaluations,
    sum(sample_seconds) AS seconds
FROM candidates
WHERE coalesce(arm, 'base') = 'base'
GROUP BY run_id
UNION ALL BY NAME
SELECT
    run_id,
    stage,
    count(*) AS evaluations,
    sum(seconds) AS seconds
FROM (
    SELECT *, judge_seconds(e) AS judge_seconds
    FROM evaluations AS e
    SEMI JOIN (SELECT * FROM candidates WHERE coalesce(arm, 'base') = 'base') AS own
        USING (run_id, suite, level, problem_id, source_hash)
)
CROSS JOIN LATERAL (VALUES
    ('judge: compile', compile_seconds),
    ('judge: draw', draw_seconds),
    ('judge: check', check_seconds),
    ('judge: time', time_seconds),
    ('judge: rest', greatest(
        judge_seconds - coalesce(compile_seconds, 0) - coalesce(draw_seconds, 0)
        - coalesce(check_seconds, 0) - coalesce(time_seconds, 0), 0
    ))
) AS stages(stage, seconds)
GROUP BY run_id, stage
ORDER BY run_id, stage <> 'sampling', stage
