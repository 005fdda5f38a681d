-- The failures' own words: the first line of the error, by status, the most frequent first.
SELECT
    status,
    left(split_part(trim(coalesce(error, '')), chr(10), 1), 160) AS error,
    count(*) AS draws,
    count(DISTINCT source_hash) AS sources,
    count(DISTINCT (suite, level, problem_id)) AS problems
FROM results
WHERE run_id IN ($runs) AND status IS NOT NULL AND NOT correct
GROUP BY ALL
ORDER BY draws DESC, status, error
LIMIT 25
