-- Draws, verdicts and distinct sources of each run.
-- A draw without a verdict of its own (not judged yet, or the harness failed) is not a failure.
SELECT
    run_id,
    count(DISTINCT (suite, level, problem_id)) AS problems,
    count(*) AS draws,
    count(*) FILTER (WHERE status IS NOT NULL AND status <> 'harness_error') AS judged,
    count(*) FILTER (WHERE status = 'harness_error') AS harness_errors,
    count(*) FILTER (WHERE correct) AS correct,
    count(*) FILTER (WHERE fast_1) AS fast_1,
    count(*) FILTER (WHERE unsettled) AS unsettled,
    count(*) FILTER (WHERE list_contains(rules, 'busy-machine')) AS busy,
    count(*) FILTER (WHERE fast_1 AND list_contains(rules, 'library-calls')) AS fast_by_library,
    bool_or(policy_id LIKE 'embedded%') AS miniature,
    count(DISTINCT (suite, level, problem_id, source_hash)) AS distinct_sources,
    count(*) FILTER (WHERE mean_logprob IS NOT NULL) AS with_logprob,
    count(*) FILTER (WHERE finish_reason = 'length') AS cut_short,
    string_agg(DISTINCT logprob_mode, ', ' ORDER BY logprob_mode) AS logprob_modes,
    string_agg(DISTINCT device, ', ' ORDER BY device) AS devices
FROM results
WHERE run_id IN ($runs) AND coalesce(arm, 'base') = 'base'
GROUP BY run_id
ORDER BY run_id
