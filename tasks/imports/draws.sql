-- Imported rows, completed, with a key for their verdict. What follows from the rest is filled in:
-- the status from `correct`, fast_1 as the judge defines it (by the interval's lower end if there is
-- one), and no measurement without correctness. A row without a verdict keeps none. Equal sources share one evaluation only if the file
-- says the same of them; rows without a source, or measured apart, keep an evaluation of their own.
WITH
completed AS (
    SELECT * REPLACE (
        coalesce(status, CASE WHEN correct THEN 'correct' WHEN NOT correct THEN 'incorrect' END)
            AS status,
        correct AND coalesce(fast_1, coalesce(speedup_low, speedup) > 1) AS fast_1,
        if(correct, speedup, NULL) AS speedup,
        if(correct, speedup_low, NULL) AS speedup_low,
        if(correct, speedup_high, NULL) AS speedup_high,
        if(correct, runtime_ms, NULL) AS runtime_ms,
        if(correct, reference_ms, NULL) AS reference_ms,
        -- 0, -1 and infinity stand for no measurement.
        if(claimed_speedup > 0 AND isfinite(claimed_speedup), claimed_speedup, NULL)
            AS claimed_speedup,
        if(claimed_runtime_ms > 0 AND isfinite(claimed_runtime_ms), claimed_runtime_ms, NULL)
            AS claimed_runtime_ms
    )
    FROM imported
),
hashed AS (
    SELECT
        *,
        left(sha256(source), 16) AS content_hash,
        hash(
            status, fast_1, speedup, speedup_low, speedup_high, runtime_ms, reference_ms, device
        ) AS verdict
    FROM completed
),
judged AS (
    SELECT
        *,
        min(verdict) OVER same_source = max(verdict) OVER same_source AS agreed
    FROM hashed
    WHERE source IS NOT NULL
    WINDOW same_source AS (PARTITION BY level, problem_id, content_hash)
)
SELECT * EXCLUDE (content_hash, verdict, agreed),
    if(agreed, content_hash, content_hash || '-' || sample_index) AS source_hash
FROM judged
UNION ALL BY NAME
SELECT * EXCLUDE (content_hash, verdict), 'sample-' || sample_index AS source_hash
FROM hashed
WHERE source IS NULL
ORDER BY level, problem_id, sample_index
