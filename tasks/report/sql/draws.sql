-- The candidates that a reader can browse: all draws of the problems that the page shows, or as many
-- as fit (6,000 in the report), taken by hash so that they are a fair sample.
WITH chosen AS (
    SELECT *
    FROM results
    WHERE run_id IN ($runs) AND $shown
    QUALIFY row_number() OVER (
        PARTITION BY suite, level, problem_id ORDER BY hash(run_id, sample_index)
    ) <= 6000 // (
        SELECT count(DISTINCT (suite, level, problem_id))
        FROM results
        WHERE run_id IN ($runs) AND $shown
    )
)
SELECT
    r.run_id, r.suite, r.level, r.problem_id, r.sample_index, r.source_hash,
    CASE
        WHEN r.status IS NULL THEN 'not judged'
        WHEN r.fast_1 THEN 'correct, faster'
        WHEN r.correct THEN 'correct, not faster'
        ELSE replace(r.status, '_', ' ')
    END AS outcome,
    r.speedup, r.speedup_low, r.speedup_high, r.runtime_ms, -r.mean_logprob AS surprisal,
    r.n_tokens, coalesce(r.flagged, false) AS flagged,
    left(split_part(trim(coalesce(r.error, '')), chr(10), 1), 300) AS remark,
    c.source
FROM chosen AS r
JOIN candidates AS c USING (run_id, suite, level, problem_id, sample_index)
ORDER BY r.level, r.problem_id, r.suite, r.run_id, r.sample_index
