-- Every run of this report: what it asked for, where, with which versions.
SELECT
    run_id, strftime(created_at, '%Y-%m-%d %H:%M') AS created_utc,
    kind, profile, suite, policy, policy_id, k::BIGINT AS k, seed, harness_id, host,
    versions, config, machines
FROM runs_latest
LEFT JOIN (
    SELECT run_id, list(DISTINCT machine ORDER BY machine) AS machines
    FROM evaluations_latest
    WHERE machine IS NOT NULL
    GROUP BY run_id
) USING (run_id)
WHERE run_id IN ($runs)
ORDER BY created_at, run_id
