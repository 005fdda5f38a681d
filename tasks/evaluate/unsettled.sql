-- Correct sources whose speedup interval holds 1 by their latest verdict, and which a quieter machine
-- may tell apart: the interval is wide, or others kept the machine busy. Widest first.
WITH latest AS (
    SELECT *
    FROM evaluations
    WHERE harness_id = $harness_id AND status <> 'harness_error'
    QUALIFY row_number() OVER (
        PARTITION BY suite, level, problem_id, source_hash
        ORDER BY sequence DESC NULLS LAST, evaluated_at DESC, evaluation_id DESC
    ) = 1
),
written AS (
    SELECT suite, level, problem_id, source_hash, any_value(source) AS source
    FROM candidates
    GROUP BY ALL
)
SELECT suite, level, problem_id, source_hash, source
FROM latest
JOIN written USING (suite, level, problem_id, source_hash)
WHERE correct AND NOT fast_1 AND speedup_low <= 1 AND speedup_high > 1
    AND (
        speedup_high / speedup_low > $wide
        OR list_contains(list_transform(findings, lambda one: one.rule), 'busy-machine')
    )
ORDER BY speedup_high / speedup_low DESC, suite, level, problem_id, source_hash
