-- The fastest correct sources of every problem by their latest verdict, and how often each was measured.
WITH measured AS (
    SELECT
        suite, level, problem_id, harness_id, source_hash, count(*) AS takes,
        arg_max(correct, evaluated_at) AS correct, arg_max(speedup, evaluated_at) AS speedup
    FROM evaluations
    WHERE status <> 'harness_error'
    GROUP BY ALL
)
SELECT m.*, c.source
FROM measured AS m
JOIN (
    SELECT suite, level, problem_id, source_hash, any_value(source) AS source
    FROM candidates
    GROUP BY ALL
) AS c USING (suite, level, problem_id, source_hash)
WHERE m.correct AND m.speedup IS NOT NULL
ORDER BY m.speedup DESC, m.source_hash;
