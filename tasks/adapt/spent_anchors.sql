-- What measuring the anchors of a round anew took, failures of the judge included.
SELECT
    count(*) AS evaluations,
    coalesce(sum(wall_seconds), 0) AS seconds,
    coalesce(sum(wall_seconds) FILTER (starts_with(device, 'cuda')), 0) AS gpu_seconds
FROM anchors
WHERE round = $round
