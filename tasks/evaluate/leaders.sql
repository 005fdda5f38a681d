-- The fastest correct sources of one problem by their latest verdict, and how often each was measured.
WITH measured AS (
    SELECT
        source_hash, count(*) AS takes,
        arg_max(correct, evaluated_at) AS correct, arg_max(speedup, evaluated_at) AS speedup
    FROM evaluations
    WHERE suite = $suite AND level = $level AND problem_id = $problem_id
        AND harness_id = $harness_id AND status <> 'harness_error'
    GROUP BY ALL
),
written AS (
    SELECT source_hash, any_value(source) AS source
    FROM candidates
    WHERE suite = $suite AND level = $level AND problem_id = $problem_id
    GROUP BY ALL
)
SELECT m.source_hash, m.takes, c.source
FROM measured AS m
JOIN written AS c USING (source_hash)
WHERE m.correct AND m.speedup IS NOT NULL
ORDER BY m.speedup DESC, m.source_hash
LIMIT $leaders;
