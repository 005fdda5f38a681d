-- What measuring the anchors of a round anew took, failures of the judge included.
SELECT
    count(*) AS evaluations,
    coalesce(sum(judge_seconds(a)), 0) AS seconds,
    coalesce(sum(judge_gpu_seconds(a)), 0) AS gpu_seconds
FROM anchors AS a
WHERE round = $round
