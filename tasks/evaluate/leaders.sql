-- The fastest correct sources of one problem by their latest verdict, and how often each was measured;
-- of every arm in a run that has several.
WITH verdicts AS (
    SELECT
        source_hash, correct, speedup,
        count(*) OVER (PARTITION BY source_hash) AS takes,
        row_number() OVER (
            PARTITION BY source_hash
            ORDER BY sequence DESC NULLS LAST, evaluated_at DESC, evaluation_id DESC
        ) AS from_latest
    FROM evaluations
    WHERE suite = $suite AND level = $level AND problem_id = $problem_id
        AND harness_id = $harness_id AND status <> 'harness_error'
),
measured AS (
    SELECT source_hash, takes, correct, speedup
    FROM verdicts
    WHERE from_latest = 1
),
written AS (
    SELECT coalesce(arm, 'base') AS arm, source_hash, any_value(source) AS source
    FROM candidates
    WHERE suite = $suite AND level = $level AND problem_id = $problem_id
        AND purpose IS DISTINCT FROM 'confirm'
    GROUP BY ALL
),
winners AS (
    SELECT m.source_hash, m.takes, m.speedup, c.source
    FROM measured AS m
    JOIN written AS c USING (source_hash)
    WHERE m.correct AND m.speedup IS NOT NULL
    QUALIFY row_number() OVER (PARTITION BY c.arm ORDER BY m.speedup DESC, m.source_hash) <= $leaders
)
SELECT source_hash, any_value(takes) AS takes, any_value(source) AS source
FROM winners
GROUP BY source_hash
ORDER BY any_value(speedup) DESC, source_hash;
