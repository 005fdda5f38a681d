-- The failures' own words, by status, the most frequent first: of a compiler's output the first error
-- without its place in the file, of a traceback what was raised, else the first line.
WITH failed AS (
    SELECT *, trim(coalesce(error, '')) AS said
    FROM results
    WHERE run_id IN ($runs) AND coalesce(arm, 'base') = 'base' AND status IS NOT NULL AND NOT correct
),
reasons AS (
    SELECT
        *,
        regexp_extract(said, '(?m)^(?:\S+:\d+:(?:\d+:)? |\S+\(\d+\): )?((?:fatal )?error\b.*)$', 1) AS compiler,
        regexp_extract(said, '(?:^|\n)(\w[\w.]*(?:Error|Exception|Interrupt|Exit)\b[^\n]*)\s*$', 1) AS raised
    FROM failed
)
SELECT
    status,
    left(
        CASE
            WHEN compiler <> '' THEN compiler
            WHEN starts_with(said, 'Traceback') AND raised <> '' THEN raised
            ELSE split_part(said, chr(10), 1)
        END,
        160
    ) AS error,
    count(*) AS draws,
    count(DISTINCT source_hash) AS sources,
    count(DISTINCT (suite, level, problem_id)) AS problems
FROM reasons
GROUP BY ALL
ORDER BY draws DESC, status, error
LIMIT 25
